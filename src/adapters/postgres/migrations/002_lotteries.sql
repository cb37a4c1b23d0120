-- Lotteries: accounts of tickets, draws and what they won. Times, days and references as in 001.

-- Grants and revocations. Together with the draws of `draw` they add up to what a user holds.
create table ticket (
  seq bigint primary key,         -- order of decision over all promotions; ticket and draw share it
  partition integer not null,
  user_no bigint not null,        -- identity.no
  cause smallint not null,        -- 0 VISIT, 1 INVITE_SENT, 2 INVITE_OPENED, 3 ADJUSTMENT
  tickets bigint not null,        -- negative: taken away
  at timestamptz not null,
  other bigint,                   -- identity.no of an invite's other side
  reason text                     -- of an adjustment; null: none, or erased
);
create index ticket_of_user on ticket (user_no);

-- One row for each ticket drawn and for each win of the second chance (segment 4294967295; serial is its place there).
create table draw (
  seq bigint primary key,
  partition integer not null,
  epoch integer not null,
  sequence bigint not null,
  user_no bigint not null,        -- identity.no
  segment bigint not null,
  serial bigint not null,
  at timestamptz not null,
  test boolean not null,
  prize integer,                  -- index into the lottery's prizes; null, like all below: lost
  item bigint,                    -- of the plan's order
  day date,                       -- local day of the win
  event_id uuid,
  effect uuid,                    -- effect.id of the accrual, if there is one
  voided smallint not null default 0  -- 1: before the second chance, which gives it out again; 2: later
);
create unique index draw_place on draw (partition, segment, serial);  -- also the order of decision within a promotion
create index draw_of_user on draw (user_no);
create index draw_won on draw (partition, seq) where prize is not null;  -- small, as losing is what most draws do
create index draw_won_by_event on draw (event_id) where prize is not null;

create table segment (
  partition integer not null,
  segment bigint not null,
  at timestamptz not null,
  previous bigint not null,       -- -1: none
  quota bigint not null,
  length bigint not null,
  first_item bigint not null,
  paused boolean not null default false,
  primary key (partition, segment)
);

-- One row for each gifticon that was won.
create table coupon (
  draw bigint primary key,        -- draw.seq
  partition integer not null,
  prize integer not null,
  issue integer not null default 0,  -- counts reissues
  ordinal bigint,                 -- of the code; null: none is assigned
  issued_at timestamptz,
  used_at timestamptz,
  expires_at timestamptz,
  voided boolean not null default false
);
create index coupon_pending on coupon (partition, prize, draw) where ordinal is null and not voided;

-- Events that came in asynchronously and granted nothing.
create table inbound_rejection (
  no bigint generated always as identity primary key,
  at timestamptz not null,
  id uuid not null,
  user_no bigint not null,        -- identity.no
  dropped boolean not null,
  reason text not null
);
create index inbound_rejection_of_user on inbound_rejection (user_no);

-- The ledger's own count of each lottery.
create table lottery_total (
  partition integer primary key,
  visit bigint not null default 0,           -- tickets granted, by cause
  invite_sent bigint not null default 0,
  invite_opened bigint not null default 0,
  adjustment bigint not null default 0,
  revoked bigint not null default 0,         -- tickets
  drawn bigint not null default 0,           -- tickets
  won bigint not null default 0,             -- voided ones included
  second_won bigint not null default 0,
  voided bigint not null default 0,
  accruals bigint not null default 0,        -- effects of kind 0 that wins made
  second_begun boolean not null default false
);

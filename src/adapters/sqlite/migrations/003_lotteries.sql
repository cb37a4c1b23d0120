-- Lotteries: accounts of tickets, draws and what they won. Times, days and references as in 001; views for people at the end.

alter table progress add column entry integer not null default 0;  -- seq of the last row of ticket and draw

-- Grants and revocations. Together with the draws of `draw` they add up to what a user holds.
create table ticket (
  seq integer primary key,        -- order of decision over all promotions; ticket and draw share it
  partition integer not null,
  user integer not null,          -- user.no
  cause integer not null,         -- 0 VISIT, 1 INVITE_SENT, 2 INVITE_OPENED, 3 ADJUSTMENT
  tickets integer not null,       -- negative: taken away
  at integer not null,
  other integer,                  -- user.no of an invite's other side
  reason text                     -- of an adjustment; null: none, or erased
) strict;
create index ticket_of_user on ticket (user);

-- One row for each ticket drawn and for each win of the second chance (segment 4294967295; serial is its place there).
create table draw (
  seq integer primary key,
  partition integer not null,
  epoch integer not null,
  sequence integer not null,
  user integer not null,          -- user.no
  segment integer not null,
  serial integer not null,
  at integer not null,
  test integer not null,
  prize integer,                  -- index into the lottery's prizes; null, like all below: lost
  item integer,                   -- of the plan's order
  day integer,                    -- local day of the win
  event_id blob,
  effect integer,                 -- effect.no of the accrual, if there is one
  voided integer not null default 0  -- 1: before the second chance, which gives it out again; 2: later
) strict;
create unique index draw_place on draw (partition, segment, serial);  -- also the order of decision within a promotion
create index draw_of_user on draw (user);
create index draw_won on draw (partition) where prize is not null;  -- small, as losing is what most draws do
create index draw_won_by_event on draw (event_id) where prize is not null;

create table segment (
  partition integer not null,
  segment integer not null,
  at integer not null,
  previous integer not null,      -- -1: none
  quota integer not null,
  length integer not null,
  first_item integer not null,
  paused integer not null default 0,
  primary key (partition, segment)
) strict, without rowid;

-- One row for each gifticon that was won.
create table coupon (
  draw integer primary key,       -- draw.seq
  partition integer not null,
  prize integer not null,
  issue integer not null default 0,  -- counts reissues
  ordinal integer,                -- of the code; null: none is assigned
  issued_at integer,
  used_at integer,
  expires_at integer,
  voided integer not null default 0
) strict;
create index coupon_pending on coupon (partition, prize) where ordinal is null and voided = 0;

-- Events that came in asynchronously and granted nothing.
create table inbound_rejection (
  no integer primary key,
  at integer not null,
  id blob not null,
  user integer not null,          -- user.no
  dropped integer not null,
  reason text not null
) strict;

-- The ledger's own count of each lottery.
create table lottery_total (
  partition integer primary key,
  visit integer not null default 0,          -- tickets granted, by cause
  invite_sent integer not null default 0,
  invite_opened integer not null default 0,
  adjustment integer not null default 0,
  revoked integer not null default 0,        -- tickets
  drawn integer not null default 0,          -- tickets
  won integer not null default 0,            -- voided ones included
  second_won integer not null default 0,
  voided integer not null default 0,
  accruals integer not null default 0,       -- effects of kind 0 that wins made
  second_begun integer not null default 0    -- the second chance has begun
) strict;

-- Effects of lotteries have ordinal 0. kind: 0 ACCRUAL, 1 NOTIFICATION of a win, 2 NOTIFICATION of granted tickets (amount: how many).
alter table effect add column kind integer not null default 0;
alter table effect add column prize integer;  -- index into the lottery's prizes, of a win
create index effect_of_lottery on effect (user) where ordinal = 0;

-- effect_count counts all kinds; this is the part of it that is no accrual.
create table notification_count (
  partition integer not null,
  state integer not null,
  count integer not null,
  primary key (partition, state)
) strict, without rowid;

drop view v_effect;
create view v_effect as
select e.no,
       lower(substr(hex(e.id), 1, 8) || '-' || substr(hex(e.id), 9, 4) || '-' || substr(hex(e.id), 13, 4) || '-' ||
             substr(hex(e.id), 17, 4) || '-' || substr(hex(e.id), 21)) as id,
       case e.kind when 0 then 'ACCRUAL' when 1 then 'WIN' else 'TICKET_GRANTED' end as kind,
       case e.state when 0 then 'PENDING' when 1 then 'SENDING' when 2 then 'UNKNOWN' when 3 then 'DONE' else 'DEAD' end as state,
       p.id as promotion, u.id as user, lower(hex(u.ref)) as user_ref, e.amount,
       strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at / 1000, 'unixepoch') || printf('.%03dZ', e.occurred_at % 1000) as occurred_at,
       case when e.state in (0, 2) and e.next_try > 0 then
         strftime('%Y-%m-%dT%H:%M:%S', e.next_try / 1000, 'unixepoch') || printf('.%03dZ', e.next_try % 1000) end as next_try,
       coalesce(a.tries, 0) as tries, coalesce(a.last_error, '') as last_error, e.dead_letter, e.ordinal
from effect e join promotion p on p.partition = e.partition join user u on u.no = e.user left join attempt a on a.effect = e.no;

create view v_ticket as
select t.seq, p.id as promotion, u.id as user, lower(hex(u.ref)) as user_ref,
       case when t.tickets < 0 then 'REVOCATION' else 'GRANT' end as type,
       case t.cause when 0 then 'VISIT' when 1 then 'INVITE_SENT' when 2 then 'INVITE_OPENED' else 'ADJUSTMENT' end as cause,
       t.tickets, strftime('%Y-%m-%dT%H:%M:%S', t.at / 1000, 'unixepoch') || printf('.%03dZ', t.at % 1000) as at,
       o.id as other_user, t.reason
from ticket t join promotion p on p.partition = t.partition join user u on u.no = t.user left join user o on o.no = t.other
union all
select d.seq, p.id, u.id, lower(hex(u.ref)), 'DRAW', null, -1,
       strftime('%Y-%m-%dT%H:%M:%S', d.at / 1000, 'unixepoch') || printf('.%03dZ', d.at % 1000), null, null
from draw d join promotion p on p.partition = d.partition join user u on u.no = d.user where d.segment <> 4294967295;

create view v_draw as
select d.seq,
       lower(substr(hex(d.event_id), 1, 8) || '-' || substr(hex(d.event_id), 9, 4) || '-' || substr(hex(d.event_id), 13, 4) || '-' ||
             substr(hex(d.event_id), 17, 4) || '-' || substr(hex(d.event_id), 21)) as win_id,
       p.id as promotion, u.id as user, lower(hex(u.ref)) as user_ref,
       case when d.segment = 4294967295 then 'SECOND_CHANCE' else 'DRAW' end as type,
       iif(d.segment = 4294967295, null, d.segment) as segment, d.serial,
       strftime('%Y-%m-%dT%H:%M:%S', d.at / 1000, 'unixepoch') || printf('.%03dZ', d.at % 1000) as at,
       p.definition ->> ('$.lottery.prizes[' || d.prize || '].prizeId') as prize, d.item, date(d.day * 86400, 'unixepoch') as day,
       d.test, d.voided <> 0 as voided, d.partition, d.epoch, d.sequence
from draw d join promotion p on p.partition = d.partition join user u on u.no = d.user;

create view v_coupon as
select c.draw as seq,
       lower(substr(hex(d.event_id), 1, 8) || '-' || substr(hex(d.event_id), 9, 4) || '-' || substr(hex(d.event_id), 13, 4) || '-' ||
             substr(hex(d.event_id), 17, 4) || '-' || substr(hex(d.event_id), 21)) as id,
       p.id as promotion, u.id as user, lower(hex(u.ref)) as user_ref,
       p.definition ->> ('$.lottery.prizes[' || c.prize || '].prizeId') as prize,
       case when c.voided then 'VOIDED' when c.used_at is not null then 'USED' when c.ordinal is null then 'PENDING_CODE' else 'ISSUED' end as state,
       c.issue, c.ordinal,
       strftime('%Y-%m-%dT%H:%M:%S', c.issued_at / 1000, 'unixepoch') || printf('.%03dZ', c.issued_at % 1000) as issued_at,
       strftime('%Y-%m-%dT%H:%M:%S', c.used_at / 1000, 'unixepoch') || printf('.%03dZ', c.used_at % 1000) as used_at,
       strftime('%Y-%m-%dT%H:%M:%S', c.expires_at / 1000, 'unixepoch') || printf('.%03dZ', c.expires_at % 1000) as expires_at
from coupon c join draw d on d.seq = c.draw join promotion p on p.partition = c.partition join user u on u.no = d.user;

create view v_inbound_rejection as
select r.no, u.id as user, lower(hex(u.ref)) as user_ref, lower(hex(r.id)) as id, r.dropped, r.reason,
       strftime('%Y-%m-%dT%H:%M:%S', r.at / 1000, 'unixepoch') || printf('.%03dZ', r.at % 1000) as at
from inbound_rejection r join user u on u.no = r.user;

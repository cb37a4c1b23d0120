-- The ledger: a projection of the log, and the log itself as it was read, in `event`. References of users and ids are UUIDs; days are
-- local dates of the promotion's zone. `effect` is a source of truth: what it says is over stays over, also if all else is rebuilt.

create table meta (
  key text primary key,
  value text not null
);

-- The last numbers that were given out; one row, locked by whoever applies, so that processes apply one after the other.
create table progress (
  one boolean primary key default true check (one),
  position bigint not null,       -- events applied so far
  ordinal bigint not null,        -- of the last participation
  effect bigint not null,         -- number of the last effect
  dead_letter bigint not null,    -- id of the last dead letter
  audit bigint not null,          -- seq of the last audit row
  entry bigint not null,          -- seq of the last row of ticket and draw
  chain text not null,            -- of the last audit row
  users bigint not null,          -- number of the last user
  erasures bigint not null,       -- persons erased so far: a process that knows of fewer forgets whom it knows
  paused_all boolean not null
);

-- How far each partition was read. Events at or below are skipped; the next one must have the next sequence.
create table partition_position (
  partition integer primary key,
  epoch integer not null,
  sequence bigint not null
);

-- The log, without gaps: the hot state can be folded from it again.
create table event (
  partition integer not null,
  epoch integer not null,
  sequence bigint not null,
  type smallint not null,         -- event_type.no
  at timestamptz not null,
  revision integer not null,      -- of the definition under which it was decided
  user_no bigint,                 -- of the first user that it names
  ordinal bigint,                 -- of the row of `participation` that it became; the way to those of one promotion
  command uuid,                   -- hash of the client's command
  bytes bytea not null,           -- the event as the journal writes it
  primary key (partition, epoch, sequence)
);

create table event_type (
  no smallint primary key,        -- as in the event's bytes
  name text not null
);
insert into event_type values
  (1, 'Participated'), (2, 'DefinitionChanged'), (3, 'PausedAll'), (4, 'UserBlocked'), (5, 'KeyChanged'), (6, 'AnswerKept'),
  (7, 'EffectSettled'), (8, 'Audited'), (9, 'UserErased'), (10, 'Visited'), (11, 'InviteIssued'), (12, 'InviteShared'),
  (13, 'InviteOpened'), (14, 'OpenNotGranted'), (15, 'TicketsAdjusted'), (16, 'SegmentOpened'), (17, 'SegmentPaused'), (18, 'Drew'),
  (19, 'LotteryClosed'), (20, 'SecondChanceStarted'), (21, 'SecondChanceWon'), (22, 'SecondChanceEnded'), (23, 'WinVoided'),
  (24, 'CodesImported'), (25, 'CodeAssigned'), (26, 'CouponReissued'), (27, 'CouponUsed'), (28, 'Inbound'), (29, 'InboundSettled'),
  (30, 'CodesBurned');

-- The only place that knows a person's id. Null: erased. Rows elsewhere use the number: numbers of new users ascend, so that their index
-- entries are written side by side; random references would touch a page each.
create table identity (
  no bigint primary key,
  ref uuid not null unique,
  id text
);

create table blocked (
  user_ref uuid primary key
);

-- The ledger document of each promotion. What the log says is written by the projection; the counts by the sync, every 30 s.
create table promotion (
  partition integer primary key,
  id text not null unique,
  title text not null,
  definition text not null,       -- as it stands in the log
  document jsonb,                 -- the same, if it is JSON
  revision integer not null,
  created timestamptz not null,
  modified timestamptz not null,
  left_join_count bigint not null,
  join_count bigint not null default 0,
  spent bigint not null default 0,
  status text not null,
  synced_sequence bigint not null default 0,
  synced_at timestamptz
);

-- Every definition there ever was. Partition 0 holds the list of keys, without their hashes.
create table definition_history (
  partition integer not null,
  revision integer not null,
  at timestamptz not null,
  definition text not null,
  primary key (partition, revision)
);

create table participation (
  ordinal bigint primary key,     -- order of decision, from 1, without gaps
  partition integer not null,
  epoch integer not null,
  sequence bigint not null,
  event_id uuid not null,
  user_no bigint not null,        -- identity.no
  day date not null,
  amount bigint not null,
  at timestamptz not null,
  revision integer not null,
  test boolean not null,
  effect uuid                     -- effect.id; null: nothing to send
);
create unique index participation_once_a_day on participation (user_no, partition, day);  -- also the way to the rows of one user

-- The ledger's own count, so that totals need no scan.
create table total (
  partition integer primary key,
  participations bigint not null,
  spent bigint not null
);

-- state: 0 PENDING, 1 SENDING, 2 UNKNOWN, 3 DONE, 4 DEAD. kind: 0 ACCRUAL, 1 NOTIFICATION of a win, 2 NOTIFICATION of granted tickets
-- (amount: how many).
create table effect (
  id uuid primary key,            -- the idempotency key at the partner
  no bigint not null,             -- order of decision
  ordinal bigint not null,        -- of the participation it comes from; 0: of a lottery
  partition integer not null,
  user_no bigint not null,        -- identity.no
  amount bigint not null,
  occurred_at timestamptz not null,
  kind smallint not null,
  prize integer,                  -- index into the lottery's prizes, of a win
  state smallint not null,
  next_try timestamptz not null,  -- on the wall clock that really runs; 1970: at once
  updated_at timestamptz not null,
  unknown_since timestamptz,      -- when the call was made whose answer is missing
  dead_letter bigint,             -- its number in the dead-letter list
  -- How it was tried: bookkeeping that no log has; emptied when it is long done.
  tries integer not null default 0,         -- calls made
  tries_before integer not null default 0,  -- those before the last redrive; the schedule counts from there
  first_at timestamptz,                     -- first call since then
  taken_at timestamptz,                     -- when it last became SENDING
  last_error text not null default '',
  -- Who is sending it.
  owner text,
  life uuid,                      -- of the owner's process
  deadline timestamptz            -- after which others may think that the owner has gone; by the database's clock
) with (autovacuum_vacuum_scale_factor = 0.02);  -- each row passes through effect_due: what has gone from there is swept early
create index effect_due on effect (next_try, no) where state in (0, 2);
create index effect_sending on effect (no) where state = 1;
create index effect_unknown on effect (unknown_since) where state = 2;
create unique index effect_dead on effect (dead_letter) where dead_letter is not null;
create index effect_of_lottery on effect (user_no) where ordinal = 0;
create index effect_bookkeeping on effect (updated_at) where state = 3 and tries > 0;

create table effect_count (
  partition integer not null,
  state smallint not null,
  count bigint not null,
  primary key (partition, state)
);

-- effect_count counts all kinds; this is the part of it that is no accrual.
create table notification_count (
  partition integer not null,
  state smallint not null,
  count bigint not null,
  primary key (partition, state)
);

create table refusal (
  no bigint generated always as identity primary key,
  user_ref uuid not null,
  at timestamptz not null,
  promotion_id text not null,
  code text not null,
  detail text not null
);
create index refusal_by_user on refusal (user_ref, no);
create index refusal_by_time on refusal (at);

-- Every operator action. A person is named by reference only, so that an erasure does not break the chain.
create table audit (
  seq bigint primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  subject text not null,
  subject_user uuid,
  before text not null,
  after text not null,
  reason text not null,
  chain text not null             -- hex SHA-256 over the previous chain and all columns of this row
);
create index audit_of_user on audit (subject_user) where subject_user is not null;

-- What contradicts itself in the log; never expected.
create table finding (
  no bigint generated always as identity primary key,
  at timestamptz not null,
  kind text not null,
  partition integer not null,
  epoch integer not null,
  sequence bigint not null,
  detail text not null
);

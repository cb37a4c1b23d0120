-- The ledger: a projection of the log. Times are milliseconds since 1970 UTC, days are days since 1970-01-01; the views of 002 show
-- both as text. References and ids are 16 bytes.

create table meta (
  key text primary key,
  value text not null
) strict, without rowid;

-- How far the projection is, and the last numbers it gave out; one row, changed in the transaction of each batch.
create table progress (
  one integer primary key check (one = 1),
  position integer not null,      -- of the log
  ordinal integer not null,       -- of the last participation
  effect integer not null,        -- number of the last effect
  dead_letter integer not null,   -- id of the last dead letter
  audit integer not null,         -- seq of the last audit row
  chain text not null,            -- of the last audit row
  paused_all integer not null
) strict;

-- The only place that knows a person's id. Null: erased. Rows elsewhere use the number where there are many of them: numbers of new users
-- ascend, so that their index entries are written side by side; random references would touch a page each.
create table user (
  no integer primary key,
  ref blob not null unique,
  id text
) strict;

create table blocked (
  user blob primary key
) strict, without rowid;

-- The ledger document of each promotion. What the log says is written by the projection; the counts by the sync, every 30 s.
create table promotion (
  partition integer primary key,
  id text not null unique,
  title text not null,
  definition text not null,
  revision integer not null,
  created integer not null,
  modified integer not null,
  left_join_count integer not null,
  join_count integer not null default 0,
  spent integer not null default 0,
  status text not null,
  synced_sequence integer not null default 0,
  synced_at integer
) strict;

-- Every definition there ever was. Partition 0 holds the list of keys, without their hashes.
create table definition_history (
  partition integer not null,
  revision integer not null,
  at integer not null,
  definition text not null,
  primary key (partition, revision)
) strict, without rowid;

create table participation (
  ordinal integer primary key,    -- order of decision, from 1, without gaps
  partition integer not null,
  epoch integer not null,
  sequence integer not null,
  event_id blob not null,
  user integer not null,          -- user.no
  day integer not null,
  amount integer not null,
  at integer not null,
  revision integer not null,
  test integer not null,
  effect integer,                 -- effect.no; null: nothing to send
  unique (partition, epoch, sequence)
) strict;
create unique index participation_once_a_day on participation (user, partition, day);  -- also the way to the rows of one user
create index participation_by_partition on participation (partition);

-- The ledger's own count, so that totals need no scan.
create table total (
  partition integer primary key,
  participations integer not null,
  spent integer not null
) strict;

-- state: 0 PENDING, 1 SENDING, 2 UNKNOWN, 3 DONE, 4 DEAD.
create table effect (
  no integer primary key,
  id blob not null,               -- the idempotency key at the partner
  ordinal integer not null,       -- of the participation it comes from
  partition integer not null,
  user integer not null,          -- user.no
  amount integer not null,
  occurred_at integer not null,
  state integer not null,
  next_try integer not null,      -- on the wall clock that really runs; 0: at once
  updated_at integer not null,
  unknown_since integer,          -- when the call was made whose answer is missing
  dead_letter integer             -- its number in the dead-letter list
) strict;
create unique index effect_not_done on effect (id) where state <> 3;  -- small, as done is what nearly all are
create index effect_due on effect (next_try, no) where state in (0, 2);
create index effect_sending on effect (no) where state = 1;
create index effect_unknown on effect (unknown_since) where state = 2;
create unique index effect_dead on effect (dead_letter) where dead_letter is not null;

create table effect_count (
  partition integer not null,
  state integer not null,
  count integer not null,
  primary key (partition, state)
) strict, without rowid;

-- How an effect was tried: bookkeeping that no log has. Rows of effects long done may go.
create table attempt (
  effect integer primary key,          -- effect.no
  tries integer not null default 0,    -- calls made
  tries_before integer not null default 0,  -- those before the last redrive; the schedule counts from there
  first_at integer not null default 0,      -- first call since then; 0: none yet
  taken_at integer not null default 0,      -- when it last became SENDING
  last_error text not null default ''
) strict;

create table refusal (
  no integer primary key,
  user blob not null,
  at integer not null,
  promotion_id text not null,
  code text not null,
  detail text not null
) strict;
create index refusal_by_user on refusal (user);

-- Every operator action. A person is named by reference only, so that an erasure does not break the chain.
create table audit (
  seq integer primary key,
  at integer not null,
  actor text not null,
  action text not null,
  subject text not null,
  subject_user blob,
  before text not null,
  after text not null,
  reason text not null,
  chain text not null             -- hex SHA-256 over the previous chain and all columns of this row
) strict;

-- What contradicts itself in the log; never expected.
create table finding (
  no integer primary key,
  at integer not null,
  kind text not null,
  partition integer not null,
  epoch integer not null,
  sequence integer not null,
  detail text not null
) strict;

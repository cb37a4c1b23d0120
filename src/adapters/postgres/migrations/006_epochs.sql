-- Who leads and which epoch a partition may enter: no projection of the log, but what keeps two leaders from contradicting each other
-- when the hot state, and the lease in it, is lost.

create table leader (
  one boolean primary key default true check (one),
  token bigint not null,          -- of the present term; grows with each
  process text not null,
  since timestamptz not null
);
insert into leader (token, process, since) values (0, '', now());

create table partition_epoch (
  partition integer not null,
  epoch integer not null,
  token bigint not null,          -- of the term in which it was granted
  granted_at timestamptz not null,
  closed_at timestamptz,          -- null: processes are asked to confirm that nothing of an earlier epoch is under way
  in_force_at timestamptz,        -- null: it never was
  last_sequence bigint,           -- of the epochs before: its own events follow
  lost bigint,                    -- events that were confirmed to somebody and that no log has
  at_least boolean,               -- a process that may have known of more had died
  primary key (partition, epoch)
);
create index partition_epoch_asked on partition_epoch (partition, epoch) where closed_at is null;

-- Every life of every process.
create table process (
  life uuid primary key,
  name text not null,
  begun_at timestamptz not null,
  seen_at timestamptz not null,   -- when it last said that it has heard a question that it cannot answer yet
  ended_at timestamptz,           -- null: it runs, as far as is known
  orderly boolean not null default false
);
create index process_running on process (name) where ended_at is null;

create table epoch_confirmation (
  partition integer not null,
  epoch integer not null,
  life uuid not null,
  known_epoch integer not null,
  known_sequence bigint not null, -- the last event that this process saw confirmed
  primary key (partition, epoch, life),
  foreign key (partition, epoch) references partition_epoch on delete cascade
);

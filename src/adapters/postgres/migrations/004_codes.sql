-- The vault of gifticon codes: a source of truth like `effect`, never touched by a rebuild. No column holds anything of a code that could
-- be read without the master key.

create table code_prize (
  no integer primary key generated always as identity,
  promotion_id text collate "C" not null,
  prize_id text collate "C" not null,
  count bigint not null,          -- rows of code
  written bigint not null,        -- ordinals given out so far; the next one
  committed bigint not null,      -- ordinals that are known to be announced in the log; may lag behind it
  announcing_until timestamptz,   -- until then a finished import may still be announced by whoever ran it
  unique (promotion_id, prize_id)
);

create table code (
  prize integer not null,         -- code_prize.no, whose rows are never deleted
  ordinal bigint not null,        -- from 0
  key bigint not null,            -- id of the master key
  sealed bytea not null,          -- nonce, AES-256-GCM ciphertext, tag; bound to promotion, prize and ordinal
  digest bytea not null,          -- HMAC-SHA-256 of the code: one code, one row in the installation
  primary key (prize, ordinal)
);
create unique index code_once on code (digest);

-- The master keys that rows were sealed under.
create table code_key (
  id bigint primary key,
  fingerprint bytea not null
);

-- The vault of gifticon codes: a source of truth of its own, apart from the ledger. No column holds anything of a code that could be
-- read without the master key.

create table code_prize (
  no integer primary key,
  promotion_id text not null,
  prize_id text not null,
  count integer not null,      -- rows of code
  written integer not null,    -- ordinals given out so far; the next one
  committed integer not null,  -- ordinals that are known to be announced in the log; may lag behind it
  unique (promotion_id, prize_id)
) strict;

-- In order of prize and ordinal, as they are imported: the rows of one import stand side by side.
create table code (
  prize integer not null,      -- code_prize.no
  ordinal integer not null,    -- from 0
  key integer not null,        -- id of the master key
  sealed blob not null,        -- nonce, AES-256-GCM ciphertext, tag; bound to promotion, prize and ordinal
  digest blob not null,        -- HMAC-SHA-256 of the code: one code, one row in the installation
  primary key (prize, ordinal)
) strict, without rowid;
create unique index code_once on code (digest);

-- The master keys that rows were sealed under.
create table code_key (
  id integer primary key,
  fingerprint blob not null
) strict;

#!lua name=windfall_5
-- The second interpreter of proposals: decides a list of proposals of one partition inside Redis 7.0, one after the other, exactly as
-- domain/kernel/state does in memory. It knows counters, bits of words and an opaque definition, and not one word of any rule.
--
-- A header is one string of words: epoch sequence revision time created modified day-even day-odd buckets, then name and value of every counter
-- that stands in it; '-' is none. Every key below but the header, the outbox and the registry belongs to one epoch.
--
-- FCALL open_5 1 header  epoch buckets time
--   Makes a header, sequence 0 and revision 0, where there is none. `time` is its last time, '-' = none yet. {'opened'|'exists', header}
--
-- FCALL commit_5 5+u header outbox counters commands-even commands-odd user...  epoch seen now limit m k c plan*m index*k [hash*k print*k] payload*k user*u
--   KEYS [2] stream  [3] hash: counters too many for the header  [4] [5] hashes: accepted commands of even and of odd UTC days, unlinked when
--     their turn comes again  [6..] one per user reference below: the hash its values stand in (or the definition's key, see D)
--   ARGV seen: the caller has seen this sequence confirmed   now: ms, '' = the server's clock   limit: entries of the outbox above which nothing is
--     accepted   c: 1 = hashes and fingerprints of commands follow, '' = not repeatable   index: 1..m, the proposal's plan   payload: opaque, kept
--     in the outbox   user: references, as many as the plan has columns, proposal by proposal
--   Replies {'fenced', header or ''}   header missing, of another epoch, or behind what the caller has seen
--           {'overloaded', header}     the outbox is full; nothing was looked at
--           {'decided', header now, sequence before, time, verdict*k}, where a verdict is a text:
--     'a values'            accepted: what was taken, then the looks after the changes, each after a blank; sequences follow each other
--     'r guard values'      refused: index of the first guard that fails, from 0, then the looks
--     's revision'          another revision is in force (this one), or the time is outside of the window
--     'p' record            the command was accepted less than 24 hours before, by the partition's time: 8 bytes of fingerprint, then
--                           "sequence time shown shown"
--     'x message'           would leave the exact integers, or the command is kept otherwise; nothing of this proposal was done
--   or an error, and then nothing was written. The outbox entry has the id epoch-<last sequence>, the field b = "sequence-before time", and for
--   each accepted proposal, in order, a field "revision taken..." with the payload.
--
-- FCALL fill_5 1+n header key...  before after  n times: how word...
--   Writes what a rebuild has folded, each key by its how: an even number of words = fields and values of a hash   '=' one word = the value of the
--   key   '-' no word = the key is given back. The header has to be `before` to the letter and becomes `after`, so that calls take effect one after
--   the other or not at all. {'filled', after}, or {'fenced', header or ''} and nothing was written
-- FCALL unlink_5 1+n header key...  epoch          gives back keys of an epoch that is not in force; {'unlinked'} or {'fenced', header}
-- FCALL register_5 1 registry  name                the name's number, from 1 in order of registration
--
-- A plan is what is the same for many proposals, one text of words:
--   revision from until ('-' = open) events columns
--   slots n: h name | c name | u tag column     a number in the header, in the hash of counters, or of a user: field = tag (hex) .. reference
--   guards n: B slot limit (below) | A slot amount (at least) | E slot value | N slot bit (absent) | F slot than (dense set smaller) |
--             G slot bit than (own bit fewer)
--   takes n: slot
--   looks n: C slot | M slot bit | S slot (size of a dense set)
--   changes n: B slot by | T slot take by (by + that take, from 0) | A slot bit | D column (the definition: KEYS its key, ARGV its text)
--   shown 2: N value | C slot (after the changes) | T take by
-- A dense set stands in 16 words of 48 bits, tags 00..0f; bit 48 of word 00 tells that there are others. The caller sets it.
--
-- Lua's numbers are doubles: exact between -(2^53 - 1) and 2^53 - 1. Integers are formatted here, because Lua would turn large ones into 1e+15. A
-- library sees no globals while it loads; every function looks up what it uses when it is called.

local MAX_EXACT = 9007199254740991
local DAY_MS = 86400000 -- also how long a command is repeated
local FIXED_KEYS = 5
local WORDS = 16
local MORE_WORDS = 281474976710656 -- 2^48
local COUNTERS_AT = 10             -- of the header's words
-- Plans and headers are kept as they were parsed. When a table is full it is forgotten: a server has far fewer partitions and plans in use at
-- a time, and a stranger costs some 20 us.
local MAX_PLANS = 4096
local MAX_PLAN_KEPT = 4096 -- bytes; longer ones are made for one occasion
local MAX_HEADERS = 1024
local MAX_WORDS = 1000 -- of one command; Lua's stack holds some 8000

local POWERS = {}
for bit = 0, 52 do POWERS[bit] = 2 ^ bit end
local ONES = {[0] = 0} -- in eight bits; the collector walks over it, again and again
for value = 1, 255 do
  local low = value % 2
  ONES[value] = ONES[(value - low) / 2] + low
end

local plans, plans_kept = {}, 0
local headers, headers_kept = {}, 0

local call, format
local function look_up()
  call, format = redis.call, string.format
end

local function text(number) return format('%d', number) end

local function integer(word)
  local number = tonumber(word)
  if not number or number % 1 ~= 0 or number > MAX_EXACT or number < -MAX_EXACT then error('not an exact integer: ' .. tostring(word)) end
  return number
end

local function has(word, bit) return word % POWERS[bit + 1] >= POWERS[bit] end


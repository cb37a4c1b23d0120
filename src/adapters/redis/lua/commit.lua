#!lua name=windfall_1
-- The second interpreter of proposals: decides one proposal of one partition inside Redis 7.0, exactly as domain/kernel/state does in memory.
-- It knows counters, sets and an opaque definition, and not one word of any rule. Nothing is written before everything is checked.
--
-- FCALL open_1 1 header epoch time
--   Makes the header of a partition that has none: sequence 0, revision 0. `time` is its last time, '' = none yet.
--   Replies {'opened'}, or {'exists', epoch, sequence}.
--
-- FCALL commit_1 7 header counters users commands-even commands-odd outbox definition ARGV...
--   KEYS, all of one slot: [1] hash: e epoch, s sequence, r revision, t time, c created, m modified, d0 and d1 the UTC days of [4] and [5]
--     [2] hash: counter -> value   [3] hash: set:word -> bits of its members, set:own -> own bits
--     [4] [5] hashes: command -> "sequence time length fingerprint shown"; commands of even and of odd days, unlinked when their turn
--     comes again   [6] stream, one entry per acceptance   [7] string, the definition
--   ARGV [1] epoch   [2] sequence last seen by the caller   [3] now in ms, '' = the server's clock   [4] revision   [5] [6] window [from, until) in
--     ms, '' = open   [7] command, '' = not repeatable   [8] its fingerprint   [9] what its answer showed, returned on repetition
--     [10..14] how many guards, takes, looks, changes, events follow, in that order; at most 1000 arguments altogether:
--     guard  B counter '' limit | A counter '' amount | E counter '' value | N set code member (absent) | F set code than (fewer)
--     take   counter                                 look   C counter '' '' | M set code member | S set code '' (size)
--     change B counter '' by | T counter take by (by + the value of that take, from 0) | A set code member | D '' '' definition
--     event  opaque bytes
--     `code` is d for a dense set (members 0..767), or 1..15: the user's own bit of that number (members are not told apart).
--   Replies, integers as decimal strings, the first that applies:
--     {'fenced', epoch, sequence}   header missing ('' ''), of another epoch, or behind what the caller has seen
--     {'repeated', fingerprint, sequence, time, shown}   accepted less than 24 hours before, by the partition's time
--     {'stale', now, revision}   another revision is in force, or now is outside of the window
--     {'refused', index of the first guard that fails, from 0, now, {looks}}
--     {'accepted', epoch, sequence of the first event, now, {taken}, {looks after the changes}}
--   or an error, and then nothing was written. The partition's time is max(last, now). The outbox entry has the id epoch-<last sequence> and the
--   fields s (first sequence) t r c f v (taken, separated by blanks) and one e per event.
--
-- Lua's numbers are doubles: counters, operands and times are exact between -(2^53 - 1) and 2^53 - 1, and a change beyond is an error. Integers are
-- formatted here, because Redis would turn large ones into 1e+15. A library sees no globals while it loads, so none is cached.

local MAX_EXACT = 9007199254740991
local MEMBERS_PER_WORD = 48 -- bits of a word that a double holds, with room to spare
local WORDS = 16            -- members 0..767
local MAX_OWN_BIT = 15
local DAY_MS = 86400000     -- also how long a command is repeated
local ITEM = 4              -- arguments of a guard, a look or a change

local function text(number) return string.format('%.0f', number) end

local function integer(argument)
  local number = tonumber(argument)
  if not number or number % 1 ~= 0 then error('not an integer: ' .. tostring(argument)) end
  return number
end

-- A hash read through and written back at the end: `values` by field, `changed` lists the fields to write.
local function table_of(key) return {key = key, values = {}, changed = {}, dirty = {}} end

local function read(from, field)
  local value = from.values[field]
  if value == nil then
    value = tonumber(redis.call('HGET', from.key, field) or 0)
    from.values[field] = value
  end
  return value
end

local function write(to, field, value)
  to.values[field] = value
  if not to.dirty[field] then
    to.dirty[field] = true
    to.changed[#to.changed + 1] = field
  end
end

local function add(counters, field, by)
  local value = read(counters, field) + by
  if value > MAX_EXACT or value < -MAX_EXACT then error('RANGE counter ' .. field .. ' leaves the exact integers') end
  write(counters, field, value)
end

local function flush(changed)
  for _, field in ipairs(changed.changed) do redis.call('HSET', changed.key, field, text(changed.values[field])) end
end

-- Where a member stands: field and bit.
local function place(set, code, member)
  if code ~= 'd' then
    local own = integer(code)
    if own < 1 or own > MAX_OWN_BIT then error('no such own bit: ' .. code) end
    return set .. ':own', own
  end
  local number = integer(member)
  if number < 0 or number >= WORDS * MEMBERS_PER_WORD then error('no such member: ' .. member) end
  return set .. ':' .. text(math.floor(number / MEMBERS_PER_WORD)), number % MEMBERS_PER_WORD
end

local function contains(sets, set, code, member)
  local field, bit_number = place(set, code, member)
  return math.floor(read(sets, field) / 2 ^ bit_number) % 2 == 1
end

local function include(sets, set, code, member)
  if contains(sets, set, code, member) then return end
  local field, bit_number = place(set, code, member)
  write(sets, field, read(sets, field) + 2 ^ bit_number)
end

local function size(sets, set, code)
  if code ~= 'd' then return contains(sets, set, code) and 1 or 0 end
  local members = 0
  for word = 0, WORDS - 1 do
    local bits = read(sets, set .. ':' .. text(word))
    while bits > 0 do
      members = members + bits % 2
      bits = math.floor(bits / 2)
    end
  end
  return members
end

local GUARDS = {
  B = function(p, counter, _, limit) return read(p.counters, counter) < integer(limit) end,
  A = function(p, counter, _, amount) return read(p.counters, counter) >= integer(amount) end,
  E = function(p, counter, _, value) return read(p.counters, counter) == integer(value) end,
  N = function(p, set, code, member) return not contains(p.sets, set, code, member) end,
  F = function(p, set, code, than) return size(p.sets, set, code) < integer(than) end,
}

local LOOKS = {
  C = function(p, counter) return read(p.counters, counter) end,
  M = function(p, set, code, member) return contains(p.sets, set, code, member) and 1 or 0 end,
  S = function(p, set, code) return size(p.sets, set, code) end,
}

local CHANGES = {
  B = function(p, counter, _, by) add(p.counters, counter, integer(by)) end,
  T = function(p, counter, take, by)
    local value = p.taken[integer(take) + 1]
    if not value then error('no such take: ' .. take) end
    add(p.counters, counter, integer(by) + value)
  end,
  A = function(p, set, code, member) include(p.sets, set, code, member) end,
  D = function(p, _, _, definition)
    if p.revision == 0 then p.created = p.time end
    p.definition, p.modified, p.revision = definition, p.time, p.revision + 1
  end,
}

-- Calls the item's entry in `kinds` with its three operands.
local function call(kinds, p, args, at)
  local kind = kinds[args[at]]
  if not kind then error('no such kind: ' .. tostring(args[at])) end
  return kind(p, args[at + 1], args[at + 2], args[at + 3])
end

local function looks(p, args)
  local values = {}
  for i = 1, p.looks.count do values[i] = text(call(LOOKS, p, args, p.looks.first + (i - 1) * ITEM)) end
  return values
end

-- max(last, now): time never decreases within a partition.
local function time_after(last, now)
  if now == '' then
    local clock = redis.call('TIME')
    now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  else
    now = integer(now)
  end
  return last and math.max(tonumber(last), now) or now
end

local function repetition(keys, args, time)
  for bucket = 4, 5 do
    local kept = redis.call('HGET', keys[bucket], args[7])
    if kept then
      local sequence, at, length, rest = kept:match('^(%d+) (%-?%d+) (%d+) (.*)$')
      if time - tonumber(at) < DAY_MS then
        return {'repeated', rest:sub(1, tonumber(length)), sequence, at, rest:sub(tonumber(length) + 1)}
      end
    end
  end
  return nil
end

-- Where the sections of ARGV begin, and how many items each has.
local function sections(args, p)
  local at = 15
  for i, section in ipairs({{'guards', ITEM}, {'takes', 1}, {'looks', ITEM}, {'changes', ITEM}, {'events', 1}}) do
    local count = integer(args[9 + i])
    p[section[1]] = {first = at, count = count}
    at = at + count * section[2]
  end
  if at ~= #args + 1 or p.events.count < 1 then error('arguments do not match their counts') end
end

local function keep_events(keys, args, p, taken)
  local fields = {'s', text(p.sequence + 1), 't', text(p.time), 'r', args[4], 'c', args[7], 'f', args[8], 'v', table.concat(taken, ' ')}
  for i = p.events.first, p.events.first + p.events.count - 1 do
    fields[#fields + 1] = 'e'
    fields[#fields + 1] = args[i]
  end
  redis.call('XADD', keys[6], args[1] .. '-' .. text(p.sequence + p.events.count), unpack(fields))
end

local function remember(keys, args, p, days)
  local day = math.floor(p.time / DAY_MS)
  local odd = day % 2
  if days[odd] ~= text(day) then
    redis.call('UNLINK', keys[4 + odd])
    redis.call('HSET', keys[1], 'd' .. text(odd), text(day))
  end
  local record = text(p.sequence + 1) .. ' ' .. text(p.time) .. ' ' .. text(#args[8]) .. ' ' .. args[8] .. args[9]
  redis.call('HSET', keys[4 + odd], args[7], record)
end

local function commit(keys, args)
  local header = redis.call('HMGET', keys[1], 'e', 's', 'r', 't', 'd0', 'd1')
  if not header[1] or header[1] ~= args[1] or tonumber(header[2]) < integer(args[2]) then
    return {'fenced', header[1] or '', header[2] or ''}
  end
  local p = {counters = table_of(keys[2]), sets = table_of(keys[3])}
  sections(args, p)
  p.sequence, p.revision = tonumber(header[2]), tonumber(header[3])
  p.time = time_after(header[4], args[3])

  if args[7] ~= '' then
    local repeated = repetition(keys, args, p.time)
    if repeated then return repeated end
  end
  local early = args[5] ~= '' and p.time < integer(args[5])
  local late = args[6] ~= '' and p.time >= integer(args[6])
  if p.revision ~= integer(args[4]) or early or late then return {'stale', text(p.time), text(p.revision)} end
  for i = 0, p.guards.count - 1 do
    if not call(GUARDS, p, args, p.guards.first + i * ITEM) then
      return {'refused', text(i), text(p.time), looks(p, args)}
    end
  end

  -- Still in memory: takes and changes, which may yet fail.
  local taken = {}
  p.taken = {}
  for i = 1, p.takes.count do
    local counter = args[p.takes.first + i - 1]
    p.taken[i] = read(p.counters, counter)
    taken[i] = text(p.taken[i])
    add(p.counters, counter, 1)
  end
  for i = 0, p.changes.count - 1 do call(CHANGES, p, args, p.changes.first + i * ITEM) end
  local seen = looks(p, args)

  -- Now the writes. The stream first: it alone could still refuse, an id that is not above its last.
  keep_events(keys, args, p, taken)
  flush(p.counters)
  flush(p.sets)
  if args[7] ~= '' then remember(keys, args, p, {[0] = header[5], [1] = header[6]}) end
  if p.created then redis.call('HSET', keys[1], 'c', text(p.created)) end
  if p.definition then
    redis.call('SET', keys[7], p.definition)
    redis.call('HSET', keys[1], 'r', text(p.revision), 'm', text(p.modified))
  end
  redis.call('HSET', keys[1], 's', text(p.sequence + p.events.count), 't', text(p.time))
  return {'accepted', args[1], text(p.sequence + 1), text(p.time), taken, seen}
end

local function open(keys, args)
  local header = redis.call('HMGET', keys[1], 'e', 's')
  if header[1] then return {'exists', header[1], header[2]} end
  redis.call('HSET', keys[1], 'e', args[1], 's', '0', 'r', '0')
  if args[2] ~= '' then redis.call('HSET', keys[1], 't', args[2]) end
  return {'opened'}
end

redis.register_function('commit_1', commit)
redis.register_function('open_1', open)

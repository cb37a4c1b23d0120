-- ---- a call

-- Lists that would grow anew, step by step, in every call. What lies beyond their counts is of calls before.
local entry, changed, changed_at, kept = {}, {}, {}, {[0] = {}, [1] = {}}

local function begin(keys, args, header)
  return {
    keys = keys, args = args, header = header,
    values = {}, fields = {},                            -- of one proposal, by slot
    users = {},                                          -- by field
    entry = entry, entries = 0,
    changed = changed, changed_at = changed_at, changes = 0, -- fields and their keys, in order
    sparse = {}, sparse_changed = {},
    commands = {}, kept = kept, kept_count = {[0] = 0, [1] = 0}, dropped = {},
  }
end

-- Of all proposals of the call.
local function decide_at(c, time)
  c.time, c.time_text = time, text(time)
  c.day = math.floor(time / DAY_MS)
  c.odd = c.day % 2
end

local function flush_users(c)
  local fields, keys, users = c.changed, c.changed_at, c.users
  local i, count = 1, c.changes
  while i <= count do
    local field, key = fields[i], keys[i]
    if i == count or keys[i + 1] ~= key then
      call('HSET', key, field, text(users[field]))
      i = i + 1
    else
      local pairs_of, words = {}, 0
      while i <= count and keys[i] == key and words < MAX_WORDS do
        pairs_of[words + 1], pairs_of[words + 2] = fields[i], text(users[fields[i]])
        words, i = words + 2, i + 1
      end
      call('HSET', key, unpack(pairs_of))
    end
  end
end

local function flush(c)
  local keys = c.keys
  flush_users(c)
  for name in pairs(c.sparse_changed) do call('HSET', keys[3], name, text(c.sparse[name])) end
  for bucket = 0, 1 do
    if c.dropped[bucket] then call('UNLINK', keys[4 + bucket]) end
    local count = c.kept_count[bucket]
    if count > 0 then call('HSET', keys[4 + bucket], unpack(c.kept[bucket], 1, count)) end
  end
  if c.definition then call('SET', c.definition[1], c.definition[2]) end
  write_header(keys[1], c.header)
end

-- Where the columns begin, and the plans.
local function columns(c, counts_at)
  local args = c.args
  local plans_given, count, with_commands = integer(args[counts_at]), integer(args[counts_at + 1]), args[counts_at + 2] == '1'
  local at, plans_of_call = counts_at + 2, {}
  c.count, c.plans = count, {}
  for i = 1, plans_given do plans_of_call[i] = plan_of(args[at + i]) end
  local plans_at = at + plans_given
  at = plans_at + count
  if with_commands then
    c.hashes_at, c.prints_at = at, at + count
    at = at + 2 * count
  end
  c.columns_at = at
  c.users_at = at + count
  if count < 1 or #args - c.users_at ~= #c.keys - FIXED_KEYS then error('arguments do not match their counts') end
  local references = 0
  for i = 1, count do
    local plan = plans_of_call[tonumber(args[plans_at + i])] or error('no such plan')
    c.plans[i] = plan
    references = references + plan.columns
  end
  if references ~= #args - c.users_at then error('references do not match the plans') end
end

local function judge(c, plan, base, hash, fingerprint)
  if hash then
    local record = repeated(c, hash)
    if record then return 'p' .. record end
  end
  local header, time = c.header, c.time
  if plan.revision ~= header.revision or plan.from and time < plan.from or plan.till and time >= plan.till then
    return 's ' .. text(header.revision)
  end
  gather(c, plan, base)
  local values = c.values
  local guard = failing(plan, values)
  if guard then return looked_at(plan, values, 'r ' .. text(guard)) end
  local taken = change(plan, values)
  if not taken then return 'x RANGE a counter leaves the exact integers' end

  header.time = time
  local answer, entries = 'a', c.entries
  for i = 1, #taken do answer = answer .. ' ' .. text(taken[i]) end
  c.entry[entries + 1] = #taken == 0 and plan.note or plan.note .. string.sub(answer, 2)
  c.entry[entries + 2] = c.payload
  c.entries = entries + 2
  publish(c, plan, base)
  if hash then remember(c, plan, taken, hash, fingerprint) end
  header.sequence = header.sequence + plan.events
  return looked_at(plan, values, answer)
end

-- The clock's or the given time, but never before the partition's last.
local function time_after(last, now)
  if now == '' then
    local clock = call('TIME')
    now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  else
    now = integer(now)
  end
  return last and last > now and last or now
end

local function command_at(c, i)
  local hash = c.hashes_at and c.args[c.hashes_at + i] or ''
  if hash == '' then return nil end
  return hash, c.args[c.prints_at + i]
end

local function commit(keys, args)
  look_up()
  local header, raw = borrow_header(keys[1])
  if not header or header.epoch ~= args[1] or header.sequence < integer(args[2]) then return {'fenced', raw} end
  if call('XLEN', keys[2]) >= integer(args[4]) then
    give_back_header(keys[1], header)
    return {'overloaded', raw}
  end
  local c = begin(keys, args, header)
  decide_at(c, time_after(header.time, args[3]))
  columns(c, 5)
  if c.hashes_at then read_commands(c, c.hashes_at + 1, c.count) end
  local before = header.sequence
  c.entry[1], c.entry[2], c.entries = 'b', text(before) .. ' ' .. c.time_text, 2
  local reply = {'decided', raw, text(before), c.time_text}
  local base = 0
  for i = 1, c.count do
    local plan = c.plans[i]
    c.payload = args[c.columns_at + i]
    local hash, fingerprint = command_at(c, i)
    reply[4 + i] = judge(c, plan, base, hash, fingerprint)
    base = base + plan.columns
  end
  if header.sequence > before then
    -- The stream first: it alone could still refuse, an id that is not above its last.
    call('XADD', keys[2], header.epoch .. '-' .. text(header.sequence), unpack(c.entry, 1, c.entries))
    flush(c)
    reply[2] = header.raw
  end
  give_back_header(keys[1], header)
  return reply
end

-- ---- headers made, filled and exchanged

local function open(keys, args)
  look_up()
  local raw = call('GET', keys[1])
  if raw then return {'exists', raw} end
  integer(args[1])
  if integer(args[2]) < 1 then error('no bucket') end
  raw = table.concat({args[1], '0', '0', args[3], '-', '-', '-', '-', args[2]}, ' ')
  call('SET', keys[1], raw)
  return {'opened', raw}
end

local function fill(keys, args)
  look_up()
  local raw = call('GET', keys[1]) or ''
  if raw ~= args[1] then return {'fenced', raw} end
  -- All of it is looked at before any of it is written.
  local at = 3
  for _ = 2, #keys do
    local how = args[at] or error('arguments do not match their counts')
    local words = how == '-' and 0 or how == '=' and 1 or integer(how)
    if how ~= '-' and how ~= '=' and (words < 2 or words % 2 ~= 0) then error('fields and values are no pairs') end
    at = at + 1 + words
  end
  if at ~= #args + 1 then error('arguments do not match their counts') end
  at = 3
  for i = 2, #keys do
    local key, how = keys[i], args[at]
    if how == '-' then
      call('UNLINK', key)
      at = at + 1
    elseif how == '=' then
      call('SET', key, args[at + 1])
      at = at + 2
    else
      local last = at + integer(how)
      for from = at + 1, last, MAX_WORDS do
        call('HSET', key, unpack(args, from, math.min(from + MAX_WORDS - 1, last)))
      end
      at = last + 1
    end
  end
  call('SET', keys[1], args[2])
  return {'filled', args[2]}
end

local function unlink(keys, args)
  look_up()
  local raw = call('GET', keys[1])
  if raw and string.match(raw, '^%S+') == args[1] then return {'fenced', raw} end
  for i = 2, #keys do call('UNLINK', keys[i]) end
  return {'unlinked'}
end

local function register(keys, args)
  look_up()
  local number = call('HGET', keys[1], args[1])
  if number then return number end
  number = text(call('HLEN', keys[1]) + 1)
  call('HSET', keys[1], args[1], number)
  return number
end

redis.register_function('open_5', open)
redis.register_function('commit_5', commit)
redis.register_function('fill_5', fill)
redis.register_function('unlink_5', unlink)
redis.register_function('register_5', register)

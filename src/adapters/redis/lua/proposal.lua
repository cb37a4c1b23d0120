-- ---- one proposal

-- Several values of one user.
local function gather_some(c, plan, slots, user, key)
  local values, fields, users = c.values, c.fields, c.users
  local wanted, known = {}, true
  for i = 1, #slots do
    local slot = slots[i]
    local field = plan.names[slot] .. user
    fields[slot], wanted[i] = field, field
    known = known and users[field]
  end
  if not known then
    local found = call('HMGET', key, unpack(wanted))
    for i = 1, #slots do
      if not users[wanted[i]] then users[wanted[i]] = tonumber(found[i] or 0) end
    end
  end
  for i = 1, #slots do values[slots[i]] = users[wanted[i]] end
end

-- The values of the plan's slots, read once per call.
local function gather(c, plan, base)
  local values, fields, users, names = c.values, c.fields, c.users, plan.names
  local keys, args, users_at = c.keys, c.args, c.users_at + base
  local header, sparse, fetches = plan.header, plan.sparse, plan.fetches
  local counters, from_hash = c.header.counters, c.sparse
  for i = 1, #header do
    local slot = header[i]
    values[slot] = counters[names[slot]] or 0
  end
  for i = 1, #sparse do
    local name = names[sparse[i]]
    if not from_hash[name] then from_hash[name] = tonumber(call('HGET', keys[3], name) or 0) end
    values[sparse[i]] = from_hash[name]
  end
  for i = 1, #fetches do
    local column, slots = fetches[i][1], fetches[i][2]
    local user, key = args[users_at + column], keys[FIXED_KEYS + base + column]
    if slots[2] then
      gather_some(c, plan, slots, user, key)
    else
      local slot = slots[1]
      local field = names[slot] .. user
      local value = users[field]
      if not value then
        value = tonumber(call('HGET', key, field) or 0)
        users[field] = value
      end
      fields[slot], values[slot] = field, value
    end
  end
  for i = 1, #plan.later do
    local slot = plan.later[i]
    local column = plan.columns_of[slot]
    local user, key = args[users_at + column], keys[FIXED_KEYS + base + column]
    local first, field = users['\0' .. user], names[slot] .. user
    fields[slot] = field
    if first < MORE_WORDS then
      values[slot] = 0
    else
      if users[field] == nil then users[field] = tonumber(call('HGET', key, field) or 0) end
      values[slot] = users[field]
    end
  end
end

local function size(values, slots)
  local members = 0
  for i = 1, values[slots[1]] < MORE_WORDS and 1 or WORDS do
    local word = values[slots[i]] % MORE_WORDS
    while word > 0 do
      local low = word % 256
      members = members + ONES[low]
      word = (word - low) / 256
    end
  end
  return members
end

-- Index of the first guard that fails, or nil.
local function failing(plan, values)
  local guards = plan.guards
  for i = 1, #guards do
    local guard = guards[i]
    local kind, at = guard[1], guard[2]
    local holds
    if kind == 'E' then
      holds = values[at] == guard[3]
    elseif kind == 'B' then
      holds = values[at] < guard[3]
    elseif kind == 'A' then
      holds = values[at] >= guard[3]
    elseif kind == 'N' then
      holds = not has(values[at], guard[3])
    elseif kind == 'F' then
      holds = size(values, at) < guard[3]
    else
      holds = (has(values[at], guard[3]) and 1 or 0) < guard[4]
    end
    if not holds then return i - 1 end
  end
  return nil
end

local function looked_at(plan, values, answer)
  local looks = plan.looks
  for i = 1, #looks do
    local look = looks[i]
    local kind, at = look[1], look[2]
    if kind == 'C' then
      answer = answer .. ' ' .. text(values[at])
    elseif kind == 'M' then
      answer = answer .. (has(values[at], look[3]) and ' 1' or ' 0')
    else
      answer = answer .. ' ' .. text(size(values, at))
    end
  end
  return answer
end

local NOTHING = {}

-- Takes and changes, on the gathered values only. Returns what was taken, or nothing where a number leaves the exact integers.
local function change(plan, values)
  local takes, changes = plan.takes, plan.changes
  local taken = takes[1] and {} or NOTHING
  for i = 1, #takes do
    local slot = takes[i][2]
    taken[i] = values[slot]
    values[slot] = taken[i] + 1
    if values[slot] > MAX_EXACT then return nil end
  end
  for i = 1, #changes do
    local item = changes[i]
    local kind, slot = item[1], item[2]
    if kind == 'B' then
      local value = values[slot] + item[3]
      if value > MAX_EXACT or value < -MAX_EXACT then return nil end
      values[slot] = value
    elseif kind == 'A' then
      local value, bit = values[slot], item[3]
      if not has(value, bit) then values[slot] = value + POWERS[bit] end
    elseif kind == 'T' then
      local value = values[slot] + (item[4] + taken[item[3] + 1])
      if value > MAX_EXACT or value < -MAX_EXACT then return nil end
      values[slot] = value
    end
  end
  return taken
end

-- From now on the rest of the call sees it.
local function publish(c, plan, base)
  local values, names, header = c.values, plan.names, c.header
  local of_header, of_hash, of_users = plan.header_writes, plan.sparse_writes, plan.user_writes
  local counters, changed = header.counters, header.changed
  for i = 1, #of_header do
    local name = names[of_header[i]]
    counters[name] = values[of_header[i]]
    changed[name] = true
  end
  for i = 1, #of_hash do
    local name = names[of_hash[i]]
    c.sparse[name] = values[of_hash[i]]
    c.sparse_changed[name] = true
  end
  -- Who comes twice is written twice, with what it comes to in the end.
  local users, fields, count, columns_of = c.users, c.fields, c.changes, plan.columns_of
  for i = 1, #of_users do
    local slot = of_users[i]
    local field = fields[slot]
    users[field] = values[slot]
    count = count + 1
    c.changed[count], c.changed_at[count] = field, c.keys[FIXED_KEYS + base + columns_of[slot]]
  end
  c.changes = count
  if not plan.defines then return end
  for _, item in ipairs(plan.changes) do
    if item[1] == 'D' then
      local at = base + item[2]
      c.definition = {c.keys[FIXED_KEYS + at], c.args[c.users_at + at]}
      header.words[6] = text(header.time)
      if header.revision == 0 then header.words[5] = header.words[6] end
      header.revision = header.revision + 1
    end
  end
end

-- ---- commands

local function accepted_at(record)
  return tonumber(string.match(record, '^%d+ (%-?%d+)', 9)) or error('a command is kept otherwise')
end

local function repeated(c, hash)
  local record = c.commands[hash]
  if not record then return nil end
  return c.time - accepted_at(record) < DAY_MS and record or nil
end

local function shown_now(plan, values, taken)
  local shown = ''
  for i = 1, 2 do
    local item = plan.shown[i]
    local value = item[2]
    if item[1] == 'C' then
      value = values[value]
    elseif item[1] == 'T' then
      value = taken[value + 1] + item[3]
    end
    shown = shown .. ' ' .. text(value)
  end
  return shown
end

local function remember(c, plan, taken, hash, fingerprint)
  local shown = plan.shown_always or shown_now(plan, c.values, taken)
  local record = fingerprint .. text(c.header.sequence + 1) .. ' ' .. c.time_text .. shown .. ' ' .. c.header.epoch
  c.commands[hash] = record
  local odd = c.odd
  if c.header.days[odd] ~= c.day then -- what stands there is at least a day old
    c.header.days[odd] = c.day
    c.dropped[odd] = true
    c.kept_count[odd] = 0
  end
  local kept, count = c.kept[odd], c.kept_count[odd]
  kept[count + 1], kept[count + 2] = hash, record
  c.kept_count[odd] = count + 2
end

local function read_commands(c, from, count)
  for bucket = 0, 1 do
    local day = c.header.days[bucket]
    if day and day >= c.day - 1 then -- what is older is not repeated any more
      local found = call('HMGET', c.keys[4 + bucket], unpack(c.args, from, from + count - 1))
      for i = 1, count do
        local record, hash = found[i], c.args[from + i - 1]
        if record then
          local before, at = c.commands[hash], accepted_at(record)
          if not before or accepted_at(before) < at then c.commands[hash] = record end
        end
      end
    end
  end
end


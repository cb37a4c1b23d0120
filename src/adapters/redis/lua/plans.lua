-- ---- plans

local HEADER, SPARSE, USER, LATER = 1, 2, 3, 4 -- where a slot's value stands; LATER: a word that is there only if the first word says so

local function reader(source)
  local words, at = {}, 0
  for word in string.gmatch(source, '%S+') do words[#words + 1] = word end
  local read = {}
  function read.word()
    at = at + 1
    return words[at] or error('plan is cut short')
  end
  function read.number() return integer(read.word()) end
  function read.bound()
    local word = read.word()
    return word ~= '-' and integer(word) or nil
  end
  function read.over() return at == #words end
  return read
end

local function unhex(tag)
  if #tag % 2 ~= 0 or string.find(tag, '%X') then error('not hex: ' .. tag) end
  return (string.gsub(tag, '%x%x', function(pair) return string.char(tonumber(pair, 16)) end))
end

local function read_slots(plan, read)
  for slot = 1, read.number() do
    local kind = read.word()
    if kind == 'u' then
      plan.kinds[slot], plan.names[slot], plan.columns_of[slot] = USER, unhex(read.word()), read.number()
    elseif kind == 'h' then
      plan.kinds[slot], plan.names[slot] = HEADER, read.word()
    elseif kind == 'c' then
      plan.kinds[slot], plan.names[slot] = SPARSE, read.word()
    else
      error('no such slot: ' .. kind)
    end
  end
end

-- The slots of a dense set's sixteen words, made where the plan does not name them.
local function words_from(plan, first)
  local slots = {first}
  for word = 1, WORDS - 1 do
    local name, column = string.char(word), plan.columns_of[first]
    for slot = 1, #plan.kinds do
      if plan.names[slot] == name and plan.columns_of[slot] == column then slots[word + 1] = slot end
    end
    if not slots[word + 1] then
      local slot = #plan.kinds + 1
      plan.kinds[slot], plan.names[slot], plan.columns_of[slot] = LATER, name, column
      slots[word + 1] = slot
    end
  end
  return slots
end

local function read_list(plan, read, list, shapes)
  local items = {}
  for i = 1, read.number() do
    local kind = list and read.word() or 'slot'
    local shape = shapes[kind] or error('no such kind: ' .. kind)
    local item = {kind}
    for _, operand in ipairs(shape) do
      local value = read.number()
      if operand == 'slot' and not plan.kinds[value] then error('no such slot') end
      if operand == 'bit' and not POWERS[value + 1] then error('no such bit') end
      if operand == 'words' then
        if plan.kinds[value] ~= USER then error('not a dense set') end
        value = words_from(plan, value)
      end
      item[#item + 1] = value
    end
    items[i] = item
  end
  return items
end

local GUARDS = {B = {'slot', 'n'}, A = {'slot', 'n'}, E = {'slot', 'n'}, N = {'slot', 'bit'}, F = {'words', 'n'}, G = {'slot', 'bit', 'n'}}
local TAKES = {slot = {'slot'}}
local LOOKS = {C = {'slot'}, M = {'slot', 'bit'}, S = {'words'}}
local CHANGES = {B = {'slot', 'n'}, T = {'slot', 'n', 'n'}, A = {'slot', 'bit'}, D = {'n'}}
local SHOWN = {N = {'n'}, C = {'slot'}, T = {'n', 'n'}}

-- ' shown shown' where that is the same for every proposal.
local function shown_always(plan)
  local first, second = plan.shown[1], plan.shown[2]
  if first[1] ~= 'N' or second[1] ~= 'N' then return nil end
  return ' ' .. text(first[2]) .. ' ' .. text(second[2])
end

local function parsed(source)
  local read = reader(source)
  local plan = {kinds = {}, names = {}, columns_of = {}, header = {}, sparse = {}, fetches = {}, later = {}, header_writes = {}, sparse_writes = {}, user_writes = {}}
  plan.revision, plan.from, plan.till = read.number(), read.bound(), read.bound()
  plan.events, plan.columns = read.number(), read.number()
  read_slots(plan, read)
  plan.guards = read_list(plan, read, true, GUARDS)
  plan.takes = read_list(plan, read, false, TAKES)
  plan.looks = read_list(plan, read, true, LOOKS)
  plan.changes = read_list(plan, read, true, CHANGES)
  plan.shown = read_list(plan, read, true, SHOWN)
  if not read.over() or #plan.shown ~= 2 or plan.events < 1 then error('plan does not add up') end

  -- What is written where is known beforehand, and what is read of each user in one go.
  local writes, of_column = {}, {}
  for _, take in ipairs(plan.takes) do writes[take[2]] = true end
  for _, change in ipairs(plan.changes) do
    if change[1] ~= 'D' then writes[change[2]] = true end
    if change[1] == 'D' then plan.defines = true end
    if change[1] == 'T' and not plan.takes[change[3] + 1] then error('no such take') end
  end
  for _, shown in ipairs(plan.shown) do
    if shown[1] == 'T' and not plan.takes[shown[2] + 1] then error('no such take') end
  end
  plan.shown_always = shown_always(plan)
  plan.note = text(plan.revision)
  for slot = 1, #plan.kinds do
    local column = plan.columns_of[slot]
    if column and (column < 1 or column > plan.columns) then error('no such column') end
    local kind = plan.kinds[slot]
    if writes[slot] then
      table.insert(kind == HEADER and plan.header_writes or kind == SPARSE and plan.sparse_writes or plan.user_writes, slot)
    end
    if kind == USER then
      if not of_column[column] then
        of_column[column] = {}
        table.insert(plan.fetches, {column, of_column[column]})
      end
      table.insert(of_column[column], slot)
    else
      table.insert(kind == HEADER and plan.header or kind == SPARSE and plan.sparse or plan.later, slot)
    end
  end
  return plan
end

local function plan_of(source)
  local plan = plans[source]
  if plan then return plan end
  plan = parsed(source)
  if #source <= MAX_PLAN_KEPT then
    if plans_kept >= MAX_PLANS then plans, plans_kept = {}, 0 end
    plans[source], plans_kept = plan, plans_kept + 1
  end
  return plan
end

-- ---- headers

local function parsed_header(raw)
  local words = {}
  for word in string.gmatch(raw, '%S+') do words[#words + 1] = word end
  local header = {raw = raw, words = words, at = {}, counters = {}, changed = {}, days = {}}
  header.epoch, header.sequence, header.revision = words[1], integer(words[2]), integer(words[3])
  header.time = tonumber(words[4])
  header.days[0], header.days[1] = tonumber(words[7]), tonumber(words[8])
  for i = COUNTERS_AT, #words, 2 do
    header.at[words[i]] = i + 1
    header.counters[words[i]] = integer(words[i + 1])
  end
  return header
end

-- Taken out of the table while it is worked on: after an error it is parsed again.
local function borrow_header(key)
  local raw = call('GET', key)
  local header = headers[key]
  if header then
    headers[key], headers_kept = nil, headers_kept - 1
    if header.raw == raw then return header, raw end
  end
  return raw and parsed_header(raw), raw or ''
end

local function give_back_header(key, header)
  if headers_kept >= MAX_HEADERS then headers, headers_kept = {}, 0 end
  if not headers[key] then headers_kept = headers_kept + 1 end
  headers[key] = header
end

local function write_header(key, header)
  local words = header.words
  for name in pairs(header.changed) do
    local at = header.at[name]
    if not at then
      at = #words + 2
      words[at - 1] = name
      header.at[name] = at
    end
    words[at] = text(header.counters[name])
  end
  header.changed = {}
  words[2], words[3], words[4] = text(header.sequence), text(header.revision), text(header.time)
  words[7] = header.days[0] and text(header.days[0]) or '-'
  words[8] = header.days[1] and text(header.days[1]) or '-'
  header.raw = table.concat(words, ' ')
  call('SET', key, header.raw)
end


-- Decides one participation, atomically.
-- KEYS: 1 stock counter, 2 set of join conditions "promotion:type:value", 3 set of dates on which the user has joined
-- ARGV: 1 date, 2 promotion, 3 user
-- Returns 0 joined, -1 sold out, -2 a condition does not hold, -3 joined on this date already

local stock = tonumber(redis.call('GET', KEYS[1]))
if not stock or stock == 0 then
    return -1
end

for _, condition in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local first = string.find(condition, ':')
    local second = first and string.find(condition, ':', first + 1)
    if not second then
        return -2
    end
    local kind = string.sub(condition, first + 1, second - 1)
    local value = string.sub(condition, second + 1)

    if kind == 'N_DUP_LIMIT' and redis.call('SCARD', KEYS[3]) == tonumber(value) then
        return -2
    end
    if kind == 'LEADING' and redis.call('SCARD', 'advUser:promoId:' .. value .. 'userId' .. ARGV[3]) == 0 then
        return -2
    end
end

if redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 1 then
    return -3
end

redis.call('SADD', KEYS[3], ARGV[1])
redis.call('DECRBY', KEYS[1], 1)
return 0

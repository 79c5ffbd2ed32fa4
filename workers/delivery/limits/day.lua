-- Counts what began on an endpoint's calendar day, by partition, in one step and by the server's own clock.
-- KEYS: a hash: server, day (its start, ms), and a count for each partition (p…).
-- ARGV: server, partitions, most, takes (0, 1), is urgent (0, 1), where yesterday, today, tomorrow and the day after begin
-- (ms), then for each partition of this worker: its number, the start of a day, what the worker knows to have begun. The
-- first of them is the one that takes.
local hash, server, partitions, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local takes, is_urgent, first = ARGV[4] == '1', ARGV[5] == '1', 10
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local day, ends
for at = 6, 8 do
  if tonumber(ARGV[at]) <= now and now < tonumber(ARGV[at + 1]) then
    day, ends = ARGV[at], ARGV[at + 1]
  end
end
if not day then
  return {'clock', '0', '0', '0'}
end
-- Another server, or another day (also by another time zone): what began on it is known to the workers alone.
if redis.call('HGET', hash, 'server') ~= server or redis.call('HGET', hash, 'day') ~= day then
  redis.call('DEL', hash)
  redis.call('HSET', hash, 'server', server, 'day', day)
end
redis.call('PEXPIRE', hash, 259200000)
for at = first, #ARGV, 3 do
  local known = tonumber(redis.call('HGET', hash, 'p' .. ARGV[at]) or '-1')
  if ARGV[at + 1] == day and tonumber(ARGV[at + 2]) > known then
    redis.call('HSET', hash, 'p' .. ARGV[at], ARGV[at + 2])
  end
end
local begun, reported = 0, 0
local fields = redis.call('HGETALL', hash)
for at = 1, #fields, 2 do
  if string.sub(fields[at], 1, 1) == 'p' then
    begun, reported = begun + tonumber(fields[at + 1]), reported + 1
  end
end
local left = string.format('%.0f', math.max(0, most - begun))
if not takes then
  return {'reported', left, day, ends}
end
if not is_urgent then
  if reported < partitions then
    return {'unknown', left, day, ends}
  end
  if begun >= most then
    return {'spent', '0', day, ends}
  end
end
redis.call('HINCRBY', hash, 'p' .. ARGV[first], 1)
return {'taken', string.format('%.0f', math.max(0, most - begun - 1)), day, ends}

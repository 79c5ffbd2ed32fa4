-- Takes up to `want` deliveries from an endpoint's limit, by the server's own clock, in one step.
-- KEYS: when the bucket is full again (us), leases (by end, us), blocked until (us), which server wrote these
local server, interval, burst, concurrency = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local want, lease, grace, name, kept = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], 86400000
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
for at = 9, #ARGV do
  redis.call('ZREM', KEYS[2], ARGV[at])
end
local full_at = tonumber(redis.call('GET', KEYS[1]))
-- Another server, or one that lost its memory: nobody knows what was taken, so the bucket begins empty, and only when
-- those who helped themselves meanwhile are back.
if full_at == nil or redis.call('GET', KEYS[4]) ~= server then
  full_at = now + burst * interval + grace
  redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', kept)
end
redis.call('SET', KEYS[4], server, 'PX', kept)
local blocked = tonumber(redis.call('GET', KEYS[3]) or '0')
if blocked > now then
  return {0, string.format('%.0f', blocked - now), 'blocked'}
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
local free = concurrency - redis.call('ZCARD', KEYS[2])
if free <= 0 then
  return {0, '50000', 'concurrency'}
end
full_at = math.max(full_at, now)
local room = now + burst * interval - full_at
-- Half a microsecond: at this size of numbers, an interval that is no whole number is rounded, and a burst of 1 never fits.
local count = math.min(math.floor((room + 0.5) / interval), want, free)
if count <= 0 then
  return {0, string.format('%.0f', math.ceil(interval - room)), 'rate'}
end
redis.call('SET', KEYS[1], string.format('%.0f', full_at + count * interval), 'PX', kept)
for number = 1, count do
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + lease), name .. ':' .. number)
end
redis.call('PEXPIRE', KEYS[2], kept)
return {count, '0', ''}

-- Counts failed attempts in a row and deliveries that were given up of an endpoint, over all workers, in one step.
-- KEYS: a hash: failures, since (ms), notified (%), given_up, given_up_since, given_up_notified_at (ms).
-- ARGV: now, has worked (0, 1), failures (after it worked), this worker's own failures in a row and since when, given up,
-- of what operators were notified: since, %, given_up_since, how many; when it was resumed; ms after which operators are notified again of
-- deliveries that were given up.
-- Returns failures, since, notified, and of failures that are over how many they were and since when (0: none, or never notified),
-- then how many were given up that operators are to be notified of now (0: none) and since when.
local hash = KEYS[1]
local now, worked, failures, streak, since, given_up = tonumber(ARGV[1]), ARGV[2] == '1', tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local function known(field)
  return tonumber(redis.call('HGET', hash, field) or '0')
end
local function text(number)
  return string.format('%.0f', number)
end
local count, began, notified = known('failures'), known('since'), known('notified')
if began > 0 and began < tonumber(ARGV[11]) then
  count, began, notified = 0, 0, 0
end
if began > 0 and began == tonumber(ARGV[7]) then
  notified = math.max(notified, tonumber(ARGV[8]))
end
local over, over_since = 0, 0
if worked then
  if notified > 0 then
    over, over_since = count, began
  end
  count, began, notified = 0, 0, 0
end
-- Another server, or one that lost its data: what this worker has seen by itself still counts.
count = math.max(count + failures, streak)
if count > 0 and began == 0 then
  began = since
end
local lost, lost_since, lost_notified = known('given_up'), known('given_up_since'), known('given_up_notified_at')
if lost_since > 0 and lost_since == tonumber(ARGV[9]) then
  lost, lost_notified, lost_since = math.max(0, lost - tonumber(ARGV[10])), now, 0
end
lost = lost + given_up
if lost > 0 and lost_since == 0 then
  lost_since = now
end
redis.call('HSET', hash, 'failures', text(count), 'since', text(began), 'notified', text(notified), 'given_up', text(lost),
  'given_up_since', text(lost_since), 'given_up_notified_at', text(lost_notified))
redis.call('PEXPIRE', hash, 2592000000)
local due = 0
if lost > 0 and now - lost_notified >= tonumber(ARGV[12]) then
  due = lost
end
return {text(count), text(began), text(notified), text(over), text(over_since), text(due), text(lost_since)}

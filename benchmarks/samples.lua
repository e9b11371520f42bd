-- wrk script: POST batches of health samples, each with times of its own, so that all of them are stored.
-- Our own code, under the licence of the project (MIT, see LICENSE).
-- env: DEVICES=file of "uuid,key" lines  PATHNAME=/api/health  SAMPLES=samples in a batch  SINCE=seconds since 1970
-- The batches of a device are as of five minutes each: its samples are five minutes apart, within the day after SINCE.
local heads, sent, n = {}, {}, 0
local size, since = tonumber(os.getenv("SAMPLES") or "50"), tonumber(os.getenv("SINCE"))
local rest = {}

function init(args)
  math.randomseed(os.time())
  for line in io.lines(os.getenv("DEVICES")) do
    local id, key = line:match("^([^,]+),([^,]*)")
    n = n + 1
    heads[n] = { ["Content-Type"] = "application/json", ["X-Device-ID"] = id, ["X-Device-Key"] = key }
    sent[n] = 0
  end
  for number = 1, 97 do
    rest[number] = string.format('Z","cpu_usage_percent":%.1f,"memory_used_mb":%d,"memory_total_mb":2048,"temperature_celsius":%.1f,"disk_used_percent":%.1f}',
      number % 100, 400 + 7 * number, 40 + number / 10, 20 + number / 5)
  end
end

function request()
  local device = math.random(n)
  local number = sent[device]
  sent[device] = number + 1
  -- 300 batches begin in different seconds, then the next ones begin where the first of them ended.
  local block = math.floor(number / 300)
  local first = since + (block * size * 300 + number % 300) % 86000
  local items = {}
  for index = 0, size - 1 do
    items[index + 1] = '{"at":"' .. os.date("!%Y-%m-%dT%H:%M:%S", first + index * 300) .. rest[(number + index) % 97 + 1]
  end
  return wrk.format("POST", "/api/health", heads[device], '{"samples":[' .. table.concat(items, ",") .. "]}")
end

function done(s, l, r)
  io.write(string.format('JSON {"requests":%d,"seconds":%.3f,"refused":%d,"broken":%d,"p50":%.1f,"p99":%.1f}\n',
    s.requests, s.duration / 1e6, s.errors.status,
    s.errors.connect + s.errors.read + s.errors.write + s.errors.timeout, l:percentile(50) / 1e3, l:percentile(99) / 1e3))
end

-- wrk script: POST heartbeats for random sites. All requests are formatted once in init(), so that the client costs little.
-- Our own code, under the licence of the project (MIT, see LICENSE).
-- env: SITES=file of "uuid,key" lines  PATHNAME=/api/heartbeat  ID_HEADER, KEY_HEADER, BODY: those of sites unless given
--      FORWARDED_FOR=address, for X-Forwarded-For  COUNT_STATUSES=1: count the answers by status
--      PAUSE_MS=milliseconds that a connection waits before each request; they do not count in the latencies
local reqs, n = {}, 0
local tid = 0
local threads = {}
statuses = {} -- global, so that thread:get finds it

function setup(thread)
  thread:set("seed", tid)
  tid = tid + 1
  threads[#threads + 1] = thread
end

function init(args)
  math.randomseed(os.time() + (seed or 0) * 7919)
  local path = os.getenv("PATHNAME") or "/api/heartbeat"
  local body = os.getenv("BODY") or '{"version":"1.0.0","uptime_seconds":12345}'
  local id_header, key_header = os.getenv("ID_HEADER") or "X-Site-ID", os.getenv("KEY_HEADER") or "X-Site-Key"
  for line in io.lines(os.getenv("SITES") or "sites.csv") do
    local id, key = line:match("^([^,]+),([^,]*)")
    local h = { ["Content-Type"] = "application/json", [id_header] = id, [key_header] = key }
    h["X-Forwarded-For"] = os.getenv("FORWARDED_FOR")
    reqs[n + 1] = wrk.format("POST", path, h, body)
    n = n + 1
  end
end

function request() return reqs[math.random(n)] end

local pause = tonumber(os.getenv("PAUSE_MS") or "0")
if pause > 0 then
  function delay() return pause end
end

-- Only when asked for: with it wrk parses every header of every answer.
if os.getenv("COUNT_STATUSES") then
  function response(status)
    local name = tostring(status)
    statuses[name] = (statuses[name] or 0) + 1
  end
end

local function counted()
  local total, parts = {}, {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("statuses")) do total[status] = (total[status] or 0) + count end
  end
  for status, count in pairs(total) do parts[#parts + 1] = string.format('"%s":%d', status, count) end
  return "{" .. table.concat(parts, ",") .. "}"
end

function done(s, l, r)
  io.write(string.format('JSON {"requests":%d,"duration_s":%.3f,"rps":%.1f,"non2xx":%d,"err_connect":%d,"err_read":%d,"err_write":%d,"err_timeout":%d,"p50_ms":%.3f,"p90_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"statuses":%s}\n',
    s.requests, s.duration/1e6, s.requests/(s.duration/1e6), s.errors.status, s.errors.connect, s.errors.read,
    s.errors.write, s.errors.timeout, l:percentile(50)/1e3, l:percentile(90)/1e3, l:percentile(99)/1e3, l.max/1e3,
    counted()))
end

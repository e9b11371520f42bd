-- wrk script: POST the heartbeats of agents, site by site, so that each site's sequence rises and no two of its heartbeats are
-- under way at once. Our own code, under the licence of the project (MIT, see LICENSE).
-- env: SITES=file of "uuid,key" lines, more of them than connections  PATHNAME=/api/heartbeat
--      THREADS=number of wrk's threads; each takes every THREADS-th site
-- A site's installation and boot follow from its id, so that the next run of wrk goes on with them: the sequence begins at the
-- time of day in milliseconds.
local headers, bodies, n = {}, {}, 0
local tid, sent = 0, 0
local round

function setup(thread)
  thread:set("number", tid)
  tid = tid + 1
end

function init(args)
  local position, threads = 0, tonumber(os.getenv("THREADS") or "1")
  round = os.time() * 1000
  for line in io.lines(os.getenv("SITES") or "sites.csv") do
    local id, key = line:match("^([^,]+),([^,]*)")
    if position % threads == number then
      n = n + 1
      headers[n] = { ["Content-Type"] = "application/json", ["X-Site-ID"] = id, ["X-Site-Key"] = key }
      local tail = id:sub(2)
      bodies[n] = '{"version":"1.0.0","uptime_seconds":12345,"lease_revision":1,"instance_id":"a' .. tail
        .. '","boot_id":"b' .. tail .. '","sequence":%d,"nonce":"benchmark-%d-%d-%d"}'
    end
    position = position + 1
  end
  path = os.getenv("PATHNAME") or "/api/heartbeat"
end

function request()
  local site = sent % n + 1
  local sequence = round + math.floor(sent / n)
  sent = sent + 1
  return wrk.format("POST", path, headers[site], bodies[site]:format(sequence, number, sequence, site))
end

function done(s, l, r)
  io.write(string.format('JSON {"requests":%d,"duration_s":%.3f,"rps":%.1f,"non2xx":%d,"err_connect":%d,"err_read":%d,"err_write":%d,"err_timeout":%d,"p50_ms":%.3f,"p90_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"statuses":{}}\n',
    s.requests, s.duration/1e6, s.requests/(s.duration/1e6), s.errors.status, s.errors.connect, s.errors.read,
    s.errors.write, s.errors.timeout, l:percentile(50)/1e3, l:percentile(90)/1e3, l:percentile(99)/1e3, l.max/1e3))
end

-- A draw by the next of the users that hold tickets: BENCH_USERS of them, one after the other, so that nobody meets the rate limit and nobody's
-- list of draws gets long.
dofile(os.getenv("BENCH_WRK") .. "/report.lua")

local head
local users = tonumber(os.getenv("BENCH_USERS"))
local count = 0

function init()
  head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nAuthorization: Bearer "
    .. os.getenv("BENCH_KEY") .. "\r\nX-User-Id: draw-"
end

function request()
  count = count % users + 1
  return head .. count .. "\r\n\r\n"
end

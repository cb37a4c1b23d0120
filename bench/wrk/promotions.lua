-- A participation by a new user each time, at each of the promotions BENCH_PROMOTIONS in turn. Each thread of wrk asks the server on its own of BENCH_PORTS.
dofile(os.getenv("BENCH_WRK") .. "/report.lua")
dofile(os.getenv("BENCH_WRK") .. "/users.lua")

local numbered = setup
local ports = {}
for port in os.getenv("BENCH_PORTS"):gmatch("%d+") do ports[#ports + 1] = port end

function setup(thread)
  numbered(thread)
  thread.addr = wrk.lookup("127.0.0.1", ports[thread:get("thread_number") + 1])[1]
end

local heads = {}
local turn = 0

function init()
  for promotion in os.getenv("BENCH_PROMOTIONS"):gmatch("[^,]+") do
    heads[#heads + 1] = "POST /v1/promotions/" .. promotion .. "/participations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nAuthorization: Bearer "
      .. os.getenv("BENCH_KEY") .. "\r\nX-User-Id: "
  end
end

function request()
  turn = turn % #heads + 1
  return heads[turn] .. next_user() .. "\r\n\r\n"
end

-- A participation by a new user each time, through a gateway that has authenticated it. Written out by hand: wrk.format would cost more
-- than the server.
dofile(os.getenv("BENCH_WRK") .. "/report.lua")
dofile(os.getenv("BENCH_WRK") .. "/users.lua")

local head

function init()
  head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nAuthorization: Bearer "
    .. os.getenv("BENCH_KEY") .. "\r\nX-User-Id: "
end

function request()
  return head .. next_user() .. "\r\n\r\n"
end

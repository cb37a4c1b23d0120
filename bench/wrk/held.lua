-- How many tickets a user holds, another user each time: one user alone would meet the rate limit.
dofile(os.getenv("BENCH_WRK") .. "/report.lua")
dofile(os.getenv("BENCH_WRK") .. "/users.lua")

local head

function init()
  head = "GET " .. wrk.path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " .. os.getenv("BENCH_KEY")
    .. "\r\nX-User-Id: "
end

function request()
  return head .. next_user() .. "\r\n\r\n"
end

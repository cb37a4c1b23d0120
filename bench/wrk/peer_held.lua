-- How many tickets a user holds at the peer, another user each time, as in held.lua.
dofile(os.getenv("BENCH_WRK") .. "/report.lua")
dofile(os.getenv("BENCH_WRK") .. "/users.lua")

function request()
  return "GET " .. wrk.path .. "/" .. next_user() .. "/tickets HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
end

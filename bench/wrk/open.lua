-- An open by a new friend each time, of the next of the links in the file BENCH_TOKENS: a ticket for the friend and one for whoever invited.
dofile(os.getenv("BENCH_WRK") .. "/report.lua")
dofile(os.getenv("BENCH_WRK") .. "/users.lua")

local heads = {}
local count = 0

function init()
  local tail = "/opens HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nAuthorization: Bearer " .. os.getenv("BENCH_KEY") .. "\r\nX-User-Id: "
  for token in io.lines(os.getenv("BENCH_TOKENS")) do heads[#heads + 1] = "POST " .. wrk.path .. "/" .. token .. tail end
end

function request()
  count = count % #heads + 1
  return heads[count] .. next_user() .. "\r\n\r\n"
end

-- A participation at the peer by a new user each time; the user is in the body there.
dofile(os.getenv("BENCH_WRK") .. "/report.lua")
dofile(os.getenv("BENCH_WRK") .. "/users.lua")

local head

function init()
  head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
end

function request()
  local body = '{"userId":"' .. next_user() .. '"}'
  return head .. #body .. "\r\n\r\n" .. body
end

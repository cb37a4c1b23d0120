-- Names of users that nobody has used before: the run, wrk's thread, a number. Loaded by the scripts that need them.
local threads = 0

function setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end

local count = 0

function next_user()
  count = count + 1
  return run_name .. thread_number .. "-" .. count
end

run_name = os.getenv("BENCH_RUN")
thread_number = 0

-- The same GET over and over.
dofile(os.getenv("BENCH_WRK") .. "/report.lua")

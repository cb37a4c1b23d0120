// Windfall in one binary. The life of a participation: transport/connection.cpp reads the request, api/api.cpp finds
// route and caller, on_request/participate.cpp gathers facts, promotion/join.cpp proposes, embedded/embedded_store.cpp
// decides and hands the event to journal/writer.cpp, which syncs it; the answer leaves; on_event/project_ledger.cpp
// carries the event into the ledger and on_event/fulfil_reward.cpp has the partner book the points, exactly once.
#include <CLI/CLI.hpp>

#include "app/commands.hpp"

/// What jemalloc looks for at the start. A hundred requests give their memory back together: with its usual lists of 20
/// to 200 pieces a size, every such turn goes to the arena and back.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): its name and kind are jemalloc's
extern "C" const char* malloc_conf = "lg_tcache_nslots_mul:4,tcache_nslots_small_max:1000";

int main(int argc, char** argv) { return windfall::app::run_command_line(argc, argv); }

// Bugs planted on purpose, at the seams between the application and the simulated world. A checker that has never
// caught one proves nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace windfall::simulation {

enum class Mutant : std::uint8_t {
  none,
  answers_before_sync,       ///< the journal says "durable" when it has only queued
  reads_undurable,           ///< a read is released before what it saw is durable
  disk_lies,                 ///< sync returns, the last frame is not there after a crash
  failed_batch_not_undone,   ///< the first batch of those that failed stays in the hot state
  never_resumes,             ///< the journal is not told that failed batches are undone
  command_not_replayed,      ///< recovery forgets which commands were accepted
  time_goes_back,            ///< the journalled time follows the wall clock backwards
  resends_unknown,           ///< an unknown accrual is sent again without asking
  timeout_counts_as_done,    ///< an answer that never came is taken for a yes
  batch_projected_twice,     ///< the ledger applies a batch a second time
  rebuilt_counts_as_unsent,  ///< a rebuilt ledger takes what it had sent for new
  stock_not_guarded,         ///< the guard of the total stock is lost on the way to the store
  audit_dropped,             ///< an operator's reason does not reach the log
  ticket_not_guarded,        ///< the guard of a draw's ticket is lost on the way to the store
  visit_not_guarded,         ///< so is that of the first visit
  codes_counted_wrongly,     ///< the vault says that one more code came in than did
  closes_by_an_old_ledger,   ///< the second chance does not wait for the ledger
  void_holds_nothing_back,   ///< the ledger says that an accrual is held back, and lets it go
  inbound_forgotten,         ///< recovery does not know any more who sent what is still to be judged
};

inline constexpr std::array kMutantNames{
    std::string_view{"none"},
    std::string_view{"answers_before_sync"},
    std::string_view{"reads_undurable"},
    std::string_view{"disk_lies"},
    std::string_view{"failed_batch_not_undone"},
    std::string_view{"never_resumes"},
    std::string_view{"command_not_replayed"},
    std::string_view{"time_goes_back"},
    std::string_view{"resends_unknown"},
    std::string_view{"timeout_counts_as_done"},
    std::string_view{"batch_projected_twice"},
    std::string_view{"rebuilt_counts_as_unsent"},
    std::string_view{"stock_not_guarded"},
    std::string_view{"audit_dropped"},
    std::string_view{"ticket_not_guarded"},
    std::string_view{"visit_not_guarded"},
    std::string_view{"codes_counted_wrongly"},
    std::string_view{"closes_by_an_old_ledger"},
    std::string_view{"void_holds_nothing_back"},
    std::string_view{"inbound_forgotten"},
};

}  // namespace windfall::simulation

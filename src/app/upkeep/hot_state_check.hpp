// What Redis decides from, against the log: of every partition the header, the counters, every user's fields, the
// definition, the accepted commands and the outbox, beside whoever decides in it.
//
// Two looks at the header frame the reading: the log is folded up to the first, and a field that an event between the
// two has touched is not judged. So what is told is a contradiction however busy the partition is, and what is quiet is
// judged whole.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/redis/folded_state.hpp"
#include "adapters/redis/store/hot_state.hpp"
#include "app/proof/report.hpp"
#include "app/upkeep/opened_installation.hpp"

namespace windfall::app {

class HotStateCheck {
 public:
  struct Given {
    OpenedInstallation& installation;
    proof::Report& report;
    /// How long the ledger is waited for in all, where headers are ahead of it.
    std::int64_t patience_ms;
  };
  explicit HotStateCheck(Given given) : given_(given) {}

  /// All partitions that the ledger knows. Failures: unavailable.
  Task<Result<bool>> run();

 private:
  using Visit = std::function<void(const Recorded&)>;
  struct Commands;
  struct Look;
  struct Difference {
    redis::FieldName field;
    std::int64_t found = 0;
    std::int64_t expected = 0;
  };

  Task<Result<bool>> check_registry();
  Task<Result<bool>> check_partition(PartitionNo partition, std::string id);
  /// False: the partition went into another epoch meanwhile, and has to be looked at anew.
  Task<Result<bool>> look(PartitionNo partition, std::string id);
  Task<Result<bool>> compare(Look* look);
  void compare_header(Look* look);
  Task<Result<bool>> compare_users(Look* look);
  Task<Result<bool>> compare_commands(Look* look);
  Task<Result<bool>> name_unseen(Look* look);
  Task<Result<bool>> compare_outbox(Look* look);
  /// Tells the events behind `after` up to `until`, from the ledger, or, where that does not come so far in time, from
  /// the outbox. The last one that was told; it is before `until` where nobody has the next one.
  Task<Result<Sequence>> events_between(Look* look, Sequence after, Sequence until, const Visit* visit);
  Task<Result<Sequence>> events_of_outbox(Look* look, Sequence after, Sequence until, const Visit* visit);
  Task<Result<bool>> explain_gap(Look* look, Sequence last);
  void differs(const Look& look, std::string what);

  const Given given_;
  std::int64_t give_up_ms_ = 0;  ///< after that the ledger is taken as it is
};

}  // namespace windfall::app

// What reconciliation asks of a ledger beyond its totals: its rows, person by person, and its counts made anew from
// them. Blocking and thread-safe; failures as the Ledger's.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

class LedgerRows {
 public:
  virtual ~LedgerRows() = default;

  /// What the rows of a person in one promotion add up to.
  struct Sums {
    PartitionNo partition;
    std::int64_t joins = 0;
    std::int64_t held = 0;   ///< tickets granted less those taken away and those drawn
    std::int64_t draws = 0;  ///< tickets drawn
  };
  struct OfUser {
    std::int64_t number = 0;  ///< place in lists; ascending, from 1
    UserRef user;
    std::string user_id;     ///< empty if erased
    std::vector<Sums> sums;  ///< by partition; without those that have no row
  };
  /// The next people behind `after`, in order of their numbers, at most so many; as of one moment.
  virtual Result<std::vector<OfUser>> rows_of_users(std::int64_t after, int limit) = 0;
  /// A person's place in that list; nullopt: no event names them.
  virtual Result<std::optional<std::int64_t>> number_of(UserRef user) = 0;

  /// Whose counts are wrong. Those that are right stay: where a row is missing, its count is what still tells of it.
  struct Wrong {
    std::set<PartitionNo> joins;
    std::set<PartitionNo> effects;
    std::set<PartitionNo> lotteries;
  };
  /// Makes these counts, and those of notifications, anew from the ledger's rows, which it does not change; how many
  /// were other ones. On the ledger's writing thread; reads every row.
  virtual Result<std::int64_t> recount(const Wrong& wrong) = 0;
};

}  // namespace windfall

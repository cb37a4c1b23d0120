// What reconciliation finds, and how a promotion's line is picked from the ledger's totals.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "application/port/ledger.hpp"

namespace windfall::http {

/// Where two books disagree.
struct BookDifference {
  PartitionNo partition;
  std::string promotion_id;
  const char* kind = "";
  std::string user_id{};  ///< of the kinds that begin with USER_; empty if erased
  UserRef user{};         ///< of those
  std::int64_t expected = 0;
  std::int64_t found = 0;

  /// Numbers may have moved.
  [[nodiscard]] bool is_about_what(const BookDifference& other) const {
    return promotion_id == other.promotion_id && std::string_view(kind) == other.kind && user_id == other.user_id;
  }
};

[[nodiscard]] inline LedgerTotals totals_of(const std::vector<LedgerTotals>& all, PartitionNo partition) {
  const auto found = std::ranges::find(all, partition, &LedgerTotals::partition);
  return found == all.end() ? LedgerTotals{.partition = partition} : *found;
}

}  // namespace windfall::http

// Join types, judged a second time: written from the API's contract and not from the domain's guards, so that fsck
// finds what those get wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "domain/promotion/promotion.hpp"

namespace windfall::proof {

/// What the log says of a user at an acceptance, just before it.
struct JoinHistory {
  LocalDay day;  ///< that of the acceptance
  std::int64_t own_joins = 0;
  bool complete = true;  ///< false: events are missing, and other promotions may have more joins than it seems
  std::function<bool(const std::string& promotion)> has_joined;
  std::function<std::int64_t()> joins_over_all;
};

enum class RuleVerdict : std::uint8_t {
  holds,
  broken,
  not_in_the_log  ///< what the rule looks at is not kept
};

[[nodiscard]] RuleVerdict judge(const JoinType& join_type, const JoinHistory& history);

}  // namespace windfall::proof

// What is the same for many proposals, as a text that the script parses once: guards, takes, looks and changes with
// columns in the place of users. The grammar stands in src/adapters/redis/lua/contract.lua.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/kernel/proposal.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// Doubles hold no larger integers exactly.
inline constexpr std::int64_t kMaxExact = (std::int64_t{1} << 53) - 1;

/// One column of a proposal: a user (or what stands where a user would), or the definition's text.
struct Column {
  UserRef user;
  std::optional<std::string> definition;
};

struct PlanText {
  std::string text;
  std::vector<Column> columns;
};

/// Failure invalid, with a message that names it, for a guard, look or change of another partition than the proposal's,
/// for a member or kind that no encoding has, and for a number that is not exact in a double.
[[nodiscard]] Result<PlanText> plan_of(const Proposal& proposal);

}  // namespace windfall::redis

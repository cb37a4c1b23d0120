// "Nowhere else before": a user's first participation of all promotions, where promotions live on different nodes. Each
// promotion that asks for it first claims the user; one claim stands, and another promotion takes it over only if the
// claimant has not got the user after all and the claim is old enough that no proposal made under it can still arrive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/redis/client/functions.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// A proposal made under a claim is decided within this time, or not at all: its window ends there.
inline constexpr std::int64_t kClaimWindowMs = 2000;
/// Age at which a claim may be taken over; five windows, so that clocks may differ.
inline constexpr std::int64_t kClaimSettledMs = 10'000;

struct Claim {
  std::string promotion_id;
  std::int64_t at_ms = 0;  ///< on the wall clock of whoever claimed
};

/// Claims the user for the promotion at `now_ms`, if nobody has, or in the place of `taken_over`. The claim that
/// stands. Failure unavailable, also where nobody knows what became of it.
Task<Result<Claim>> claim(FunctionLibrary& library, UserRef user, std::string promotion_id, std::int64_t now_ms,
                          std::optional<Claim> taken_over);

/// Name and text of the function library that does it, and that fences (fence.hpp).
inline constexpr std::string_view kClaimsLibraryName = "windfall_claims_3";
[[nodiscard]] std::string_view claims_library_text();

}  // namespace windfall::redis

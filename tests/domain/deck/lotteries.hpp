// Seeds and lotteries for the tests of plans and decks: each builder gives something valid and always the same.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "domain/lottery/plan.hpp"

namespace windfall::test {

/// 2025-06-20.
inline constexpr LocalDay kFirstDay{20'259};

/// The n-th of many unrelated seeds.
inline Seed seed_no(std::uint64_t n) { return {sha256(bytes_of_text("seed " + std::to_string(n)))}; }

inline Prize coupon(std::string id, std::uint32_t count) {
  return {.id = std::move(id),
          .name = "아메리카노",
          .kind = PrizeKind::gifticon,
          .value = 4500,
          .count = count,
          .valid_days = 30};
}

inline Prize points(std::string id, std::uint32_t count) {
  return {.id = std::move(id), .name = "100만 포인트", .kind = PrizeKind::points, .value = 1'000'000, .count = count};
}

/// 128,401 prizes, ten of them grand.
inline Lottery big_lottery() {
  Lottery lottery;
  lottery.grants = {VisitGrant{}, InviteGrant{}};
  lottery.prizes = {coupon("americano", 128'391), points("grand", 10)};
  return lottery;
}

inline PlanPeriod period_of(std::int32_t days) {
  return {.start = kFirstDay, .end = {kFirstDay.days + days - 1}, .timezone = "Asia/Seoul"};
}

}  // namespace windfall::test

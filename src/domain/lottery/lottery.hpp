// The definition of a lottery promotion, as values; validated where it enters, immutable afterwards. What a promotion
// is besides (dates, zone, status) is in domain/promotion.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "domain/kernel/ids.hpp"

namespace windfall {

inline constexpr std::uint32_t kMinutesPerDay = 1440;
inline constexpr std::uint32_t kHoursPerDay = 24;

/// A user's first visit grants tickets, once per promotion.
struct VisitGrant {
  std::uint32_t tickets = 1;
};
/// A friend who opens a user's link grants tickets to both, once per friend and promotion.
struct InviteGrant {
  std::uint32_t inviter_tickets = 1;
  std::uint32_t friend_tickets = 1;
  bool first_visit_only = true;              ///< a friend who has visited before grants nothing
  std::uint32_t inviter_limit_per_day = 20;  ///< opens a day that grant to the inviter
};
using Grant = std::variant<VisitGrant, InviteGrant>;

/// As written in the API: "VISIT", "INVITE".
[[nodiscard]] const char* name_of(const Grant& grant);

enum class PrizeKind : std::uint8_t { gifticon, points };

/// As written in the API: "GIFTICON", "POINTS".
[[nodiscard]] const char* name_of(PrizeKind kind);

struct Prize {
  std::string id;  ///< [A-Za-z0-9_-]{1,64}, unique in its lottery
  std::string name;
  PrizeKind kind = PrizeKind::gifticon;
  Amount value = 0;                         ///< points, or the price of what the coupon buys
  std::uint32_t count = 0;                  ///< how many of it are given out
  std::optional<std::uint32_t> valid_days;  ///< of a coupon, from its issue; none: it does not expire
  bool operator==(const Prize&) const = default;
};

/// Wins per thousand positions of a deck, at least and at most.
struct WinRatePermille {
  std::uint32_t min = 1;
  std::uint32_t max = 500;
  bool operator==(const WinRatePermille&) const = default;
};

/// How much is expected in each hour of the local day, relative to the others.
using TrafficCurve = std::array<std::uint32_t, kHoursPerDay>;

struct Lottery {
  std::vector<Grant> grants;  ///< at most one of each kind
  std::uint32_t max_wins_per_user = 1;
  std::uint32_t segment_minutes = 60;
  std::optional<TrafficCurve> traffic_curve;           ///< none: even
  std::optional<std::int64_t> expected_draws_per_day;  ///< none: ten times the day's quota
  WinRatePermille win_rate;
  bool second_chance = true;  ///< an end by date gives out what is left
  struct Notifications {
    bool win = true;
    bool ticket_granted = false;
  } notifications;
  std::vector<Prize> prizes;
};

/// Days a promotion may last; the contract's number.
inline constexpr std::uint32_t kMaxLotteryDays = 366;
/// All prizes of a lottery. At one win per thousand a deck may hold a thousand positions per item, and positions are
/// 32 bits wide.
inline constexpr std::uint32_t kMaxItems = 4'000'000;
/// Different prizes: what a person can still oversee, and what keeps the published plan short.
inline constexpr std::size_t kMaxPrizeKinds = 100;
/// One weight of the traffic curve; finer than any forecast, and see the assertion below.
inline constexpr std::uint32_t kMaxCurveWeight = 1'000'000;
/// 11,000 draws a second all day long; beyond what one promotion can take.
inline constexpr std::int64_t kMaxExpectedDrawsPerDay = 1'000'000'000;
/// Tickets of one grant; more is a typing error, and a user's draws are a list that every draw reads.
inline constexpr std::uint32_t kMaxTicketsPerGrant = 1000;
/// Opens a day that grant to one inviter; bounds what a crowd of made-up friends can collect.
inline constexpr std::uint32_t kMaxInviterLimitPerDay = 10'000;
/// Wins of one user; more than that is not a draw but a payment.
inline constexpr std::uint32_t kMaxWinsPerUser = 1000;
/// Ten years; coupons that live longer are agreed upon elsewhere.
inline constexpr std::uint32_t kMaxValidDays = 3650;
/// A prize's worth; the same as a participation's reward.
inline constexpr Amount kMaxPrizeValue = 1'000'000'000'000;
/// Characters of a prize's name; it is shown on a phone.
inline constexpr std::size_t kMaxPrizeName = 200;
/// Wins per thousand positions.
inline constexpr std::uint32_t kMinWinRatePermille = 1;
inline constexpr std::uint32_t kMaxWinRatePermille = 1000;

/// A day is made of whole segments.
[[nodiscard]] constexpr bool is_segment_length(std::int64_t minutes) {
  return minutes >= 1 && minutes <= kMinutesPerDay && kMinutesPerDay % minutes == 0;
}
/// A curve without any weight would have nowhere to lay a prize.
[[nodiscard]] constexpr bool has_weight(const TrafficCurve& curve) {
  for (const std::uint32_t weight : curve) {
    if (weight > 0) return true;
  }
  return false;
}

// Placing multiplies a day's quota or its expected draws by the weight of all minutes of a day, in 64 bits.
static_assert(kMaxExpectedDrawsPerDay <= INT64_MAX / (std::int64_t{kMaxCurveWeight} * kMinutesPerDay));
static_assert(std::int64_t{kMaxItems} * 10 <= kMaxExpectedDrawsPerDay, "the default expectation is within its limit");
static_assert(std::uint64_t{kMaxItems} * 1000 <= UINT32_MAX, "positions of a deck are 32 bits wide");

}  // namespace windfall

// What a simulation is about: the lottery, the crowd's size and habits, and when people come.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "domain/kernel/result.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::simulate {

/// 2024-07-08: a Monday, whose campaign ends with the month.
inline constexpr LocalDay kCampaignStart{19'912};
/// More people need more memory than a laptop has.
inline constexpr std::int64_t kMaxUsers = 10'000'000;
/// Draws are kept per person, and every draw reads them; beyond that a run takes hours.
inline constexpr double kMaxDemand = 100;
inline constexpr double kMinDemand = 0.01;
/// A partner that fails nearly always has everything tried for a day and then given up, which is no campaign.
inline constexpr double kMostPartnerFaults = 0.9;
/// Ten times what any import was tried with.
inline constexpr std::int64_t kMaxCodes = 10'000'000;

/// How much is going on on each day and in each hour of it, relative to the others.
struct ArrivalCurve {
  std::vector<double> days;  ///< the last one holds for all later days
  std::array<double, 24> hours{};
};
/// People who look at their phones on the way to work, at noon and in the evening; somewhat more at weekends.
[[nodiscard]] ArrivalCurve usual_curve(std::int32_t days);
/// Reads lines "days W W …" and "hours W … W" (24 of them); a line that is missing keeps what is usual, "#" begins a
/// comment. Fails with invalid, naming the line.
[[nodiscard]] Result<ArrivalCurve> read_curve(std::string_view text, std::int32_t days);

struct Campaign {
  std::int64_t users = 300'000;
  std::int32_t days = 24;
  std::uint32_t prizes = 128'401;
  double demand = 1;                  ///< draws that people want, relative to usual ones
  double invite_factor = 0.68;        ///< friends that a person invites, on average
  double bots = 0.01;                 ///< accounts that cheat, for each person
  double partner_faults = 0.02;       ///< calls to the partner that go wrong, beside its outages
  std::optional<std::int64_t> codes;  ///< that are bought for gifticons; nullopt = one for each
  std::uint64_t seed = 1;
  ArrivalCurve curve = usual_curve(24);
};

/// The lottery of the campaign, in its first revision: the contract's two prizes, and tickets enough that at demand 1
/// a person draws some five times.
[[nodiscard]] Promotion promotion_of(const Campaign& campaign);
/// Of the tickets that people get, so many are wanted for drawing.
[[nodiscard]] double share_drawn(const Campaign& campaign);

}  // namespace windfall::simulate

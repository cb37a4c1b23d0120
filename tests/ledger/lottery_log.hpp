// A lottery's log for tests of projections, written as the engine would write it: what each draw won is computed here
// by the pure functions, and kept beside the log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/codec/promotion_json.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/outcomes.hpp"
#include "ledger/log_builder.hpp"

namespace windfall::contract {

inline constexpr std::uint32_t kAmericano = 0;
inline constexpr std::uint32_t kPoints = 1;
inline constexpr std::uint32_t kSegmentsPerDay = 4;
inline constexpr std::uint32_t kLotteryDays = 2;
inline constexpr std::int64_t kHourMs = 3'600'000;

/// Two days of four segments, twelve gifticons and four times 1,000 points.
inline Promotion small_lottery(const std::string& id) {
  Promotion promotion;
  promotion.id = id;
  promotion.title = "행운 주사위";
  promotion.start = kFirstDay;
  promotion.end = {kFirstDay.days + static_cast<std::int32_t>(kLotteryDays) - 1};
  promotion.timezone = "Asia/Seoul";
  Lottery lottery;
  lottery.grants = {VisitGrant{}, InviteGrant{}};
  lottery.segment_minutes = kMinutesPerDay / kSegmentsPerDay;
  lottery.expected_draws_per_day = 40;
  lottery.win_rate = {.min = 100, .max = 500};
  lottery.prizes = {
      {.id = "americano",
       .name = "아메리카노",
       .kind = PrizeKind::gifticon,
       .value = 4500,
       .count = 12,
       .valid_days = 30},
      {.id = "points", .name = "천 포인트", .kind = PrizeKind::points, .value = 1000, .count = 4, .valid_days = {}}};
  promotion.lottery = std::move(lottery);
  promotion.secrets.sealed_seed = "sealed for " + id;
  promotion.secrets.plan_end = promotion.end;
  return promotion;
}

class LotteryLog {
 public:
  LotteryLog(LogBuilder& log, const Promotion& promotion)
      : log_(log),
        promotion_(promotion),
        partition_(log.promotion(promotion.id, codec::encode_definition(promotion))),
        outcomes_(open_test_seed(promotion.id, "sealed for " + promotion.id).value(), promotion.id, *promotion.lottery),
        schedule_(plan_of(promotion)) {}

  struct Drawn {
    std::string user;
    WinPlace place;
    std::optional<std::uint32_t> item;
    std::optional<std::uint32_t> prize;
    Sequence sequence;
    Instant at;
  };

  [[nodiscard]] PartitionNo partition() const { return partition_; }
  [[nodiscard]] const Promotion& promotion() const { return promotion_; }
  [[nodiscard]] const std::vector<Drawn>& draws() const { return draws_; }
  [[nodiscard]] std::uint32_t wins() const { return wins_; }
  [[nodiscard]] const DeckTerms& terms() const { return terms_; }
  [[nodiscard]] Outcomes& outcomes() { return outcomes_; }

  /// At the start of its six hours; kFirstDay begins in Seoul at 15:00Z of the day before.
  void open(std::uint32_t segment) {
    log_.go_to({(std::int64_t{kFirstDay.days} * 24 - 9 + std::int64_t{segment} * 6) * kHourMs});
    const std::uint32_t quota = schedule_.items_until({segment}) - wins_;
    terms_ = {.segment = {segment},
              .quota = quota,
              .length = schedule_.deck_length({segment}, quota, std::nullopt),
              .first_item = wins_};
    log_.add(partition_, SegmentOpened{.segment = segment,
                                       .previous = std::int64_t{segment} - 1,
                                       .quota = terms_.quota,
                                       .length = terms_.length,
                                       .first_item = terms_.first_item});
    serial_ = 0;
  }
  const Drawn& draw(const std::string& user) {
    log_.name(user);
    const std::int64_t serial = serial_++;
    const Sequence sequence =
        log_.add(partition_, Drew{.user = ref_of(user), .segment = terms_.segment.value, .number = 0}, {serial});
    const auto item = outcomes_.deck(terms_).win_at(static_cast<std::uint64_t>(serial));
    if (item) ++wins_;
    draws_.push_back({.user = user,
                      .place = {.segment = terms_.segment.value, .serial = serial},
                      .item = item,
                      .prize = item ? std::optional{outcomes_.prize_of(*item)} : std::nullopt,
                      .sequence = sequence,
                      .at = log_.now()});
    return draws_.back();
  }
  /// Draws by new users until one wins this prize, over as many segments as it takes.
  Drawn win(std::uint32_t prize) {
    while (true) {
      if (serial_ == std::int64_t{terms_.length}) open(terms_.length == 0 ? 0 : terms_.segment.value + 1);
      const Drawn& drawn = draw("guest-" + std::to_string(draws_.size()));
      if (drawn.prize == prize) return drawn;
    }
  }
  Sequence second(const std::string& user, std::uint32_t place, std::uint32_t item) {
    log_.name(user);
    return log_.add(partition_, SecondChanceWon{.user = ref_of(user), .place = place, .item = item});
  }
  void void_win(const Drawn& drawn) {
    log_.add(partition_, WinVoided{.user = ref_of(drawn.user), .win = drawn.place, .audit = log_.audit("voidDraw")});
  }
  [[nodiscard]] EffectId event_id(const Drawn& drawn) const {
    return id_of(IdKind::event, promotion_.id, Epoch{}, drawn.sequence);
  }
  [[nodiscard]] EffectId effect_id(Sequence sequence, std::uint32_t index) const {
    return id_of(IdKind::effect, promotion_.id, Epoch{}, sequence, index);
  }

 private:
  LogBuilder& log_;
  Promotion promotion_;
  PartitionNo partition_;
  Outcomes outcomes_;
  Schedule schedule_;
  DeckTerms terms_;
  std::int64_t serial_ = 0;
  std::uint32_t wins_ = 0;
  std::vector<Drawn> draws_;
};

}  // namespace windfall::contract

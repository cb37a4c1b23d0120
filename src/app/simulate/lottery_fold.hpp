// What the ledger knows of one lottery, folded from its events in memory: the parts of the port that the second chance,
// whoever gives out codes, the export and the figures of a simulation need.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "application/port/lottery_ledger.hpp"
#include "application/port/promotion_store.hpp"
#include "domain/kernel/slot_table.hpp"
#include "domain/lottery/outcomes.hpp"

namespace windfall::simulate {

class LotteryFold final : public LotteryLedger {
 public:
  LotteryFold(DefinitionPtr definition, const Seed& seed);

  /// Says that the event is applied soon.
  void expect(const Recorded& recorded) const {
    if (const auto* drew = std::get_if<Drew>(&recorded.event)) people_.place(drew->user).fetch();
  }
  /// Who got which prize.
  struct Given {
    UserRef user;
    std::uint32_t prize = 0;
  };
  /// The next event of the log; the prize that it gave away.
  std::optional<Given> apply(const Recorded& recorded);

  /// What one segment came to.
  struct SegmentSum {
    SegmentRow row;
    std::int64_t draws = 0;
    std::int64_t wins = 0;
  };
  [[nodiscard]] const std::vector<SegmentSum>& segment_sums() const { return segments_; }
  [[nodiscard]] std::int64_t wins() const { return wins_; }
  [[nodiscard]] std::int64_t second_wins() const { return second_wins_; }
  [[nodiscard]] std::int64_t voided() const { return voided_; }
  [[nodiscard]] std::int64_t drawn() const { return drawn_; }
  /// Published when no more prizes will be given.
  [[nodiscard]] std::optional<std::int64_t> shortfall() const { return shortfall_; }
  [[nodiscard]] bool second_chance_held() const { return second_chance_; }
  /// What the prizes given so far are worth, voided ones not.
  [[nodiscard]] Amount spend() const;
  /// How coupons got their codes. In a simulation none is reissued.
  struct CodeSums {
    std::int64_t assigned = 0;
    std::int64_t waiting = 0;
    std::int64_t longest_wait_ms = 0;  ///< of those that got one, and of those that wait still
  };
  [[nodiscard]] CodeSums codes(Instant now) const;
  /// Index of an item's prize.
  [[nodiscard]] std::uint32_t prize_of(std::uint32_t item) const { return outcomes_.prize_of(item); }

  // LotteryLedger: what is not folded here is unavailable.
  Result<std::vector<TicketEntry>> tickets(const Page& page) override;
  Result<std::vector<DrawRow>> draws(const Page& page) override;
  Result<std::vector<DrawRow>> winners(const LatestPage& page) override;
  Result<std::vector<CouponRow>> coupons(const Page& page) override;
  Result<std::optional<DrawRow>> draw_of(const EffectId& event_id) override;
  Result<std::optional<CouponRow>> coupon_of(const EffectId& event_id) override;
  Result<std::vector<CouponRow>> pending_coupons(PartitionNo partition, std::uint32_t prize, int limit) override;
  Result<std::vector<UserRef>> second_chance_pool(PartitionNo partition, std::int64_t allowed) override;
  Result<std::vector<std::uint32_t>> voided_items(PartitionNo partition) override;
  Result<LotteryTotals> lottery_totals(PartitionNo partition) override;
  Result<std::vector<DailyWins>> wins_by_day(PartitionNo partition) override;
  Result<std::vector<SegmentRow>> segments(PartitionNo partition) override;
  Result<bool> each_draw(PartitionNo partition, const std::function<bool(const DrawRow&)>& row) override;
  Result<bool> cancel_effect(const EffectId& effect) override;

 private:
  /// A draw, or a win of the second chance, in few bytes: a campaign has millions.
  struct Row {
    UserRef user;
    std::int64_t at = 0;
    std::uint64_t sequence = 0;
    std::uint32_t segment = 0;  ///< WinPlace::kSecondChance for those
    std::uint32_t serial = 0;
    std::int32_t item = kLost;
    bool voided = false;
    bool voided_late = false;
    bool has_code = false;
  };
  static constexpr std::int32_t kLost = -1;
  /// Gifticons of one prize that were won, by places in rows_, oldest first.
  struct Coupons {
    std::vector<std::uint32_t> rows;
    std::size_t served = 0;  ///< those before it wait for nothing
  };
  struct Person {
    std::uint32_t losses = 0;
    std::uint32_t wins = 0;
    bool operator==(const Person&) const = default;
  };

  std::optional<Given> drew(const Recorded& recorded, const Drew& event);
  /// The last row is a win of that prize.
  void gave(std::uint32_t prize);
  DailyWins& day_of(const Row& won, std::uint32_t prize);
  void was_voided(const WinVoided& event);
  void code_given(const CodeAssigned& event, Instant at);
  [[nodiscard]] bool waits(const Row& row) const { return !row.has_code && !row.voided; }
  [[nodiscard]] DrawRow row_of(const Row& row) const;

  DefinitionPtr definition_;
  Outcomes outcomes_;
  std::vector<SegmentSum> segments_;
  std::vector<std::uint32_t> paused_;  ///< segments, opened or not
  std::vector<Row> rows_;
  SlotTable<Person> people_;
  std::vector<std::int64_t> given_;                               ///< by prize, voided ones not
  std::map<std::pair<LocalDay, std::uint32_t>, DailyWins> days_;  ///< by day and prize
  std::vector<Coupons> coupons_;                                  ///< by prize
  CodeSums codes_;                                                ///< of those that got one
  std::int64_t drawn_ = 0;
  std::int64_t wins_ = 0;
  std::int64_t second_wins_ = 0;
  std::int64_t voided_ = 0;
  bool second_chance_ = false;
  bool second_begun_ = false;
  std::optional<std::int64_t> shortfall_;
};

}  // namespace windfall::simulate

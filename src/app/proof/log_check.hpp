// The first walk over the journal: folds it with rules of its own, apart from the hot state, and judges every event as
// of its moment (I1, I2, I3, I4's amounts, I12, I15, I16; lotteries in lottery_check.hpp), frame by frame.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/eras.hpp"
#include "app/proof/join_table.hpp"
#include "app/proof/lottery_check.hpp"
#include "app/proof/report.hpp"
#include "app/proof/settlements.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::proof {

using codec::Lineage;

/// A command's hash is remembered at least that long; written down here again on purpose.
inline constexpr std::int64_t kCommandLifeMs = 86'400'000;

class LogCheck {
 public:
  struct PartitionFold {
    std::string id;
    std::string definition;
    std::optional<Promotion> promotion;  ///< none: the definition cannot be read, or its zone is not known
    Zone zone;
    Revision revision;
    Sequence sequence;
    Instant time = kBeginningOfTime;
    bool decided = false;  ///< an event other than a definition has been seen
    std::int64_t taken = 0;
    Amount spent = 0;
    std::map<LocalDay, std::int64_t> taken_on;

    // Commands of two generations of 24 hours each, so that those of the last 24 hours are always there.
    SlotTable<std::int64_t> commands;  ///< hash -> time + 1
    SlotTable<std::int64_t> commands_before;
    Instant generation = kBeginningOfTime;  ///< when the present one began
  };

  /// How events of different partitions stand to each other in the order in which they are told.
  enum class Order : std::uint8_t {
    decided,  ///< one after the other, as in a journal
    by_time,  ///< merged by the times of several clocks: what a rule asks of other partitions has some play
  };
  /// Times of different partitions may be this far apart from the true order: their nodes' clocks are kept by NTP, and
  /// pause-all and the block list may be a second old where they are asked.
  static constexpr std::int64_t kClocksApartMs = 3'000;

  /// `ledger_position`: the last frame that the ledger has seen.
  LogCheck(Report& report, const Lineage& lineage, std::uint64_t ledger_position, OpenSeed open_seed = {},
           Order order = Order::decided);
  /// With Order::by_time, before the first event: the system partition's, whose rules then hold for the others with the
  /// play that clocks have.
  void know_system(const std::vector<Recorded>& events);

  /// The next event.
  void take(std::uint64_t frame, const Recorded& recorded);
  /// The rest of this frame cannot be decoded.
  void unreadable(std::uint64_t frame, const std::string& why);
  /// Frames before the next event are gone, whichever partitions they were of.
  void missing() { complete_ = false; }
  /// After the last frame.
  void finish();

  /// False once an event is missing or unreadable: what depends on the whole log cannot be judged then.
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] const std::deque<PartitionFold>& partitions() const { return partitions_; }
  [[nodiscard]] bool paused_all() const { return paused_ != 0; }
  [[nodiscard]] const std::set<UserRef>& blocked() const { return blocked_; }
  [[nodiscard]] bool erased(UserRef user) const { return erased_.contains(user); }
  [[nodiscard]] const codec::Eras& eras() const { return eras_; }
  [[nodiscard]] Settlements& settlements() { return settlements_; }
  [[nodiscard]] const LotteryCheck& lotteries() const { return lotteries_; }
  [[nodiscard]] std::int64_t acceptances() const { return acceptances_; }
  [[nodiscard]] std::int64_t events() const { return events_; }

 private:
  bool follows(const Recorded& recorded);
  void check_time(const Recorded& recorded, PartitionFold& fold);
  void check_command(const Recorded& recorded, PartitionFold& fold);
  void check_audit(const Audit& audit);

  void on(const Recorded& recorded, const Participated& event);
  void on(const Recorded& recorded, const DefinitionChanged& event);
  void on(const Recorded& recorded, const PausedAll& event);
  void on(const Recorded& recorded, const UserBlocked& event);
  void on(const Recorded& recorded, const KeyChanged& event);
  void on(const Recorded& recorded, const AnswerKept& event);
  void on(const Recorded& recorded, const EffectSettled& event);
  void on(const Recorded& recorded, const Audited& event);
  void on(const Recorded& recorded, const UserErased& event);
  void on(const Recorded& recorded, const CodesImported& event);
  void on(const Recorded& recorded, const CodesBurned& event);
  void on(const Recorded& recorded, const CodeAssigned& event);
  void on(const Recorded& recorded, const CouponReissued& event);
  void on(const Recorded& recorded, const CouponUsed& event);
  void on(const Recorded& recorded, const Inbound& event);
  void on(const Recorded& recorded, const InboundSettled& event);
  template <OfLottery Event>
  void on(const Recorded& recorded, const Event& event) {
    if constexpr (requires { event.audit; }) check_audit(event.audit);
    const PartitionFold& fold = partitions_[recorded.partition.value];
    if (fold.promotion && fold.promotion->lottery) {
      lotteries_.on(moment(recorded, fold), event);
    } else {
      report_.violation(Invariant::i7, place_, "an event of a lottery where there is none");
    }
  }
  [[nodiscard]] LotteryMoment moment(const Recorded& recorded, const PartitionFold& fold) const;

  void check_stock(const PartitionFold& fold, LocalDay day);
  void check_day(const Recorded& recorded, const Participated& event, const PartitionFold& fold);
  void check_rules(const Recorded& recorded, const Participated& event, const PartitionFold& fold);
  void check_join_types(const Recorded& recorded, const Participated& event, const Promotion& promotion);
  [[nodiscard]] bool counts_for(const Promotion& promotion, const PartitionFold& other) const;
  [[nodiscard]] std::int64_t joins_over_all(const Promotion& promotion, UserRef user) const;
  [[nodiscard]] bool joined(const Promotion& promotion, const std::string& other_id, UserRef user) const;
  void broken_rule(const std::string& what);

  /// Where clocks differ: what is in force at that time on every clock.
  void advance_system(Instant time);
  /// A rule of other partitions that does not hold yet, and may on another clock.
  struct Doubt {
    Place place;
    JoinType rule;
    PartitionNo partition;
    UserRef user;
    Instant time;
  };
  void settle_doubts(Instant until);
  [[nodiscard]] bool holds_now(const Doubt& doubt);
  /// Joins of the user in other promotions that may in truth have come later.
  [[nodiscard]] std::int64_t recent_elsewhere(const Promotion& promotion, UserRef user, PartitionNo partition) const;

  Report& report_;
  const Order order_;
  const std::uint64_t ledger_position_;
  std::deque<PartitionFold> partitions_;
  std::map<std::string, PartitionNo, std::less<>> by_id_;
  JoinTable joins_;
  std::set<UserRef> blocked_;
  std::set<UserRef> erased_;
  int paused_ = 0;

  // With Order::by_time only.
  struct SystemChange {
    Instant at;
    std::optional<UserRef> user;  ///< none: pause-all
    bool on = false;
  };
  std::vector<SystemChange> system_;  ///< in the order of their times
  std::size_t system_next_ = 0;
  std::set<UserRef> surely_blocked_;
  bool surely_paused_ = false;
  std::deque<Doubt> doubts_;  ///< in the order of their times
  struct Recent {
    Instant at;
    UserRef user;
    PartitionNo partition;
  };
  std::deque<Recent> recent_;  ///< joins of the last kClocksApartMs
  codec::Eras eras_;
  Settlements settlements_;
  LotteryCheck lotteries_;
  SlotTable<std::uint8_t> inbound_;  ///< accepted to be judged later, by id
  Place place_;                      ///< of the event being judged
  bool complete_ = true;
  bool system_went_back_ = false;  ///< said once
  std::int64_t acceptances_ = 0;
  std::int64_t events_ = 0;
  std::map<std::string_view, std::int64_t> not_judged_;  ///< acceptances whose rule the log cannot judge, by rule
};

}  // namespace windfall::proof

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

  /// `ledger_position`: the last frame that the ledger has seen.
  LogCheck(Report& report, const Lineage& lineage, std::uint64_t ledger_position, OpenSeed open_seed = {});

  /// The next event.
  void take(std::uint64_t frame, const Recorded& recorded);
  /// The rest of this frame cannot be decoded.
  void unreadable(std::uint64_t frame, const std::string& why);
  /// After the last frame.
  void finish();

  /// False once an event is missing or unreadable: what depends on the whole log cannot be judged then.
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] const std::deque<PartitionFold>& partitions() const { return partitions_; }
  [[nodiscard]] bool paused_all() const { return paused_ != 0; }
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
  void check_join_types(const Participated& event, PartitionNo partition, const Promotion& promotion);
  [[nodiscard]] bool counts_for(const Promotion& promotion, const PartitionFold& other) const;
  [[nodiscard]] std::int64_t joins_over_all(const Promotion& promotion, UserRef user) const;
  [[nodiscard]] bool joined(const Promotion& promotion, const std::string& other_id, UserRef user) const;
  void broken_rule(const std::string& what);

  Report& report_;
  const std::uint64_t ledger_position_;
  std::deque<PartitionFold> partitions_;
  std::map<std::string, PartitionNo, std::less<>> by_id_;
  JoinTable joins_;
  std::set<UserRef> blocked_;
  std::set<UserRef> erased_;
  int paused_ = 0;
  codec::Eras eras_;
  Settlements settlements_;
  LotteryCheck lotteries_;
  SlotTable<std::uint8_t> inbound_;  ///< accepted to be judged later, by id
  Place place_;                      ///< of the event being judged
  bool complete_ = true;
  std::int64_t acceptances_ = 0;
  std::int64_t events_ = 0;
  std::map<std::string_view, std::int64_t> not_judged_;  ///< acceptances whose rule the log cannot judge, by rule
};

}  // namespace windfall::proof

// Lotteries in the first walk over the journal: folds tickets, draws, segments and wins with rules of its own and
// judges every event as of its moment (I5, I6, I7, I8). Only the published functions of plan, deck and second chance
// are those of the server. Without the seed of a lottery nobody knows what a draw has won; what needs it is then told
// as not checked.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/proof/join_table.hpp"
#include "app/proof/report.hpp"
#include "app/proof/seed_keys.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/key.hpp"
#include "domain/kernel/slot_table.hpp"
#include "domain/lottery/outcomes.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::proof {

/// An event of a lottery, and what is in force where it stands.
struct LotteryMoment {
  const Place& place;
  const Recorded& recorded;
  const Promotion& promotion;  ///< is a lottery
  const Zone& zone;
  Revision revision;
  bool complete = true;  ///< no event was missing so far
  bool paused_all = false;
  const std::set<UserRef>& blocked;
};

class LotteryCheck {
 public:
  /// `ledger_position`: the last frame that the ledger has seen.
  LotteryCheck(Report& report, OpenSeed open_seed, std::uint64_t ledger_position)
      : report_(report), open_seed_(std::move(open_seed)), ledger_position_(ledger_position) {}

  /// After each definition.
  void defined(const LotteryMoment& at);

  void on(const LotteryMoment& at, const Visited& event);
  void on(const LotteryMoment& at, const InviteIssued& event);
  void on(const LotteryMoment& at, const InviteShared& event);
  void on(const LotteryMoment& at, const InviteOpened& event);
  void on(const LotteryMoment& at, const OpenNotGranted& event);
  void on(const LotteryMoment& at, const TicketsAdjusted& event);
  void on(const LotteryMoment& at, const SegmentOpened& event);
  void on(const LotteryMoment& at, const SegmentPaused& event);
  void on(const LotteryMoment& at, const Drew& event);
  void on(const LotteryMoment& at, const LotteryClosed& event);
  void on(const LotteryMoment& at, const SecondChanceStarted& event);
  void on(const LotteryMoment& at, const SecondChanceWon& event);
  void on(const LotteryMoment& at, const SecondChanceEnded& event);
  void on(const LotteryMoment& at, const WinVoided& event);

  /// After the last event.
  void finish();
  /// The hot state's numbers are those of this fold. `look` is how many a counter has.
  using Look = std::function<std::int64_t(const CounterKey& counter)>;
  void compare(const Look& look) const;
  void compare(PartitionNo partition, const Look& look) const;

  // For the second walk.

  /// Who wins what is known.
  [[nodiscard]] bool knows_wins_of(PartitionNo partition) const;
  struct Win {
    std::uint32_t item = 0;
    std::uint32_t prize = 0;  ///< index
    bool voided = false;
    std::uint8_t voided_in_ledger = 0;  ///< as the ledger's column says: 0, 1 before the second chance, 2 later
  };
  /// What a draw, or a place of the second chance, has won; nullopt: nothing, or nobody knows.
  [[nodiscard]] std::optional<Win> win_at(PartitionNo partition, const WinPlace& place) const;

 private:
  struct Account {
    std::array<std::int64_t, kGrantCauses> granted{};
    std::int64_t revoked = 0;
    std::uint32_t draws = 0;
    std::uint32_t wins = 0;  ///< of draws
    bool lost = false;
    bool visited = false;
    bool credited = false;
    bool issued = false;
    bool second_won = false;
    [[nodiscard]] std::int64_t held() const;
  };
  struct Segment {
    DeckTerms terms;
    std::int64_t taken = 0;
  };
  struct Item {
    UserRef winner;
    bool given = false;  ///< and not taken back
  };
  struct Voided {
    bool in_ledger = false;
    bool second_begun = false;
  };
  struct Given {
    UserRef user;
    std::uint32_t item = 0;
    bool operator==(const Given&) const = default;
  };
  enum class Stage : std::uint8_t { drawing, closed, second_due, second_running, over };

  struct Fold {
    std::string id;
    SlotTable<Account> accounts;
    SlotTable<std::uint32_t> invited;     ///< by inviter and day
    SlotTable<std::uint8_t> not_granted;  ///< by both users and reason
    std::map<std::uint32_t, Segment> segments;
    std::set<std::uint32_t> paused;
    std::optional<std::uint32_t> open;
    std::optional<std::string> plan;  ///< its text, from the first segment on
    std::string sealed_seed;
    std::optional<Schedule> schedule;
    bool seed_tried = false;
    /// Made when first looked at, also by the second walk.
    std::unique_ptr<Outcomes> outcomes;
    std::vector<Item> items;
    std::uint32_t wins = 0;  ///< of draws
    Stage stage = Stage::drawing;
    std::uint32_t pool = 0;
    std::vector<Given> second_expected;
    std::vector<Given> second;
    std::map<WinPlace, Voided> voided;
    std::array<std::int64_t, kGrantCauses> granted{};
    std::int64_t revoked = 0;
    std::int64_t drawn = 0;
  };

  Fold& fold_of(const LotteryMoment& at);
  Account& account_of(const LotteryMoment& at, Fold& fold, UserRef user);
  bool open_outcomes(const LotteryMoment& at, Fold& fold);
  void grant(Fold& fold, Account& account, GrantCause cause, std::int64_t tickets);
  void check_running(const LotteryMoment& at, const Fold& fold, Invariant invariant, UserRef user);
  void check_plan(const LotteryMoment& at, Fold& fold);
  void check_terms(const LotteryMoment& at, Fold& fold, const DeckTerms& terms);
  void check_win(const LotteryMoment& at, Fold& fold, Account& account, const Drew& event, std::int64_t serial);
  void give(const LotteryMoment& at, Fold& fold, std::uint32_t item, UserRef user);
  [[nodiscard]] static std::int64_t left(const Fold& fold);
  [[nodiscard]] std::optional<std::uint32_t> item_at(const Fold& fold, const WinPlace& place) const;
  void broken(const LotteryMoment& at, Invariant invariant, std::string what) {
    report_.violation(invariant, at.place, std::move(what));
  }

  Report& report_;
  const OpenSeed open_seed_;
  const std::uint64_t ledger_position_;
  std::map<PartitionNo, Fold> folds_;
  std::int64_t limited_without_reason_ = 0;
};

/// An event that LotteryCheck knows.
template <class Event>
concept OfLottery = requires(LotteryCheck& check, const LotteryMoment& at, const Event& event) { check.on(at, event); };

}  // namespace windfall::proof

// What the log of a lottery has to be, kept in maps and written from the contract: tickets and their causes, decks and
// serials, wins, codes, the close and the second chance, and events that came in to be judged later. Of the code that
// decides it shares only what docs/fairness.md publishes: the plan's schedule, the decks and the last shuffle.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "domain/kernel/event.hpp"
#include "domain/lottery/outcomes.hpp"
#include "domain/lottery/plan.hpp"
#include "domain/lottery/tickets.hpp"
#include "domain/promotion/promotion.hpp"
#include "simulation/observing_store.hpp"

namespace windfall::simulation {

/// Of an event that came in to be judged later.
using InboundId = std::array<std::uint8_t, 16>;

/// The seed of a simulated lottery; anybody may know it.
[[nodiscard]] Seed simulated_seed(std::string_view promotion_id);

/// What a participant of a lottery was told, in words: "visit 2, held 3", "draw WIN grand, held 0", "NO_TICKET".
struct LotteryAnswer {
  enum class Kind : std::uint8_t { accepted, replayed, refused } kind = Kind::refused;
  enum class Call : std::uint8_t { visit, open, draw } call = Call::visit;
  std::size_t op = 0;
  std::string promotion;
  UserRef user;
  UserRef inviter;  ///< of an open
  std::optional<Command> command;
  Sight sight;
  std::string text;
};

class LotteryOracle {
 public:
  struct Person {
    std::array<std::int64_t, kGrantCauses> granted{};
    std::int64_t drawn = 0;
    std::int64_t revoked = 0;
    bool visited = false;
    bool credited = false;
    bool second_won = false;
    std::int64_t wins = 0;                          ///< by draws, voided ones included
    std::int64_t losses = 0;                        ///< by draws
    std::map<std::uint32_t, std::int64_t> invited;  ///< friends who were credited to this person, by day
    [[nodiscard]] std::int64_t held() const;
  };
  struct Win {
    UserRef user;
    std::uint32_t item = 0;
    std::uint32_t prize = 0;
    Epoch epoch;
    Sequence sequence;
    bool voided = false;
    bool used = false;
    std::uint32_t issue = 0;
    std::optional<std::int64_t> ordinal;  ///< of the code it has now
  };
  struct Lottery {
    PartitionNo partition;
    Promotion promotion;
    std::optional<Schedule> schedule;
    std::unique_ptr<Outcomes> outcomes;
    std::map<UserRef, Person> people;
    std::map<WinPlace, Win> wins;
    std::optional<DeckTerms> open;
    std::int64_t serials = 0;  ///< drawn in the open segment
    std::uint32_t won = 0;     ///< by draws
    std::int64_t time = 0;
    bool closed = false;
    enum class Stage : std::uint8_t { none, waiting, running, over } stage = Stage::none;
    std::vector<std::pair<UserRef, std::uint32_t>> list;  ///< of the second chance: who gets which item
    std::size_t given = 0;                                ///< of the list
    std::set<std::uint32_t> left;                         ///< items that the second chance may give out
    std::optional<std::int64_t> shortfall;
    std::int64_t voided_late = 0;        ///< when nothing is given out any more
    std::vector<std::int64_t> imported;  ///< by prize
    std::vector<std::int64_t> assigned;
    std::set<std::tuple<UserRef, UserRef, OpenReason>> not_granted;
    [[nodiscard]] std::int64_t standing() const;
    [[nodiscard]] std::int64_t items() const { return outcomes->items(); }
    [[nodiscard]] bool test() const { return promotion.mode == Mode::test; }
  };

  /// A lottery was created or changed.
  std::string define(const Recorded& recorded, const Promotion& promotion);
  void pause_all(bool paused) { paused_all_ = paused; }
  void block(UserRef user, bool blocked) { blocked ? (void)blocked_.insert(user) : (void)blocked_.erase(user); }

  /// The next event of the log, other than a definition; what is wrong with it, by the invariant's name, or nothing.
  std::string apply(const Recorded& recorded);
  /// What the event that was applied last has its caller be told; empty if it was nobody's call.
  [[nodiscard]] const std::string& told() const { return told_; }
  /// The same, of whoever was told with that command.
  [[nodiscard]] const std::map<CommandHash, std::string>& told_by_command() const { return told_by_command_; }

  /// An answer that no event of its own stands behind, after the prefix that it had seen.
  [[nodiscard]] std::string judge(const LotteryAnswer& answer) const;

  [[nodiscard]] const std::map<std::string, Lottery>& lotteries() const { return lotteries_; }
  /// What became of the events that came in, by id; nullopt: not settled.
  [[nodiscard]] const std::map<InboundId, std::optional<InboundSettled>>& inbound() const { return inbound_; }

 private:
  struct Now {
    const Recorded& recorded;
    Lottery& lottery;
  };
  std::string operator()(const Now& at, const Visited& event);
  std::string operator()(const Now& at, const InviteOpened& event);
  std::string operator()(const Now& at, const OpenNotGranted& event);
  std::string operator()(const Now& at, const TicketsAdjusted& event);
  std::string operator()(const Now& at, const SegmentOpened& event);
  std::string operator()(const Now& at, const Drew& event);
  std::string operator()(const Now& at, const LotteryClosed& event);
  std::string operator()(const Now& at, const SecondChanceStarted& event);
  std::string operator()(const Now& at, const SecondChanceWon& event);
  std::string operator()(const Now& at, const SecondChanceEnded& event);
  std::string operator()(const Now& at, const WinVoided& event);
  std::string operator()(const Now& at, const CodesImported& event);
  std::string operator()(const Now& at, const CodeAssigned& event);
  std::string operator()(const Now& at, const CouponReissued& event);
  std::string operator()(const Now& at, const CouponUsed& event);
  template <class E>
  std::string operator()(const Now&, const E&) {
    return {};
  }

  [[nodiscard]] const Lottery* at(PartitionNo partition) const;
  /// Why nobody can play at that moment, by the contract's order; empty if they can.
  [[nodiscard]] std::string refusal(const Lottery& lottery, UserRef user, std::int64_t now_ms) const;
  std::string settle(const Recorded& recorded);

  std::map<std::string, Lottery> lotteries_;
  std::set<UserRef> blocked_;
  bool paused_all_ = false;
  std::string told_;
  std::map<CommandHash, std::string> told_by_command_;
  struct Kept {
    std::int64_t at = 0;
    std::uint64_t fingerprint = 0;
  };
  std::map<std::pair<std::uint32_t, CommandHash>, Kept> commands_;
  std::map<InboundId, std::optional<InboundSettled>> inbound_;
};

}  // namespace windfall::simulation

// What must hold of a lottery, checked on its events as they are recorded, with a bookkeeping of its own: it shares no
// rule with the code that decided, only the decks that docs/fairness.md publishes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "application/port/promotion_store.hpp"
#include "domain/kernel/slot_table.hpp"
#include "domain/kernel/state.hpp"
#include "domain/lottery/outcomes.hpp"
#include "domain/lottery/tickets.hpp"

namespace windfall::simulate {

struct InvariantResult {
  std::string id;
  std::string what;
  std::int64_t checked = 0;
  std::int64_t violations = 0;
  std::string first;  ///< the first violation, for people
};

class Invariants {
 public:
  Invariants() = default;

  /// From the lottery's creation on.
  void begin(DefinitionPtr definition, const Seed& seed);
  /// Says that the event is applied soon.
  void expect(const Recorded& recorded) const;
  /// Every event, in order.
  void apply(const Recorded& recorded);
  /// At the end, against the store's state.
  [[nodiscard]] std::vector<InvariantResult> finish(const State& state);

 private:
  struct Person {
    std::int32_t granted = 0;
    std::int32_t drawn = 0;
    std::int32_t revoked = 0;
    std::uint32_t wins = 0;
    std::uint16_t invited_day = 0;
    std::uint16_t invited_on_day = 0;
    bool visited = false;
    bool credited = false;
    bool second_won = false;
    bool operator==(const Person&) const = default;
    [[nodiscard]] std::int64_t held() const { return std::int64_t{granted} - drawn - revoked; }
  };
  struct Check {
    const char* id;
    const char* what;
    std::int64_t checked = 0;
    std::int64_t violations = 0;
    std::string first;
    template <class Text>
    void expect(bool holds, const Recorded& at, Text text) {
      ++checked;
      if (holds) return;
      if (violations++ == 0) first = "event " + std::to_string(at.sequence.value) + ": " + text();
    }
  };

  void operator()(const Recorded& at, const Visited& event);
  void operator()(const Recorded& at, const InviteOpened& event);
  void operator()(const Recorded& at, const TicketsAdjusted& event);
  void operator()(const Recorded& at, const SegmentOpened& event);
  void operator()(const Recorded& at, const Drew& event);
  void operator()(const Recorded& at, const LotteryClosed& event);
  void operator()(const Recorded& at, const SecondChanceStarted& event);
  void operator()(const Recorded& at, const SecondChanceWon& event);
  void operator()(const Recorded& at, const SecondChanceEnded& event);
  void operator()(const Recorded& at, const WinVoided& event);
  template <class E>
  void operator()(const Recorded&, const E&) {}

  void grant(const Recorded& at, UserRef user, GrantCause cause, std::int64_t tickets);
  void won(const Recorded& at, UserRef user, std::uint32_t item);
  [[nodiscard]] std::int64_t standing() const { return wins_ + second_wins_ - voided_; }
  [[nodiscard]] std::int64_t items() const { return outcomes_->items(); }

  Check held_{.id = "I5", .what = "tickets held = granted - drawn - revoked, never below 0, as the hot state says"};
  Check once_{.id = "I6", .what = "a grant once per cause: first visit, friend, inviters within the day's limit"};
  Check drawn_{.id = "I7", .what = "no draw without a ticket, no ticket drawn twice"};
  Check serials_{.id = "SERIALS", .what = "serials of a segment without gaps"};
  Check winners_{.id = "I8", .what = "never more winners than prizes, no prize twice"};
  Check per_person_{.id = "WINS", .what = "nobody wins more often than allowed"};
  Check total_{.id = "TOTAL", .what = "exactly the planned number of winners, or the published shortfall"};
  Check tickets_{.id = "TICKETS", .what = "tickets by cause add up to what is drawn, revoked and held"};
  Check replay_{.id = "I14", .what = "the fold of the recorded events is the hot state"};

  DefinitionPtr definition_;
  std::unique_ptr<Outcomes> outcomes_;
  State fold_;
  SlotTable<Person> people_;
  std::vector<bool> given_;  ///< by item, in draws
  std::vector<bool> given_again_;
  DeckTerms open_;
  std::int64_t segment_ = -1;
  std::int64_t serials_in_ = 0;
  std::array<std::int64_t, kGrantCauses> granted_{};
  std::int64_t drawn_in_all_ = 0;
  std::int64_t revoked_in_all_ = 0;
  std::int64_t wins_ = 0;
  std::int64_t second_wins_ = 0;
  std::int64_t voided_ = 0;
  std::optional<std::int64_t> shortfall_;
  bool closed_ = false;
};

}  // namespace windfall::simulate

// Judges events that came in asynchronously: in order, as if their users had called themselves, and settles each one.
// An event is judged under a command of its own, so that judging it again after a crash gives what it gave before.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "application/on_request/earn_tickets.hpp"
#include "application/port/inbox.hpp"
#include "application/port/seals.hpp"
#include "application/port/timer.hpp"

namespace windfall {

class JudgeInbound {
 public:
  /// Events that wait for the journal at once. They are begun in order, and each is decided as it is begun: more at
  /// once make no other order, but fewer syncs.
  static constexpr int kAtOnce = 256;
  /// Rejected events that wait for the ledger. With more nothing is begun until it is back: what is rejected is told,
  /// however long it takes.
  static constexpr std::size_t kMostHeld = 10'000;
  /// Pause after the store failed.
  static constexpr std::int64_t kRetryMs = 250;

  /// An event that granted nothing, for figures and customer service. Its InboundSettled stands in the log of the
  /// promotion that it was about, or of the system.
  struct Rejected {
    const InboundEvent& event;
    PartitionNo partition;  ///< the system partition, if it named no promotion
    std::string_view promotion_id;
    std::string_view reason;
  };
  struct Hooks {
    std::function<void(const Rejected&)> rejected;
    /// Where no log keeps settlements: completes when the rejection is written, false if this process ends before. The
    /// event is settled then. Empty: there is nothing to wait for.
    std::function<Task<bool>(const Rejected&)> keep;
    std::function<void(const std::string& why)> trouble;
  };
  /// Since the start.
  struct Counts {
    std::uint64_t judged = 0;
    std::uint64_t dropped = 0;  ///< of these
  };

  JudgeInbound(Inbox& inbox, PromotionStore& store, EarnTickets& earn, InviteTokens& tokens, Timer& timer, Hooks hooks)
      : inbox_(inbox), store_(store), earn_(earn), tokens_(tokens), timer_(timer), hooks_(std::move(hooks)) {}
  JudgeInbound(const JudgeInbound&) = delete;
  JudgeInbound& operator=(const JudgeInbound&) = delete;

  /// There may be something to judge.
  void poke();
  /// Nothing is begun any more; what is left is judged after the next start.
  void stop() { stopped_ = true; }

  [[nodiscard]] int in_flight() const { return in_flight_; }
  /// Rejected events whose rejection is being written.
  [[nodiscard]] std::size_t held() const { return held_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  /// What became of an event.
  struct Judgement {
    bool dropped = false;
    std::string reason;        ///< empty unless it granted nothing
    std::string promotion_id;  ///< that it was about, as far as that is known
    PartitionNo partition = kSystemPartition;
    bool settled = false;  ///< in the same step
  };

  Task<void> judge(InboundEvent event);
  Task<Result<Judgement>> visited(const InboundEvent* event);
  Task<Result<Judgement>> opened(const InboundEvent* event);
  Task<Result<Judgement>> shared(const InboundEvent* event);
  Task<Result<bool>> settle(const InboundEvent* event, const Judgement* judgement);
  void begin();
  void pause(const std::string& why);
  static void refuse(Judgement& judgement, const LotteryRefused& refused);
  /// The promotion is there, and no lottery.
  void not_joinable(Judgement& judgement) const;

  Inbox& inbox_;
  PromotionStore& store_;
  EarnTickets& earn_;
  InviteTokens& tokens_;
  Timer& timer_;
  Hooks hooks_;
  Counts counts_;
  int in_flight_ = 0;
  std::size_t held_ = 0;
  bool beginning_ = false;
  bool paused_ = false;
  bool stopped_ = false;
};

}  // namespace windfall

// Carries decided events from the outbox to the stream: in order per promotion, many promotions at once. An entry is
// dropped when the stream has acknowledged it, never before, so that a crash anywhere means at most that something is
// published twice; so does a second relay.
//
// Every process has a relay, and one of them carries a promotion at a time: it holds a short lease, which the others
// meet and then leave the promotion to it, also what they have decided themselves. All that the lease saves is work:
// without it, everything is published more often, and nothing else changes.
//
// What was read once is held until the stream has it, whatever becomes of the outbox meanwhile: half of a page in the
// stream would be a gap that nobody could fill.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "application/port/clock.hpp"
#include "application/port/event_stream.hpp"
#include "application/port/outbox.hpp"
#include "application/port/timer.hpp"

namespace windfall {

class RelayOutbox {
 public:
  struct Hooks {
    std::function<void(const std::string& why)> trouble;  ///< nothing moves now; tried again after a pause
    /// True once a promotion has left that epoch for good: nothing of it may be published any more. Asked before a page
    /// is published again; without it no epoch ever ends.
    std::function<Task<bool>(std::string promotion_id, Epoch epoch)> over = {};
  };

  /// Events of one promotion published at once: large enough that a round trip to Kafka does not count, small enough
  /// that kAtOnce of them fit into a producer's queue.
  static constexpr std::size_t kPage = 1024;
  /// Promotions carried at once.
  static constexpr int kAtOnce = 64;
  /// Entries that nobody poked for (of other servers, or left by a crash) are found within this time.
  static constexpr std::int64_t kSweepMs = 1000;
  /// After that long others carry what a relay has begun and was not heard of again: it crashed, is stopped, or Kafka
  /// does not answer it.
  static constexpr std::int64_t kLeaseMs = 300;
  /// Renewed with the first read after that: what it reads then has the rest of the lease to get into the stream.
  static constexpr std::int64_t kRenewMs = 100;
  /// What another relay carries is looked at again so often: it may have stopped just before it would have seen an
  /// entry.
  static constexpr std::int64_t kElsewhereMs = 50;
  /// Pause after a failure, doubled until the longest: Kafka may be away for minutes.
  static constexpr std::int64_t kRetryMs = 100;
  static constexpr std::int64_t kLongestRetryMs = 5000;

  RelayOutbox(Outbox& outbox, EventPublisher& publisher, Clock& clock, Timer& timer, Hooks hooks)
      : outbox_(outbox), publisher_(publisher), clock_(clock), timer_(timer), hooks_(std::move(hooks)) {}
  RelayOutbox(const RelayOutbox&) = delete;
  RelayOutbox& operator=(const RelayOutbox&) = delete;

  /// Begins to look by itself, every kSweepMs.
  void start();
  /// The promotion has new durable entries.
  void poke(const std::string& promotion_id);
  /// Nothing further is begun; what is under way ends by itself.
  void stop() { stopped_ = true; }
  /// True while something is under way: the relay must not be destroyed.
  [[nodiscard]] bool running() const { return carried_ > 0 || sweeping_; }
  /// True if nothing of the promotion is on its way, nor held to be published again.
  [[nodiscard]] bool idle(const std::string& promotion_id) const;
  /// True if that holds for every promotion.
  [[nodiscard]] bool idle() const;

  struct Lag {
    std::uint64_t entries = 0;   ///< that waited at the last look
    std::uint64_t fullest = 0;   ///< of these, the most of one promotion
    std::int64_t oldest_ms = 0;  ///< age of the oldest event that is known to wait; 0 if none is
  };
  [[nodiscard]] Lag lag() const;
  /// Events acknowledged since the start.
  [[nodiscard]] std::uint64_t published() const { return published_; }
  [[nodiscard]] bool pausing() const { return pausing_; }

 private:
  /// What is known of a promotion that has entries.
  struct Line {
    bool carried = false;
    bool again = false;                    ///< poked meanwhile
    bool elsewhere = false;                ///< another relay carries it; a timer runs
    std::optional<std::int64_t> leased;    ///< since then, monotonic
    std::optional<OutboxId> acknowledged;  ///< but perhaps not trimmed
    bool untrimmed = false;
    std::optional<Instant> oldest;  ///< of what was read and is not acknowledged
    std::vector<OutboxEntry> page;  ///< that
    bool tried = false;             ///< to publish it
  };

  Task<void> carry(std::string promotion_id);
  Task<Result<bool>> read_page(const std::string* promotion_id, Line* line);
  Task<Result<bool>> carry_page(const std::string* promotion_id, Line* line);
  Task<Result<bool>> publish_page(const std::string* promotion_id, Line* line);
  Task<void> sweep();
  void begin(const std::string& promotion_id);
  void begin_waiting();
  void leave(const std::string& promotion_id, Line& line);
  void plan_sweep();
  void pause(const std::string& why);

  Outbox& outbox_;
  EventPublisher& publisher_;
  Clock& clock_;
  Timer& timer_;
  Hooks hooks_;
  std::map<std::string, Line> lines_;
  int carried_ = 0;
  bool sweeping_ = false;
  bool sweep_planned_ = false;
  bool pausing_ = false;
  bool stopped_ = false;
  std::int64_t retry_ms_ = kRetryMs;
  std::uint64_t entries_ = 0;
  std::uint64_t fullest_ = 0;
  std::uint64_t published_ = 0;
};

}  // namespace windfall

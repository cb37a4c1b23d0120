// What every process of the distributed mode owes a leader that rebuilds: that nothing of the epoch before is under way
// in it any more, and what it last saw confirmed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "adapters/redis/store/redis_store.hpp"
#include "application/on_event/relay_outbox.hpp"
#include "application/port/blocking.hpp"
#include "application/port/clock.hpp"
#include "application/port/epoch_book.hpp"
#include "application/port/timer.hpp"

namespace windfall::app {

/// Loop thread only.
class Presence {
 public:
  /// All of it outlives this.
  struct Parts {
    EpochBook& book;
    Blocking& worker;  ///< a thread of its own: the database may be away for long
    const redis::RedisStore& store;
    const RelayOutbox& relay;
    Timer& timer;
    const Clock& clock;
  };

  /// Between two looks whether anything is asked.
  static constexpr std::int64_t kLookMs = 250;
  /// Between two looks while something is asked that cannot be confirmed yet.
  static constexpr std::int64_t kBusyLookMs = 25;
  /// After so many of these it is asked anew whether it still matters.
  static constexpr int kBusyLooks = 20;
  /// While the database is away.
  static constexpr std::int64_t kAwayMs = 1000;

  explicit Presence(Parts parts) : parts_(parts) {}
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  void start();
  /// No further look. After the relay has come to rest, or will not.
  Task<void> finish();
  /// How long the database has not answered: up to a look's pause while it is well, longer if it is slow.
  [[nodiscard]] std::int64_t silent_ms() const { return parts_.clock.monotonic_ms() - heard_; }

 private:
  Task<void> keep();
  Task<bool> answer(std::vector<EpochBook::Entry> asked);
  [[nodiscard]] bool quiet(EpochBook::Entry entry);

  Parts parts_;
  std::map<EpochBook::Entry, std::uint64_t> begun_;  ///< calls that had been begun when it was first asked
  std::int64_t heard_ = 0;                           ///< monotonic; when the database last answered
  bool stopped_ = false;
  bool running_ = false;
};

}  // namespace windfall::app

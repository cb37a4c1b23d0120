// A server's inside without a server: the real store over a log that acknowledges at once, the real use cases, and time
// that only moves when it is told to. One thread; nothing here waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/embedded/embedded_store.hpp"
#include "app/simulate/timers.hpp"
#include "application/on_request/draw_ticket.hpp"
#include "application/on_request/earn_tickets.hpp"
#include "application/on_request/manage.hpp"
#include "application/on_time/close_lotteries.hpp"
#include "application/on_time/open_segments.hpp"

namespace windfall::simulate {

/// Goes forward only.
class VirtualClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return now_.ms; }
  void move_to(Instant at) { now_ = std::max(now_, at); }

 private:
  Instant now_;
};

/// Whatever is asked is done before the answer is awaited.
class DoneAtOnce final : public Blocking {
 public:
  void submit(std::function<void()> work, std::function<void()> done) override {
    work();
    done();
  }
};

/// Seeds that follow from a number, so that a run can be repeated.
class NumberedSeeds final : public Seeds {
 public:
  explicit NumberedSeeds(std::uint64_t number) : number_(number) {}
  Result<std::string> make(std::string_view promotion_id) override;
  Result<Seed> open(std::string_view promotion_id, std::string_view sealed) override;

 private:
  std::uint64_t number_;
};

class World {
 public:
  /// Gets the events of a turn as they were recorded, in order.
  using Seen = std::function<void(std::span<Recorded>)>;

  explicit World(std::uint64_t seed);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void watch(Seen seen) { seen_ = std::move(seen); }
  /// Gets what the log keeps of who a reference is, before the events that name it.
  using Named = std::function<void(UserRef user, std::string_view id)>;
  void watch_names(Named named) { named_ = std::move(named); }
  /// Registers it through the use case of operators; what it is from then on.
  Result<DefinitionPtr> create(Promotion promotion);

  /// Ends the turn, and those that its answers began, until nobody waits. True if anything had been decided.
  bool settle();
  /// Runs the jobs of lotteries against that ledger, as the server does every second.
  Result<std::string> run_jobs(LotteryLedger& ledger);

  VirtualClock& clock() { return clock_; }
  Timers& timers() { return timers_; }
  embedded::EmbeddedStore& store() { return store_; }
  DrawBook& book() { return book_; }
  Blocking& blocking() { return blocking_; }
  DrawTicket& draw() { return draw_; }
  EarnTickets& earn() { return earn_; }
  Manage& manage() { return manage_; }
  /// Bytes of events that the log got.
  [[nodiscard]] std::uint64_t log_bytes() const { return log_bytes_; }

 private:
  Result<std::uint64_t> take(const embedded::TurnBatch& batch);

  NumberedSeeds seeds_;
  VirtualClock clock_;
  Timers timers_{clock_};
  DoneAtOnce blocking_;
  Seen seen_;
  Named named_;
  std::vector<Recorded> turn_;
  std::uint64_t ticket_ = 0;
  std::uint64_t log_bytes_ = 0;
  bool turn_open_ = false;
  embedded::EmbeddedStore store_{clock_,
                                 {.submit = [this](const embedded::TurnBatch& batch) { return take(batch); },
                                  .at_turn_end = [this] { turn_open_ = true; }}};
  DrawBook book_{store_, seeds_};
  DrawTicket draw_{store_, book_};
  EarnTickets earn_{store_};
  Manage manage_;
  OpenSegments open_segments_{store_, book_};
};

}  // namespace windfall::simulate

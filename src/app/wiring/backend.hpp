// What keeps the data in one mode: everything that differs between one process with a journal and many processes with
// Redis, Kafka and a database. Use cases, HTTP and jobs are put together above it and know only ports.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/http/api/api.hpp"
#include "adapters/http/transport/event_loop.hpp"
#include "adapters/system/clock.hpp"
#include "app/config.hpp"
#include "application/port/blocking.hpp"
#include "application/port/code_vault.hpp"
#include "application/port/effects.hpp"
#include "application/port/inbox.hpp"
#include "application/port/ledger.hpp"
#include "application/port/ledger_rows.hpp"
#include "application/port/lottery_ledger.hpp"
#include "application/port/promotion_store.hpp"
#include "application/port/seals.hpp"
#include "application/port/seeds.hpp"
#include "application/port/timer.hpp"

namespace windfall::app {

class Backend {
 public:
  /// What a backend is given; all of it outlives the backend.
  struct Given {
    const Config& config;
    system::SystemClock& clock;
    const Clock& turn_clock;  ///< for the loop's thread
    http::EventLoop& loop;
    Timer& timer;
    std::array<std::uint8_t, 16> user_key{};  ///< of user references
    std::function<void()> applied;            ///< called when the ledger has applied events
    std::function<void()> arrived;            ///< called when there may be events to judge
  };

  /// The log as figures.
  struct Figures {
    std::uint64_t acknowledged = 0;                        ///< frames or events that are durable
    std::uint64_t behind = 0;                              ///< of these, what the ledger has not seen
    std::uint64_t fenced = 0;                              ///< partitions that decide nothing until they are rebuilt
    std::optional<std::int64_t> oldest_ms = std::nullopt;  ///< age of the oldest event that the ledger has not seen
    bool writable = true;                                  ///< decisions can be made durable now

    /// What only one mode has.
    struct Metric {
      const char* name;
      const char* kind;
      const char* help;
      std::uint64_t value = 0;
    };
    std::vector<Metric> more = {};
  };

  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  // Opened in this order, before the loop runs. Failures name the place.

  /// The hot state; afterwards store().all() is complete.
  virtual Result<bool> open_store() = 0;
  virtual Result<bool> open_ledger(Seeds& seeds) = 0;
  virtual Result<bool> open_codes(Seals& seals) = 0;

  virtual PromotionStore& store() = 0;
  virtual Inbox& inbox() = 0;
  virtual Ledger& ledger() = 0;
  virtual LotteryLedger& lotteries() = 0;
  virtual Effects& effects() = 0;
  virtual CodeVault& codes() = 0;
  /// Null where the ledger's rows are compared by `windfall fsck --config` alone.
  virtual LedgerRows* ledger_rows() { return nullptr; }
  /// Makes those of these people anew from the log; on the ledger's writing thread, where there are any.
  virtual Result<bool> make_rows_anew(const std::vector<UserRef>& /*users*/) {
    return fail(FailureCode::invalid, "rows are compared by windfall fsck --config alone");
  }
  virtual Blocking& ledger_writer() = 0;  ///< for everything that writes
  virtual Blocking& ledger_reads() = 0;

  /// Completes when the ledger has all that was acknowledged to anyone before, in that partition or in all; false if
  /// that takes over a second. Where partitions are on several servers, one that is away keeps only those waiting who
  /// ask about it, or about all.
  virtual Task<bool> caught_up(std::optional<PartitionNo> of) = 0;
  /// Asks how far the ledger is behind, for figures(); what it found, in a few words. Empty where the log does not
  /// reach the ledger by way of others, so that nothing has to be asked.
  [[nodiscard]] virtual std::function<Task<Result<std::string>>()> ledger_look() { return {}; }
  /// False while nothing can be made durable: joins are refused early.
  [[nodiscard]] virtual bool can_admit() const = 0;
  /// Makes the ends of effects durable; rows of the ledger follow.
  virtual Task<Result<bool>> settle(std::vector<EffectSettled> settled) = 0;
  /// Zeroes the person's id wherever this process keeps it.
  virtual Task<Result<bool>> erase_identity(UserRef user) = 0;
  [[nodiscard]] virtual std::vector<http::ReadyCheck> checks() = 0;
  [[nodiscard]] virtual Figures figures() = 0;
  /// True if this process can read a ledger that follows the log. `listens`: it has the role itself.
  [[nodiscard]] virtual bool has_ledger(bool listens) const = 0;
  /// True where the log outlives the loss of what is kept here, so that no marks of codes are needed beside it.
  [[nodiscard]] virtual bool restored_from_log() const = 0;
  /// Several processes take effects from one store: what one of them had on its way is left when it goes.
  [[nodiscard]] virtual bool shares_effects() const { return false; }
  /// What became of events that came in stands in the log, and so in the ledger.
  [[nodiscard]] virtual bool log_keeps_settlements() const { return true; }
  /// True if this process does what only one of them may do.
  [[nodiscard]] virtual bool leads() const = 0;

  /// Begins what runs by itself, once the loop runs. `listens`: the ledger is to follow the log.
  virtual void start(bool listens) = 0;
  /// True once the ledger has all that was settled before this process started; false if it is not so yet.
  virtual Task<bool> settled_history() = 0;
  /// Brings to an end what start() began, after the last answer.
  virtual Task<void> finish(bool listens) = 0;
  /// Ends the threads; nothing calls back afterwards.
  virtual void stop_threads() = 0;
  /// After the loop has ended.
  virtual Result<void> close() = 0;
};

std::unique_ptr<Backend> make_embedded_backend(Backend::Given given);
std::unique_ptr<Backend> make_distributed_backend(Backend::Given given);

}  // namespace windfall::app

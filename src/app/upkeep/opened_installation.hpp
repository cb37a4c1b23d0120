// An installation of several machines as an operator's command sees it: Redis and the ledger, opened as the
// configuration says, and a loop to wait on. Nothing is decided, relayed or served, and nothing is made that is not
// there; what runs beside it does not notice.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/http/transport/event_loop.hpp"
#include "adapters/http/transport/loop_timer.hpp"
#include "adapters/postgres/postgres_epoch_book.hpp"
#include "adapters/redis/client/client.hpp"
#include "adapters/redis/client/functions.hpp"
#include "adapters/redis/client/lease.hpp"
#include "adapters/redis/store/redis_outbox.hpp"
#include "adapters/redis/store/redis_store.hpp"
#include "adapters/system/clock.hpp"
#include "adapters/system/workers.hpp"
#include "adapters/vault/key_seals.hpp"
#include "app/config.hpp"
#include "app/server_parts.hpp"
#include "app/wiring/rebuilding.hpp"

namespace windfall::app {

class OpenedInstallation {
 public:
  /// Failures, each with the setting it is about: invalid (not the distributed mode, a setting that cannot be read),
  /// not_found (there is no ledger in that database), conflict (Redis and the ledger are of two installations, the
  /// machine has another key of user references), unavailable (a database is away).
  static Result<std::unique_ptr<OpenedInstallation>> open(const Config& config);
  OpenedInstallation(const OpenedInstallation&) = delete;
  OpenedInstallation& operator=(const OpenedInstallation&) = delete;
  ~OpenedInstallation();

  /// Runs the loop until the task is over.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    detach(finish(std::move(task), &result, &loop_));
    if (!result) loop_.run();
    return std::move(*result);
  }

  [[nodiscard]] const Config& config() const { return config_; }
  redis::Client& client() { return *client_; }
  redis::FunctionLibrary& claims() { return *claims_; }
  redis::RedisStore& store() { return *store_; }
  redis::RedisOutbox& outbox() { return *outbox_; }
  KeptLedger& ledger() { return *ledger_; }
  Blocking& reads() { return *reads_; }
  Timer& timer() { return timer_; }
  const Clock& clock() const { return clock_; }
  [[nodiscard]] codec::UserHasher hasher() const { return codec::UserHasher(user_key_); }

  /// Becomes the one process that does what only one may do, and stays it until the end. False: another one is it, and
  /// stays it although a lease without its holder would have run out meanwhile.
  Task<Result<bool>> lead();
  [[nodiscard]] bool leads() const { return lease_->held().has_value(); }
  /// Gives the lease back. After lead(), before the end.
  Task<void> retire();

  /// What is rebuilt is rebuilt as the leader does it; only while this process leads.
  [[nodiscard]] std::unique_ptr<Rebuilding> rebuilding(Rebuilding::Hooks hooks);

 private:
  explicit OpenedInstallation(Config config) : config_(std::move(config)) {}
  Result<bool> prepare();
  Task<Result<bool>> prepare_redis(redis::RedisStore::Lost known);
  Task<void> keep_lease();
  Task<Result<Term>> in_term();
  template <class T>
  static Task<void> finish(Task<T> task, std::optional<T>* result, http::EventLoop* loop) {
    result->emplace(co_await task);
    loop->stop();
  }

  const Config config_;
  system::SystemClock clock_;
  http::EventLoop loop_;
  http::LoopTimer timer_{loop_};
  codec::UserHasher::Key user_key_{};
  bool retired_ = false;
  std::unique_ptr<redis::Client> client_;
  std::unique_ptr<redis::FunctionLibrary> script_;
  std::unique_ptr<redis::FunctionLibrary> claims_;
  std::unique_ptr<redis::Lease> lease_;
  std::unique_ptr<redis::RedisStore> store_;
  std::unique_ptr<redis::RedisOutbox> outbox_;
  std::unique_ptr<KeptLedger> ledger_;
  std::unique_ptr<EpochBook> epochs_;
  std::atomic<std::uint64_t> term_{0};  ///< 0: it does not lead
  std::unique_ptr<system::Workers> writes_;
  std::unique_ptr<system::Workers> reads_;
};

}  // namespace windfall::app

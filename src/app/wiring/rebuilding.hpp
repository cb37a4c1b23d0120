// Folds partitions that have lost their hot state anew from the log that the ledger keeps: what the leader does by
// itself as soon as it sees a partition fenced, and `windfall rebuild` when somebody asks for it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/redis/store/rebuild.hpp"
#include "adapters/redis/store/redis_store.hpp"
#include "application/port/blocking.hpp"
#include "application/port/clock.hpp"
#include "application/port/epoch_book.hpp"
#include "application/port/kept_ledger.hpp"
#include "application/port/outbox.hpp"
#include "application/port/timer.hpp"

namespace windfall::app {

/// Loop thread only.
class Rebuilding {
 public:
  /// Partitions that are filled at the same time: they stand on different nodes, and while one waits for its disk
  /// another one is read from the ledger.
  static constexpr std::size_t kAtOnce = 3;
  /// Between two looks whether what is waited for has come.
  static constexpr std::int64_t kLookMs = 100;
  /// Relays have this long to empty what outboxes still hold, and processes to confirm; then all is tried again. Kafka
  /// may be away: nothing is waited for that a next try would not have to wait for, too.
  static constexpr std::int64_t kArrivalMs = 30'000;
  /// A process that says nothing for so long has nothing under way any more: its messages were given up after 10 s
  /// (kafka::Producer::kDeliveryTimeoutMs).
  static constexpr std::int64_t kSilenceMs = 12'000;

  /// All of it outlives the object.
  struct Parts {
    redis::RedisStore& store;
    Outbox& outbox;
    KeptLedger& ledger;
    EpochBook& book;
    Blocking& reads;
    Blocking& writes;
    const Clock& clock;
    Timer& timer;
    /// Applies to the ledger what the stream has of these promotions and the ledger's group has not read; how many
    /// events it read. Blocking.
    std::function<Result<std::uint64_t>(const std::vector<std::string>& promotion_ids)> apply_tail;
    /// Puts back what stands beside the partitions and is not in the ledger.
    std::function<Task<Result<bool>>()> restore_beside;
    /// False: somebody else may be at it now, and what is under way is given up.
    std::function<bool()> leads;
    /// The present term, if it still is the newest one. Failures: conflict, unavailable.
    std::function<Task<Result<Term>>()> in_term;
    std::function<void(const char* event, const std::string& why)> trouble;
  };
  struct Done {
    redis::Rebuilt rebuilt;
    std::optional<EpochBook::Ended> ended;  ///< nullopt: it serves; what was lost cannot be told
  };
  struct Hooks {
    /// So many events of a partition were folded so far.
    std::function<void(PartitionNo, std::uint64_t events)> folded;
    std::function<void(PartitionNo, const Done&)> rebuilt;
  };

  Rebuilding(Parts parts, Hooks hooks) : parts_(std::move(parts)), hooks_(std::move(hooks)) {}
  Rebuilding(const Rebuilding&) = delete;
  Rebuilding& operator=(const Rebuilding&) = delete;

  /// The partitions, the system partition first, small ones before large ones; those that have a header in force, or
  /// whose server is away, are left alone. One that fails does not keep the others waiting. Waits until the ledger has
  /// what outboxes, processes and the stream still held of them. False: none had to be rebuilt. Failures: unavailable
  /// (a database is away, another process leads now), conflict (a later term has begun, or somebody else put a header
  /// into force), damaged (the log has a gap). What was rebuilt before stays so.
  Task<Result<bool>> run(std::vector<PartitionNo> partitions);

 private:
  struct Queue;
  struct Ahead;
  Task<std::vector<PartitionNo>> really_missing(std::vector<PartitionNo> of);
  Task<Result<bool>> outboxes_are_empty(std::vector<PartitionNo> of);
  Task<Result<std::vector<EpochBook::Entry>>> grant(Term term, std::vector<PartitionNo> to);
  Task<Result<bool>> all_confirmed(Term term, std::vector<EpochBook::Entry> granted);
  Task<Result<std::vector<EpochBook::Entry>>> prepare(Term term, std::vector<PartitionNo> missing);
  Task<Result<std::optional<Instant>>> last_at(PartitionNo of);
  Task<Result<bool>> rebuild(Term term, EpochBook::Entry entry);
  Task<void> work(std::shared_ptr<Queue> queue);
  Task<Result<std::vector<Recorded>>> next_events(std::shared_ptr<Ahead> ahead, PartitionNo of, Sequence after,
                                                  std::size_t most);
  Task<void> read_ahead(std::shared_ptr<Ahead> ahead, PartitionNo of, Sequence after, std::size_t most);

  const Parts parts_;
  const Hooks hooks_;
};

}  // namespace windfall::app

// Messages out of Kafka, as one of a group: what is handed out has to be finished, message by message and in any order,
// and only what is finished is committed, so that nothing is lost and at most something comes again.
//
// A thread of its own asks Kafka and fills a bounded queue; when that is full and stays so, partitions are paused.
// Before a rebalance takes a partition away, what was handed out of it is waited for and committed.
//
// Thread-safe. Hooks are called on the consumer's thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/kafka/client.hpp"

struct rd_kafka_message_s;               // NOLINT(readability-identifier-naming): librdkafka's
struct rd_kafka_topic_partition_list_s;  // NOLINT(readability-identifier-naming): the same

namespace windfall::kafka {

/// Where a message stands.
struct Place {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::uint64_t lease = 0;  ///< of the partition, by this consumer: a later lease knows nothing of this one's messages
};

struct Message {
  Place place;
  std::int64_t timestamp_ms = 0;
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;

  /// The last header of that name; nullptr if there is none.
  [[nodiscard]] const std::string* header(std::string_view name) const;
};

class Consumer {
 public:
  /// Two full batches of the ledger and a bit: the second is there when the first is applied.
  static constexpr std::size_t kMostWaiting = 16'384;
  /// Progress is committed this often; after a crash so much comes again and is dropped as known.
  static constexpr int kCommitMs = 500;
  /// A rebalance waits so long for what was handed out: the slowest batch of a ledger. Kafka's own patience is minutes.
  static constexpr int kDrainMs = 10'000;
  /// A member that is gone is noticed after this long, and its partitions go to others.
  static constexpr int kSessionMs = 10'000;

  struct Options {
    std::string brokers;
    std::string group;
    std::vector<std::string> topics;
    std::string client_id = "windfall";
    int session_ms = kSessionMs;
    int drain_ms = kDrainMs;
    std::size_t most_waiting = kMostWaiting;
    /// There are messages where none were, or some are left after take(), within which it is called: it may only post.
    std::function<void()> arrived;
    std::function<void(const std::string& why)> trouble;
    /// A partition is about to go, or is lost; what is held of it has to be let go.
    std::function<void(const std::string& topic, std::int32_t partition)> revoking;
    Settings settings;
  };

  static Result<std::unique_ptr<Consumer>> make(Options options);
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;
  ~Consumer();

  /// The next messages, in order per partition; empty if there are none yet. Each has to be finished.
  std::vector<Message> take(std::size_t most);
  /// It is applied for good, or known to be of no use.
  void finish(const Place& place);
  /// It waits for another message: a rebalance need not wait for it, and it is not committed.
  void hold(const Place& place);

  [[nodiscard]] const std::string& group() const { return options_.group; }
  [[nodiscard]] std::size_t waiting() const;
  /// When the last message that came was published, in ms since 1970 by its producer's clock; 0 before the first.
  [[nodiscard]] std::int64_t newest_ms() const { return newest_ms_; }
  /// True while the broker is not asked, since nobody takes.
  [[nodiscard]] bool paused() const { return paused_; }
  /// Partitions that this member has now.
  [[nodiscard]] std::size_t partitions() const;

  /// Hands out nothing more, waits for what was handed out (at most drain_ms: not on the thread that finishes it),
  /// commits and leaves the group. Blocking.
  void stop();

 private:
  enum class State : unsigned char { busy, held, finished };
  struct Slot {
    std::int64_t offset;
    State state;
  };
  struct Partition {
    std::uint64_t lease = 0;
    std::deque<Slot> slots;  ///< handed out, by offset
    std::size_t busy = 0;
    std::int64_t finished_to = -1;  ///< offset that a commit would name
    std::int64_t committed = -1;
    [[nodiscard]] bool drained() const { return busy == 0; }
  };
  using Key = std::pair<std::string, std::int32_t>;

  explicit Consumer(Options options) : options_(std::move(options)) {}
  void run();
  void receive(const rd_kafka_message_s* message);
  void turn(const Place& place, State to);
  void commit(bool wait);
  void pause_or_resume(bool standstill);
  bool room_within(int patience_ms);
  void wait_until_drained(const std::vector<Key>& which);
  void assigned(const rd_kafka_topic_partition_list_s* list);
  void revoked(const rd_kafka_topic_partition_list_s* list, bool lost);
  static void rebalance(rd_kafka_s* handle, int error, rd_kafka_topic_partition_list_s* list, void* opaque);
  static void troubled(rd_kafka_s* handle, int error, const char* reason, void* opaque);

  Options options_;
  Handle handle_;
  std::thread thread_;
  std::atomic<bool> ending_{false};
  std::atomic<bool> paused_{false};
  std::atomic<std::int64_t> newest_ms_{0};
  bool reassigned_ = false;  ///< new partitions do not know yet that all are paused; the consumer's thread only

  mutable std::mutex mutex_;  ///< of what follows
  std::condition_variable changed_;
  std::deque<Message> queue_;
  std::map<Key, Partition> partitions_;
  std::uint64_t next_lease_ = 1;
  bool stopped_ = false;
};

}  // namespace windfall::kafka

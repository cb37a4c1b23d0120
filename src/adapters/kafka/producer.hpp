// Messages into Kafka: idempotent, acknowledged by all in-sync replicas, in order per key. A batch is told once, when
// Kafka has acknowledged all of it or it is known that some of it was not.
//
// Thread-safe. `done` of every batch is handed to `post`, from any thread, exactly once: also when the producer ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "adapters/kafka/client.hpp"

struct rd_kafka_topic_s;
struct rd_kafka_message_s;  // NOLINT(readability-identifier-naming): librdkafka's

namespace windfall::kafka {

class Producer {
 public:
  using Post = std::function<void(std::function<void()>)>;
  using Done = std::function<void(Result<bool>)>;

  /// Messages that wait for their acknowledgement: two dozen pages of a relay, and at some 600 bytes each 60 MB.
  static constexpr int kMostInFlight = 100'000;
  static constexpr int kMostInFlightKb = 64 * 1024;
  /// Measured: a quarter of the broker's work that 0 costs, and a millisecond is not noticed behind a relay.
  static constexpr int kLingerMs = 1;
  /// A message that was not acknowledged for so long is given up; its batch fails and is sent again by its owner.
  static constexpr int kDeliveryTimeoutMs = 10'000;
  /// A dead letter is a message with headers added: what was just small enough still has to fit.
  static constexpr int kMostMessageBytes = 2 * 1024 * 1024;
  /// The end waits so long for what is under way.
  static constexpr int kFlushMs = 5'000;

  struct Options {
    std::string brokers;  ///< "host:port,host:port"
    std::string client_id = "windfall";
    int delivery_timeout_ms = kDeliveryTimeoutMs;
    int linger_ms = kLingerMs;
    int flush_ms = kFlushMs;
    Post post;  ///< has a call run on the loop thread, never at once; must take calls as long as the producer lives
    Settings settings;
  };

  struct Header {
    std::string_view name;
    std::string_view value;
  };
  struct Record {
    std::string_view topic;
    std::string_view key;
    std::string_view value;
    std::span<const Header> headers;
  };

  /// Some records that are told of together. They are sent in order as they are added; after one that cannot be sent no
  /// further one is, so that none overtakes it.
  class Batch {
   public:
    Batch(Batch&& other) noexcept;
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    Batch& operator=(Batch&&) = delete;
    ~Batch();  ///< nothing more is added: `done` is called when all that was added is settled
    /// Copies the record. `key` empty: any partition.
    void add(const Record& record);

   private:
    friend class Producer;
    struct Pending;
    Batch(Producer* producer, Pending* in_flight) : producer_(producer), in_flight_(in_flight) {}
    Producer* producer_;
    Pending* in_flight_;
    bool failed_ = false;
  };

  static Result<std::unique_ptr<Producer>> make(Options options);
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  ~Producer();

  [[nodiscard]] Batch begin(Done done);

  /// Connects to the leaders of the topics and sends one message to each partition of `warm_up_topic`, which nobody
  /// reads, so that the first real message finds everything ready. Blocking. unavailable: not done within the time.
  Result<bool> warm_up(const std::vector<std::string>& topics, const std::string& warm_up_topic, int deadline_ms);

  /// Waits until everything is settled, at most so long. False: something is left.
  bool flush(int deadline_ms);

  /// Batches that nobody was told of yet.
  [[nodiscard]] std::int64_t open_batches() const { return open_batches_; }
  /// Times that librdkafka gave up for good (it does when a broker forgot the producer) and was started anew.
  [[nodiscard]] std::uint64_t renewals() const { return renewals_; }

  /// Has librdkafka give up as a broker would make it; for tests.
  void break_for_good();

 private:
  explicit Producer(Options options) : options_(std::move(options)) {}
  Result<bool> open();
  void close(int flush_ms);
  void renew();
  rd_kafka_topic_s* topic(const std::string& name);
  int send(const Record& record, Batch::Pending* in_flight, int partition);
  void settle(Batch::Pending* in_flight, int error);
  static void delivered(rd_kafka_s* handle, const rd_kafka_message_s* message, void* opaque);
  static void troubled(rd_kafka_s* handle, int error, const char* reason, void* opaque);

  Options options_;
  std::mutex mutex_;  ///< of handle_ and topics_
  Handle handle_;
  std::map<std::string, rd_kafka_topic_s*, std::less<>> topics_;
  std::thread poller_;
  std::atomic<bool> ending_{false};
  std::atomic<bool> broken_{false};
  std::atomic<std::int64_t> open_batches_{0};
  std::atomic<std::uint64_t> renewals_{0};
};

}  // namespace windfall::kafka

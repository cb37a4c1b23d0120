// Messages that cannot be used go to a topic beside theirs, with the reason, so that their neighbours are not blocked
// and nothing is lost. The headers are those that Spring for Apache Kafka writes, so that its tools read them.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "adapters/kafka/consumer.hpp"
#include "adapters/kafka/producer.hpp"

namespace windfall::kafka {

class DeadLetters {
 public:
  /// Pause before a letter that Kafka did not take is tried again.
  static constexpr std::int64_t kRetryMs = 1000;

  struct Options {
    std::string topic;
    std::string group;  ///< of the consumer that gave up
  };
  /// Both must outlive this.
  DeadLetters(Producer& producer, Consumer& consumer, Options options)
      : shared_(std::make_shared<Shared>(producer, consumer, std::move(options))) {}
  DeadLetters(const DeadLetters&) = delete;
  DeadLetters& operator=(const DeadLetters&) = delete;
  /// What Kafka has not acknowledged yet is not finished: it comes again to whoever consumes next.
  ~DeadLetters();

  /// Short labels for `reason`: what a person groups by.
  static constexpr std::string_view kSchema = "schema";      ///< it cannot be read
  static constexpr std::string_view kConflict = "conflict";  ///< it contradicts what is known
  static constexpr std::string_view kGap = "gap";            ///< what comes before it never came

  /// Sends it, tries again until Kafka has it, and then finishes it with the consumer. `why` is for people.
  void bury(Message message, std::string_view reason, std::string why, int attempts = 1);
  /// Tries again what failed; to be called now and then, with a clock that always runs.
  void tend(std::int64_t monotonic_ms);

  [[nodiscard]] std::uint64_t buried() const;   ///< since the start, acknowledged
  [[nodiscard]] std::size_t under_way() const;  ///< not acknowledged yet

 private:
  struct Letter {
    Message message;
    std::string reason;
    std::string why;
    int attempts = 1;
  };
  /// Lives on while Kafka has not answered.
  struct Shared : std::enable_shared_from_this<Shared> {
    Shared(Producer& to, Consumer& from, Options chosen) : producer(to), consumer(from), options(std::move(chosen)) {}
    void send(const std::shared_ptr<Letter>& letter);
    Producer& producer;
    Consumer& consumer;
    Options options;
    std::mutex mutex;
    std::deque<std::shared_ptr<Letter>> failed;
    std::int64_t next_try_ms = 0;
    std::size_t under_way = 0;
    std::uint64_t buried = 0;
    bool closed = false;  ///< the consumer may be gone
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace windfall::kafka

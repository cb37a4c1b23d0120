// The topic of decided events as the log that projections read. What is read is committed to Kafka when the reader
// comes back for what follows it, or says that it is applied; a message that cannot be read goes to the dead letters,
// and its neighbours go on.
//
// A position is the number of messages handed out, beginning with Options::position: dropped and held ones count, so a
// batch may have fewer events than its position says, or none.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapters/kafka/consumer.hpp"
#include "adapters/kafka/dead_letters.hpp"
#include "adapters/kafka/producer.hpp"
#include "adapters/kafka/sequence_gate.hpp"
#include "application/port/clock.hpp"
#include "application/port/event_log.hpp"

namespace windfall::kafka {

class KafkaEventLog final : public EventLog {
 public:
  /// Early events of one promotion that are held: several pages of a relay. With more, what is missing will not come by
  /// itself; all of them become dead letters, to be replayed when it has been found.
  static constexpr std::size_t kMostHeld = 8'192;

  struct Options {
    Consumer::Options consumer;  ///< `topics` has one; its hook `revoking` is taken
    std::string dead_letters;    ///< topic
    std::uint64_t position = 0;
    /// The last event of a partition that is applied, from the ledger; asked when a partition is first met, on the
    /// reading thread.
    std::function<Result<LastSeen>(PartitionNo)> last_seen;
    std::function<void(const std::string& why)> trouble;  ///< any thread
  };
  struct Counts {
    std::uint64_t events = 0;  ///< handed out
    std::uint64_t known = 0;   ///< dropped, since they were seen
    std::uint64_t early = 0;   ///< held for a while
  };

  /// `producer` for dead letters; both must outlive this.
  static Result<std::unique_ptr<KafkaEventLog>> make(Options options, Producer& producer, const Clock& clock);

  KafkaEventLog(const KafkaEventLog&) = delete;
  KafkaEventLog& operator=(const KafkaEventLog&) = delete;
  ~KafkaEventLog() override { stop(); }

  /// Never waits. Asked again at the position before the last batch, it gives that batch again. invalid: any other
  /// position than that and the last one.
  Result<LogBatch> read(std::uint64_t position, std::size_t max_events) override;

  /// Everything up to there is applied for good: as read(position) does, without reading. Thread-safe.
  void applied(std::uint64_t position);
  /// The position that reading would reach now. Thread-safe, and never waits for a reader, who may wait for the ledger;
  /// for whoever pokes the reader after Consumer's `arrived`.
  [[nodiscard]] std::uint64_t available() const;

  /// How long ago the last message that came was published, by this machine's clock beside its producer's; 0 before
  /// the first. Thread-safe.
  [[nodiscard]] std::int64_t newest_age_ms() const;

  [[nodiscard]] Counts counts() const;
  [[nodiscard]] const DeadLetters& dead_letters() const { return *dead_letters_; }
  [[nodiscard]] Consumer& consumer() { return *consumer_; }
  /// See Consumer::stop(): what was handed out has to be told applied first.
  void stop() {
    if (consumer_) consumer_->stop();
  }

 private:
  struct Early {
    Recorded recorded;
    std::vector<LogBatch::Named> identities;
    Message message;
  };
  KafkaEventLog(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}
  void finish_batch();
  Result<bool> sort_in(Message& message, LogBatch& batch);
  void hand_out(Recorded recorded, std::vector<LogBatch::Named> identities, Place place, LogBatch& batch);
  void revoking(const std::string& topic, std::int32_t partition);

  Options options_;
  const Clock& clock_;
  std::unique_ptr<Consumer> consumer_;
  std::unique_ptr<DeadLetters> dead_letters_;

  mutable std::mutex mutex_;  ///< of what follows; held while the ledger is asked
  std::uint64_t position_ = 0;
  LogBatch batch_;                ///< the last one
  std::uint64_t before_ = 0;      ///< position before it
  std::vector<Place> places_;     ///< of its events
  std::deque<Message> unsorted_;  ///< taken, but the ledger could not be asked
  SequenceGate<Early> gate_;
  std::map<std::pair<std::string, std::int32_t>, std::set<PartitionNo>> promotions_;  ///< met in each Kafka partition
  Counts counts_;

  /// While messages come from the consumer's queue into `unsorted_`, so that they are counted once; after mutex_.
  mutable std::mutex counting_;
  std::uint64_t taken_ = 0;  ///< position_ and what is unsorted
};

}  // namespace windfall::kafka

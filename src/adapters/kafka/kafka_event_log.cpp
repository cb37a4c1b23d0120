#include "adapters/kafka/kafka_event_log.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>

#include "adapters/codec/event_json.hpp"

namespace windfall::kafka {

Result<std::unique_ptr<KafkaEventLog>> KafkaEventLog::make(Options options, Producer& producer, const Clock& clock) {
  std::unique_ptr<KafkaEventLog> log(new KafkaEventLog(std::move(options), clock));
  log->position_ = log->before_ = log->batch_.position = log->taken_ = log->options_.position;
  Consumer::Options consuming = log->options_.consumer;
  consuming.revoking = [it = log.get()](const std::string& topic, std::int32_t partition) {
    it->revoking(topic, partition);
  };
  const std::string group = consuming.group;
  // Nothing is handed out before make() returns: whoever could read has no log yet. Hooks may come, and find a queue.
  Result<std::unique_ptr<Consumer>> consumer = Consumer::make(std::move(consuming));
  if (!consumer) return tl::unexpected(consumer.error());
  log->consumer_ = std::move(*consumer);
  log->dead_letters_ = std::make_unique<DeadLetters>(
      producer, *log->consumer_, DeadLetters::Options{.topic = log->options_.dead_letters, .group = group});
  return log;
}

Result<LogBatch> KafkaEventLog::read(std::uint64_t position, std::size_t max_events) {
  const std::lock_guard lock(mutex_);
  dead_letters_->tend(clock_.monotonic_ms());
  if (position == before_ && position != position_) return batch_;
  if (position != position_) {
    return fail(FailureCode::invalid,
                "event log: position " + std::to_string(position) + " was asked for at " + std::to_string(position_));
  }
  finish_batch();
  LogBatch batch{.events = {}, .identities = {}, .position = position_};
  if (unsorted_.empty()) {
    const std::lock_guard counted(counting_);
    std::ranges::move(consumer_->take(max_events), std::back_inserter(unsorted_));
    taken_ = position_ + unsorted_.size();
  }
  while (!unsorted_.empty()) {
    // A batch that is begun is handed out even if the ledger cannot be asked about the next promotion.
    const Result<bool> sorted = sort_in(unsorted_.front(), batch);
    if (!sorted && batch.position == position_) return tl::unexpected(sorted.error());
    if (!sorted) break;
    unsorted_.pop_front();
    ++batch.position;
  }
  counts_.events += batch.events.size();
  before_ = position_;
  position_ = batch.position;
  batch_ = batch;
  return batch;
}

void KafkaEventLog::applied(std::uint64_t position) {
  const std::lock_guard lock(mutex_);
  if (position >= position_) finish_batch();
}

std::uint64_t KafkaEventLog::available() const {
  const std::lock_guard counted(counting_);
  return taken_ + consumer_->waiting();
}

std::int64_t KafkaEventLog::newest_age_ms() const {
  // Real time, whatever a development clock says: the producer's is.
  const std::int64_t published = consumer_->newest_ms();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now).count() - published;
  return published == 0 ? 0 : std::max<std::int64_t>(0, age);
}

KafkaEventLog::Counts KafkaEventLog::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void KafkaEventLog::finish_batch() {
  for (const Place& place : places_) consumer_->finish(place);
  places_.clear();
  before_ = position_;
  batch_ = {.events = {}, .identities = {}, .position = position_};
}

void KafkaEventLog::hand_out(Recorded recorded, std::vector<LogBatch::Named> identities, Place place, LogBatch& batch) {
  batch.events.push_back(std::move(recorded));
  std::ranges::move(identities, std::back_inserter(batch.identities));
  places_.push_back(std::move(place));
}

Result<bool> KafkaEventLog::sort_in(Message& message, LogBatch& batch) {
  using Verdict = SequenceGate<Early>::Verdict;
  Result<codec::ReadEvent> read = codec::read_event_json(message.value);
  if (!read) {
    options_.trouble("kafka: " + message.place.topic + "[" + std::to_string(message.place.partition) + "]@" +
                     std::to_string(message.place.offset) + ": " + read.error().message);
    dead_letters_->bury(std::move(message), DeadLetters::kSchema, read.error().message);
    return true;
  }
  const PartitionNo partition = read->recorded.partition;
  if (!gate_.started(partition)) {
    const Result<LastSeen> last = options_.last_seen(partition);
    if (!last) return tl::unexpected(last.error());
    gate_.start(partition, *last);
    promotions_[{message.place.topic, message.place.partition}].insert(partition);
  }
  const Epoch epoch = read->recorded.epoch;
  const Sequence sequence = read->recorded.sequence;
  if (gate_.enters(partition, epoch)) {
    // Where the epoch before ended only the ledger knows: what came of it too late was let through here and not there.
    const Result<LastSeen> last = options_.last_seen(partition);
    if (!last) return tl::unexpected(last.error());
    if (last->epoch >= epoch) gate_.start(partition, *last);
  }
  switch (gate_.judge(partition, epoch, sequence)) {
    case Verdict::known:
      ++counts_.known;
      consumer_->finish(message.place);
      return true;
    case Verdict::next:
      hand_out(std::move(read->recorded), std::move(read->identities), message.place, batch);
      break;
    case Verdict::early: {
      const Place place = message.place;
      const std::optional<Early> other = gate_.hold(partition, epoch, sequence,
                                                    {.recorded = std::move(read->recorded),
                                                     .identities = std::move(read->identities),
                                                     .message = std::move(message)});
      consumer_->hold(place);
      if (other) {
        ++counts_.known;
        consumer_->finish(other->message.place);
        return true;
      }
      ++counts_.early;
      if (gate_.held(partition) <= kMostHeld) return true;
      options_.trouble("kafka: partition " + std::to_string(partition.value) + " has a gap before " +
                       std::to_string(sequence.value));
      for (Early& early : gate_.give_up(partition)) {
        dead_letters_->bury(std::move(early.message), DeadLetters::kGap, "events before it never came");
      }
      return true;
    }
  }
  std::vector<Early> known;
  for (Early& early : gate_.release(partition, known)) {
    hand_out(std::move(early.recorded), std::move(early.identities), early.message.place, batch);
  }
  for (const Early& early : known) consumer_->finish(early.message.place);
  return true;
}

void KafkaEventLog::revoking(const std::string& topic, std::int32_t partition) {
  const std::lock_guard lock(mutex_);
  // Whoever gets the partition reads on from what was committed; coming back, we ask the ledger again.
  const auto met = promotions_.find({topic, partition});
  if (met != promotions_.end()) {
    for (const PartitionNo promotion : met->second) gate_.forget(promotion);
    promotions_.erase(met);
  }
  std::erase_if(unsorted_, [&](const Message& message) {
    if (message.place.topic != topic || message.place.partition != partition) return false;
    if (consumer_) consumer_->hold(message.place);
    return true;
  });
  const std::lock_guard counted(counting_);
  taken_ = position_ + unsorted_.size();
}

}  // namespace windfall::kafka

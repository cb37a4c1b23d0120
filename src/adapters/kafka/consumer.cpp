#include "adapters/kafka/consumer.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <ranges>
#include <utility>

namespace windfall::kafka {

namespace {

constexpr int kPollMs = 50;
/// Well below Kafka's patience with a member that does not ask for messages, which is minutes.
constexpr int kStandstillMs = 500;
/// Messages that librdkafka fetches ahead of the queue, per partition: enough that a resumed queue fills at once.
constexpr const char* kFetchAhead = "20000";
constexpr const char* kFetchAheadKb = "16384";

struct FreeList {
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
using List = std::unique_ptr<rd_kafka_topic_partition_list_t, FreeList>;

struct FreeMessage {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};

std::string text_of(const void* bytes, std::size_t size) {
  return bytes == nullptr ? std::string{} : std::string(static_cast<const char*>(bytes), size);
}

Message copy_of(const rd_kafka_message_t& from) {
  Message message;
  message.place = {.topic = rd_kafka_topic_name(from.rkt), .partition = from.partition, .offset = from.offset};
  rd_kafka_timestamp_type_t kind{};
  message.timestamp_ms = rd_kafka_message_timestamp(&from, &kind);
  message.key = text_of(from.key, from.key_len);
  message.value = text_of(from.payload, from.len);
  rd_kafka_headers_t* its_headers = nullptr;
  if (rd_kafka_message_headers(&from, &its_headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return message;
  const char* its_name = nullptr;
  const void* bytes = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(its_headers, i, &its_name, &bytes, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    message.headers.emplace_back(its_name, text_of(bytes, size));
  }
  return message;
}

}  // namespace

const std::string* Message::header(std::string_view name) const {
  for (const auto& [its_name, its_value] : std::ranges::reverse_view(headers)) {
    if (its_name == name) return &its_value;
  }
  return nullptr;
}

Result<std::unique_ptr<Consumer>> Consumer::make(Options options) {
  std::unique_ptr<Consumer> consumer(new Consumer(std::move(options)));
  const Options& chosen = consumer->options_;
  Settings settings{
      {"bootstrap.servers", chosen.brokers},
      {"client.id", chosen.client_id},
      {"group.id", chosen.group},
      // Not cooperative-sticky: librdkafka 2.0 ends the process by an assertion if a group is left while it is joined.
      {"partition.assignment.strategy", "range"},
      {"session.timeout.ms", std::to_string(chosen.session_ms)},
      {"heartbeat.interval.ms", std::to_string(std::max(chosen.session_ms / 5, 100))},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "earliest"},  // a new group reads what is still there, rather than lose it
      {"queued.min.messages", kFetchAhead},
      {"queued.max.messages.kbytes", kFetchAheadKb},
      {"fetch.wait.max.ms", "100"},
      {"reconnect.backoff.max.ms", "1000"},
  };
  settings.insert(settings.end(), chosen.settings.begin(), chosen.settings.end());
  Result<Conf> conf = make_conf(settings, consumer.get());
  if (!conf) return tl::unexpected(conf.error());
  rd_kafka_conf_set_rebalance_cb(
      conf->get(), [](rd_kafka_t* handle, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list,
                      void* opaque) { rebalance(handle, error, list, opaque); });
  rd_kafka_conf_set_error_cb(conf->get(), &Consumer::troubled);
  Result<Handle> handle = make_handle(ClientKind::consumer, std::move(*conf));
  if (!handle) return tl::unexpected(handle.error());
  consumer->handle_ = std::move(*handle);
  rd_kafka_poll_set_consumer(consumer->handle_.get());

  const List topics(rd_kafka_topic_partition_list_new(static_cast<int>(chosen.topics.size())));
  for (const std::string& topic : chosen.topics) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const auto error = rd_kafka_subscribe(consumer->handle_.get(), topics.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(failure_of(error, "subscribe"));
  consumer->thread_ = std::thread([it = consumer.get()] { it->run(); });
  return consumer;
}

Consumer::~Consumer() { stop(); }

void Consumer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    queue_.clear();
    changed_.notify_all();
  }
  ending_ = true;
  if (thread_.joinable()) thread_.join();
}

void Consumer::run() {
  using Clock = std::chrono::steady_clock;
  auto next_commit = Clock::now() + std::chrono::milliseconds(kCommitMs);
  while (!ending_) {
    // A full queue is given a while to empty; librdkafka's own queue then fills and holds back the broker. Pausing
    // throws that away and costs a round trip, so it is for readers that really stand still.
    const bool room = paused_ || room_within(kStandstillMs);
    if (room) {
      const std::unique_ptr<rd_kafka_message_t, FreeMessage> message(rd_kafka_consumer_poll(handle_.get(), kPollMs));
      if (message) receive(message.get());
    }
    pause_or_resume(!room);
    if (Clock::now() >= next_commit) {
      commit(false);
      next_commit = Clock::now() + std::chrono::milliseconds(kCommitMs);
    }
  }
  // While the group is being left nothing tells the broker any more that we live: what is handed out is waited for
  // first.
  std::vector<Key> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, partition] : partitions_) all.push_back(key);
  }
  wait_until_drained(all);
  commit(true);
  rd_kafka_consumer_close(handle_.get());
}

bool Consumer::room_within(int patience_ms) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(patience_ms),
                           [this] { return queue_.size() < options_.most_waiting || stopped_; });
}

void Consumer::wait_until_drained(const std::vector<Key>& which) {
  bool drained = false;
  {
    std::unique_lock lock(mutex_);
    drained = changed_.wait_for(lock, std::chrono::milliseconds(options_.drain_ms), [this, &which] {
      return std::ranges::all_of(which, [this](const Key& key) {
        const auto found = partitions_.find(key);
        return found == partitions_.end() || found->second.drained();
      });
    });
  }
  if (!drained) options_.trouble("kafka: what was handed out is not done within the patience of a rebalance");
}

void Consumer::receive(const rd_kafka_message_s* message) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) options_.trouble(failure_of(message->err, "consume").message);
    return;
  }
  Message copy = copy_of(*message);
  newest_ms_ = copy.timestamp_ms;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    const auto partition = partitions_.find({copy.place.topic, copy.place.partition});
    if (partition == partitions_.end() || stopped_) return;  // it is somebody else's by now
    copy.place.lease = partition->second.lease;
    first = queue_.empty();
    queue_.push_back(std::move(copy));
  }
  if (first && options_.arrived) options_.arrived();
}

std::vector<Message> Consumer::take(std::size_t most) {
  std::vector<Message> taken;
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return taken;
    const std::size_t count = std::min(most, queue_.size());
    taken.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      Message& next = queue_.front();
      Partition& partition = partitions_.at({next.place.topic, next.place.partition});
      partition.slots.push_back({.offset = next.place.offset, .state = State::busy});
      ++partition.busy;
      taken.push_back(std::move(next));
      queue_.pop_front();
    }
    more = !queue_.empty();
    changed_.notify_all();
  }
  if (more && options_.arrived) options_.arrived();
  return taken;
}

void Consumer::finish(const Place& place) { turn(place, State::finished); }
void Consumer::hold(const Place& place) { turn(place, State::held); }

void Consumer::turn(const Place& place, State to) {
  const std::lock_guard lock(mutex_);
  const auto found = partitions_.find({place.topic, place.partition});
  if (found == partitions_.end() || found->second.lease != place.lease) return;
  Partition& partition = found->second;
  const auto slot = std::ranges::lower_bound(partition.slots, place.offset, {}, &Slot::offset);
  if (slot == partition.slots.end() || slot->offset != place.offset || slot->state == to) return;
  if (slot->state == State::busy) --partition.busy;
  slot->state = to;
  while (!partition.slots.empty() && partition.slots.front().state == State::finished) {
    partition.finished_to = partition.slots.front().offset + 1;
    partition.slots.pop_front();
  }
  if (partition.drained()) changed_.notify_all();
}

std::size_t Consumer::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

std::size_t Consumer::partitions() const {
  const std::lock_guard lock(mutex_);
  return partitions_.size();
}

void Consumer::commit(bool wait) {
  const List offsets(rd_kafka_topic_partition_list_new(8));
  {
    const std::lock_guard lock(mutex_);
    for (auto& [key, partition] : partitions_) {
      if (partition.finished_to <= partition.committed) continue;
      rd_kafka_topic_partition_list_add(offsets.get(), key.first.c_str(), key.second)->offset = partition.finished_to;
      partition.committed = partition.finished_to;
    }
  }
  if (offsets->cnt == 0) return;
  const auto error = rd_kafka_commit(handle_.get(), offsets.get(), wait ? 0 : 1);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  options_.trouble(failure_of(error, "commit").message);
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < offsets->cnt; ++i) {  // asked for again next time
    const auto partition = partitions_.find({offsets->elems[i].topic, offsets->elems[i].partition});
    if (partition != partitions_.end()) partition->second.committed = -1;
  }
}

void Consumer::pause_or_resume(bool standstill) {
  const bool pause = paused_ ? waiting() > options_.most_waiting / 2 : standstill;
  const bool reassigned = std::exchange(reassigned_, false);
  if (pause == paused_ && !(reassigned && pause)) return;
  paused_ = pause;
  rd_kafka_topic_partition_list_t* raw = nullptr;
  if (rd_kafka_assignment(handle_.get(), &raw) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const List all(raw);
  if (pause) {
    rd_kafka_pause_partitions(handle_.get(), all.get());
  } else {
    rd_kafka_resume_partitions(handle_.get(), all.get());
  }
}

void Consumer::rebalance(rd_kafka_s* handle, int error, rd_kafka_topic_partition_list_s* list, void* opaque) {
  auto* self = static_cast<Consumer*>(opaque);
  rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    self->assigned(list);
    refused = rd_kafka_assign(handle, list);
    self->reassigned_ = true;  // what is new is not paused
  } else {
    self->revoked(list, rd_kafka_assignment_lost(handle) != 0);
    refused = rd_kafka_assign(handle, nullptr);
  }
  if (refused != RD_KAFKA_RESP_ERR_NO_ERROR) {
    self->options_.trouble(std::string("kafka: rebalance: ") + rd_kafka_err2str(refused));
  }
}

void Consumer::assigned(const rd_kafka_topic_partition_list_s* list) {
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < list->cnt; ++i) {
    partitions_[{list->elems[i].topic, list->elems[i].partition}] = {.lease = next_lease_++, .slots = {}};
  }
}

void Consumer::revoked(const rd_kafka_topic_partition_list_s* list, bool lost) {
  std::vector<Key> going;
  going.reserve(static_cast<std::size_t>(list->cnt));
  for (int i = 0; i < list->cnt; ++i) going.emplace_back(list->elems[i].topic, list->elems[i].partition);
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(queue_, [&going](const Message& message) {
      return std::ranges::find(going, Key{message.place.topic, message.place.partition}) != going.end();
    });
  }
  if (options_.revoking) {
    for (const auto& [topic, partition] : going) options_.revoking(topic, partition);
  }
  if (!lost && !ending_) {
    wait_until_drained(going);
    commit(true);
  }
  const std::lock_guard lock(mutex_);
  for (const Key& key : going) partitions_.erase(key);
}

void Consumer::troubled(rd_kafka_s* handle, int error, const char* reason, void* opaque) {
  static_cast<void>(handle);
  static_cast<void>(error);
  static_cast<Consumer*>(opaque)->options_.trouble(std::string("kafka: ") + reason);
}

}  // namespace windfall::kafka

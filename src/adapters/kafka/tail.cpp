#include "adapters/kafka/tail.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <thread>

namespace windfall::kafka {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPollMs = 200;

struct DestroyTopic {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
struct DestroyList {
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
struct DestroyMessage {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using List = std::unique_ptr<rd_kafka_topic_partition_list_t, DestroyList>;

int left_until(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(1, left));
}

std::string text_of(const void* bytes, std::size_t size) {
  return bytes == nullptr ? std::string{} : std::string(static_cast<const char*>(bytes), size);
}

/// A partition is about to have another leader, which is known in a moment.
bool moving(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

/// Partitions that have something to be read, with the first offset; `ends` are filled in.
Result<List> wanted(const Tail& tail, rd_kafka_t* handle, Clock::time_point deadline,
                    std::map<std::int32_t, std::int64_t>& ends) {
  const std::unique_ptr<rd_kafka_topic_t, DestroyTopic> topic(rd_kafka_topic_new(handle, tail.topic.c_str(), nullptr));
  const rd_kafka_metadata_t* about = nullptr;
  if (const auto error = rd_kafka_metadata(handle, 0, topic.get(), &about, left_until(deadline))) {
    return tl::unexpected(failure_of(error, "topic " + tail.topic));
  }
  const int partitions = about->topic_cnt == 1 ? about->topics[0].partition_cnt : 0;
  rd_kafka_metadata_destroy(about);
  List committed(rd_kafka_topic_partition_list_new(partitions));
  for (int i = 0; i < partitions; ++i) rd_kafka_topic_partition_list_add(committed.get(), tail.topic.c_str(), i);
  if (const auto error = rd_kafka_committed(handle, committed.get(), left_until(deadline))) {
    return tl::unexpected(failure_of(error, "group " + tail.group));
  }
  List from(rd_kafka_topic_partition_list_new(partitions));
  for (int i = 0; i < partitions; ++i) {
    std::int64_t first = 0;
    std::int64_t end = 0;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    while (true) {
      error = rd_kafka_query_watermark_offsets(handle, tail.topic.c_str(), i, &first, &end, left_until(deadline));
      if (!moving(error) || Clock::now() >= deadline) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(failure_of(error, "topic " + tail.topic));
    const std::int64_t begin = std::max(first, committed->elems[i].offset);
    if (begin >= end) continue;
    rd_kafka_topic_partition_list_add(from.get(), tail.topic.c_str(), i)->offset = begin;
    ends[i] = end;
  }
  return from;
}

}  // namespace

Result<std::uint64_t> read_tail(const Tail& tail, const std::function<Result<bool>(const Message&)>& take) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(tail.deadline_ms);
  Settings settings{{"bootstrap.servers", tail.brokers}, {"group.id", tail.group},    {"enable.auto.commit", "false"},
                    {"enable.partition.eof", "true"},    {"fetch.wait.max.ms", "50"}, {"auto.offset.reset", "earliest"},
                    {"reconnect.backoff.max.ms", "1000"}};
  settings.insert(settings.end(), tail.settings.begin(), tail.settings.end());
  Result<Conf> conf = make_conf(settings, nullptr);
  if (!conf) return tl::unexpected(conf.error());
  const Result<Handle> handle = make_handle(ClientKind::consumer, std::move(*conf));
  if (!handle) return tl::unexpected(handle.error());
  rd_kafka_t* const reader = handle->get();
  rd_kafka_poll_set_consumer(reader);
  std::map<std::int32_t, std::int64_t> ends;
  const Result<List> from = wanted(tail, reader, deadline, ends);
  if (!from) return tl::unexpected(from.error());
  if (const auto error = rd_kafka_assign(reader, from->get())) {
    return tl::unexpected(failure_of(error, "read " + tail.topic));
  }
  std::uint64_t count = 0;
  while (!ends.empty()) {
    if (Clock::now() >= deadline) {
      return fail(FailureCode::unavailable, "kafka: " + tail.topic + " could not be read to its end in time");
    }
    const std::unique_ptr<rd_kafka_message_t, DestroyMessage> got(
        rd_kafka_consumer_poll(reader, std::min(kPollMs, left_until(deadline))));
    if (!got) continue;
    const auto end = ends.find(got->partition);
    // The end of a partition stands where records do that are no messages of anybody.
    if (got->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (end != ends.end() && got->offset >= end->second) ends.erase(end);
      continue;
    }
    if (got->err != RD_KAFKA_RESP_ERR_NO_ERROR || end == ends.end() || got->offset >= end->second) continue;
    Message message;
    message.place = {.topic = tail.topic, .partition = got->partition, .offset = got->offset};
    message.key = text_of(got->key, got->key_len);
    message.value = text_of(got->payload, got->len);
    if (got->offset + 1 >= end->second) ends.erase(end);
    ++count;
    if (const Result<bool> taken = take(message); !taken) return tl::unexpected(taken.error());
  }
  return count;
}

}  // namespace windfall::kafka

#include "adapters/kafka/lag.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <memory>

namespace windfall::kafka {

namespace {

constexpr int kTimeoutMs = 5000;

struct DestroyTopic {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
struct DestroyList {
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};

}  // namespace

Result<std::vector<Progress>> progress(const std::string& brokers, const Settings& settings, const std::string& group,
                                       const std::string& topic) {
  Settings all{{"bootstrap.servers", brokers}, {"group.id", group}};
  all.insert(all.end(), settings.begin(), settings.end());
  Result<Conf> conf = make_conf(all, nullptr);
  if (!conf) return tl::unexpected(conf.error());
  const Result<Handle> handle = make_handle(ClientKind::consumer, std::move(*conf));
  if (!handle) return tl::unexpected(handle.error());

  const std::unique_ptr<rd_kafka_topic_t, DestroyTopic> one(rd_kafka_topic_new(handle->get(), topic.c_str(), nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  if (const rd_kafka_resp_err_t error = rd_kafka_metadata(handle->get(), 0, one.get(), &metadata, kTimeoutMs)) {
    return tl::unexpected(failure_of(error, "topic " + topic));
  }
  const int partitions = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
  rd_kafka_metadata_destroy(metadata);
  const std::unique_ptr<rd_kafka_topic_partition_list_t, DestroyList> list(
      rd_kafka_topic_partition_list_new(partitions));
  for (int i = 0; i < partitions; ++i) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i);
  if (const rd_kafka_resp_err_t error = rd_kafka_committed(handle->get(), list.get(), kTimeoutMs)) {
    return tl::unexpected(failure_of(error, "group " + group));
  }
  std::vector<Progress> found;
  for (int i = 0; i < partitions; ++i) {
    std::int64_t first = 0;
    std::int64_t end = 0;
    if (const rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(handle->get(), topic.c_str(), i, &first, &end, kTimeoutMs)) {
      return tl::unexpected(failure_of(error, "topic " + topic));
    }
    found.push_back({.read = std::max(first, list->elems[i].offset), .end = end});
  }
  return found;
}

Result<std::int64_t> unread(const std::string& brokers, const Settings& settings, const std::string& group,
                            const std::string& topic) {
  const Result<std::vector<Progress>> found = progress(brokers, settings, group, topic);
  if (!found) return tl::unexpected(found.error());
  std::int64_t left = 0;
  for (const Progress& one : *found) left += std::max<std::int64_t>(0, one.end - one.read);
  return left;
}

}  // namespace windfall::kafka

#include "adapters/kafka/topics.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <thread>
#include <utility>

#include "adapters/kafka/producer.hpp"

namespace windfall::kafka {

namespace {

/// Brokers that are there answer within milliseconds; making a topic takes a leader's election for each partition.
constexpr int kAnswerMs = 10'000;
constexpr int kMakeMs = 30'000;
constexpr int kLookAgainMs = 50;
constexpr std::size_t kLongestPrefix = 200;
constexpr std::size_t kErrorText = 512;

struct FreeQueue {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
struct FreeEvent {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
struct FreeTopic {
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
};
struct FreeResource {
  void operator()(rd_kafka_ConfigResource_t* resource) const { rd_kafka_ConfigResource_destroy(resource); }
};
struct FreeMetadata {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
struct FreeOptions {
  void operator()(rd_kafka_AdminOptions_t* options) const { rd_kafka_AdminOptions_destroy(options); }
};
using Queue = std::unique_ptr<rd_kafka_queue_t, FreeQueue>;
using Event = std::unique_ptr<rd_kafka_event_t, FreeEvent>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, FreeTopic>;
using Resource = std::unique_ptr<rd_kafka_ConfigResource_t, FreeResource>;
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, FreeOptions>;

struct Wanted {
  std::string name;
  int partitions = 0;
  int replication_factor = 0;
  std::map<std::string, std::string> config;
};

/// What is there of a topic.
struct There {
  int partitions = 0;
  int replication_factor = 0;  ///< the smallest of its partitions
  bool led = true;             ///< every partition has a leader
};

std::vector<Wanted> wanted_topics(const TopicPlan& plan) {
  const TopicNames names = topic_names(plan.prefix);
  std::vector<Wanted> wanted;
  for (const std::string& name : names.all()) {
    const std::int64_t retention = name == names.warm_up ? kWarmUpRetentionMs : kRetentionMs;
    wanted.push_back({.name = name,
                      .partitions = plan.partitions,
                      .replication_factor = plan.replication_factor,
                      .config = {{"cleanup.policy", "delete"},
                                 {"min.insync.replicas", std::to_string(plan.min_insync_replicas)},
                                 {"retention.ms", std::to_string(retention)}}});
    if (name == names.events_dlt || name == names.inbound_dlt) {
      wanted.back().config["max.message.bytes"] = std::to_string(Producer::kMostMessageBytes);
    }
  }
  return wanted;
}

Result<std::map<std::string, There>> look_up(rd_kafka_t* handle) {
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(handle, 1, nullptr, &raw, kAnswerMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(failure_of(error, "list topics"));
  const std::unique_ptr<const rd_kafka_metadata_t, FreeMetadata> metadata(raw);
  std::map<std::string, There> there;
  for (const auto& topic : std::span(metadata->topics, static_cast<std::size_t>(metadata->topic_cnt))) {
    There found{.partitions = topic.partition_cnt, .replication_factor = topic.partition_cnt == 0 ? 0 : INT32_MAX};
    for (const auto& partition : std::span(topic.partitions, static_cast<std::size_t>(topic.partition_cnt))) {
      found.replication_factor = std::min(found.replication_factor, partition.replica_cnt);
      if (partition.leader < 0) found.led = false;
    }
    there[topic.topic] = found;
  }
  return there;
}

Result<Event> answer_of(rd_kafka_queue_t* queue, std::string_view doing) {
  Event event(rd_kafka_queue_poll(queue, kMakeMs));
  if (!event) return tl::unexpected(failure_of(RD_KAFKA_RESP_ERR__TIMED_OUT, doing));
  const auto error = rd_kafka_event_error(event.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(failure_of(error, doing));
  return event;
}

AdminOptions admin_options(rd_kafka_t* handle, rd_kafka_admin_op_t what) {
  AdminOptions options(rd_kafka_AdminOptions_new(handle, what));
  std::array<char, kErrorText> why{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kMakeMs, why.data(), why.size());
  return options;
}

/// What each topic is set to. One that has just been made may be unknown to the broker that is asked: it is skipped.
Result<std::map<std::string, std::map<std::string, std::string>>> configs(rd_kafka_t* handle,
                                                                          const std::vector<std::string>& topics) {
  std::vector<Resource> resources;
  std::vector<rd_kafka_ConfigResource_t*> raw;
  for (const std::string& topic : topics) {
    resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    raw.push_back(resources.back().get());
  }
  const Queue queue(rd_kafka_queue_new(handle));
  const AdminOptions options = admin_options(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
  rd_kafka_DescribeConfigs(handle, raw.data(), raw.size(), options.get(), queue.get());
  const Result<Event> event = answer_of(queue.get(), "read the settings of topics");
  if (!event) return tl::unexpected(event.error());
  const auto* result = rd_kafka_event_DescribeConfigs_result(event->get());
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** answers = rd_kafka_DescribeConfigs_result_resources(result, &count);
  std::map<std::string, std::map<std::string, std::string>> found;
  for (const rd_kafka_ConfigResource_t* answer : std::span(answers, count)) {
    if (rd_kafka_ConfigResource_error(answer) != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    std::size_t entries = 0;
    const rd_kafka_ConfigEntry_t** entry = rd_kafka_ConfigResource_configs(answer, &entries);
    auto& of_topic = found[rd_kafka_ConfigResource_name(answer)];
    for (const rd_kafka_ConfigEntry_t* one : std::span(entry, entries)) {
      const char* value = rd_kafka_ConfigEntry_value(one);
      of_topic[rd_kafka_ConfigEntry_name(one)] = value == nullptr ? "" : value;
    }
  }
  return found;
}

/// The names of those that it made; the others are there already, made by somebody else meanwhile.
Result<std::set<std::string>> make(rd_kafka_t* handle, const std::vector<const Wanted*>& missing) {
  std::vector<NewTopic> topics;
  std::vector<rd_kafka_NewTopic_t*> raw;
  std::array<char, kErrorText> why{};
  for (const Wanted* wanted : missing) {
    topics.emplace_back(rd_kafka_NewTopic_new(wanted->name.c_str(), wanted->partitions, wanted->replication_factor,
                                              why.data(), why.size()));
    if (!topics.back()) return fail(FailureCode::invalid, "kafka: topic " + wanted->name + ": " + why.data());
    for (const auto& [name, value] : wanted->config) {
      rd_kafka_NewTopic_set_config(topics.back().get(), name.c_str(), value.c_str());
    }
    raw.push_back(topics.back().get());
  }
  const Queue queue(rd_kafka_queue_new(handle));
  const AdminOptions options = admin_options(handle, RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), kMakeMs, why.data(), why.size());
  rd_kafka_CreateTopics(handle, raw.data(), raw.size(), options.get(), queue.get());
  const Result<Event> event = answer_of(queue.get(), "make topics");
  if (!event) return tl::unexpected(event.error());
  const auto* result = rd_kafka_event_CreateTopics_result(event->get());
  std::size_t count = 0;
  std::set<std::string> ours;
  const rd_kafka_topic_result_t** made = rd_kafka_CreateTopics_result_topics(result, &count);
  for (const rd_kafka_topic_result_t* one : std::span(made, count)) {
    const auto error = rd_kafka_topic_result_error(one);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) ours.insert(rd_kafka_topic_result_name(one));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    Failure failure = failure_of(error, std::string("topic ") + rd_kafka_topic_result_name(one));
    if (const char* text = rd_kafka_topic_result_error_string(one))
      failure.message.append(" (").append(text).append(")");
    if (error == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR || error == RD_KAFKA_RESP_ERR_INVALID_PARTITIONS ||
        error == RD_KAFKA_RESP_ERR_INVALID_CONFIG || error == RD_KAFKA_RESP_ERR_POLICY_VIOLATION) {
      failure.code = FailureCode::invalid;
    }
    return tl::unexpected(std::move(failure));
  }
  return ours;
}

/// Brokers hear of new topics a moment later; who uses them before would be told that they are not there.
Result<std::map<std::string, There>> wait_for(rd_kafka_t* handle, const std::vector<Wanted>& wanted) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kMakeMs);
  while (true) {
    Result<std::map<std::string, There>> there = look_up(handle);
    const bool all = there && std::ranges::all_of(wanted, [&there](const Wanted& topic) {
                       const auto found = there->find(topic.name);
                       return found != there->end() && found->second.led;
                     });
    if (!there || all) return there;
    if (std::chrono::steady_clock::now() >= deadline) {
      return tl::unexpected(failure_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "wait for the topics' leaders"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(kLookAgainMs));
  }
}

std::vector<std::string> differences(const Wanted& wanted, const There& there,
                                     const std::map<std::string, std::string>& config) {
  std::vector<std::string> differing;
  const auto compare = [&differing](std::string_view what, const std::string& is, const std::string& planned) {
    if (is != planned) differing.push_back(fmt::format("{}: {}, planned {}", what, is, planned));
  };
  compare("partitions", std::to_string(there.partitions), std::to_string(wanted.partitions));
  compare("replication factor", std::to_string(there.replication_factor), std::to_string(wanted.replication_factor));
  for (const auto& [name, value] : wanted.config) {
    const auto found = config.find(name);
    if (found != config.end()) compare(name, found->second, value);
  }
  return differing;
}

}  // namespace

TopicNames topic_names(std::string_view prefix) {
  const std::string before(prefix);
  return {.events = before + "windfall.events",
          .inbound = before + "windfall.inbound",
          .events_dlt = before + "windfall.events-dlt",
          .inbound_dlt = before + "windfall.inbound-dlt",
          .warm_up = before + "windfall.warm-up"};
}

bool valid_topic_prefix(std::string_view prefix) {
  return prefix.size() <= kLongestPrefix && std::ranges::all_of(prefix, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

Result<std::vector<TopicReport>> apply_topics(const std::string& brokers, const Settings& settings,
                                              const TopicPlan& plan, bool dry_run) {
  Settings all{{"bootstrap.servers", brokers}, {"client.id", "windfall"}};
  all.insert(all.end(), settings.begin(), settings.end());
  Result<Conf> conf = make_conf(all, nullptr);
  if (!conf) return tl::unexpected(conf.error());
  const Result<Handle> handle = make_handle(ClientKind::producer, std::move(*conf));
  if (!handle) return tl::unexpected(handle.error());

  Result<std::map<std::string, There>> there = look_up(handle->get());
  if (!there) return tl::unexpected(there.error());
  const std::vector<Wanted> wanted = wanted_topics(plan);
  std::vector<const Wanted*> missing;
  for (const Wanted& topic : wanted) {
    if (!there->contains(topic.name)) missing.push_back(&topic);
  }
  std::set<std::string> made;
  if (!missing.empty() && !dry_run) {
    const Result<std::set<std::string>> ours = make(handle->get(), missing);
    if (!ours) return tl::unexpected(ours.error());
    made = *ours;
    there = wait_for(handle->get(), wanted);
    if (!there) return tl::unexpected(there.error());
  }
  std::vector<std::string> existing;
  for (const Wanted& topic : wanted) {
    if (there->contains(topic.name) && !made.contains(topic.name)) existing.push_back(topic.name);
  }
  std::map<std::string, std::map<std::string, std::string>> settings_of;
  if (!existing.empty()) {
    const auto found = configs(handle->get(), existing);
    if (!found) return tl::unexpected(found.error());
    settings_of = *found;
  }
  std::vector<TopicReport> reports;
  for (const Wanted& topic : wanted) {
    using State = TopicReport::State;
    TopicReport report{.topic = topic.name};
    const auto found = there->find(topic.name);
    if (found == there->end()) {
      report.state = State::would_be_made;
    } else if (made.contains(topic.name)) {
      report.state = State::made;
    } else {
      report.differences = differences(topic, found->second, settings_of[topic.name]);
      if (!report.differences.empty()) report.state = State::differs;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace windfall::kafka

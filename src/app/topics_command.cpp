// `windfall topics apply`: makes the Kafka topics of an installation, or says what would be made and what is otherwise.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "adapters/codec/json_out.hpp"
#include "adapters/kafka/topics.hpp"
#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/kafka_config.hpp"

namespace windfall::app {

namespace {

/// Kafka takes more; nobody needs more consumers than that for one installation, and each partition costs a broker
/// files.
constexpr int kMostPartitions = 1000;
constexpr int kMostReplicas = 15;

struct TopicsOptions {
  std::string config;
  std::string brokers;
  kafka::TopicPlan plan;
  std::vector<std::string> settings;
  bool dry_run = false;
  std::string output = "text";
};

const char* words_of(kafka::TopicReport::State state) {
  using State = kafka::TopicReport::State;
  switch (state) {
    case State::as_planned:
      return "as planned";
    case State::made:
      return "made";
    case State::would_be_made:
      return "would be made";
    case State::differs:
      return "differs";
  }
  return "";
}

void print_text(const std::vector<kafka::TopicReport>& reports) {
  for (const kafka::TopicReport& report : reports) {
    std::printf("%-13s  %s\n", words_of(report.state), report.topic.c_str());
    for (const std::string& difference : report.differences) std::printf("               %s\n", difference.c_str());
  }
}

void print_json(const std::vector<kafka::TopicReport>& reports) {
  std::string out = "{\"topics\":";
  codec::append_json_array(out, reports, [&out](const kafka::TopicReport& report) {
    codec::ObjectWriter writer(out);
    writer.text("topic", report.topic).text("state", words_of(report.state));
    codec::append_json_array(writer.name("differences"), report.differences,
                             [&out](const std::string& difference) { codec::append_json_string(out, difference); });
    writer.close();
  });
  std::printf("%s}\n", out.c_str());
}

/// What the servers' configuration says of the brokers; false: it was said what is wrong.
bool read_configuration(TopicsOptions& options, kafka::Settings& settings) {
  const Result<Config> config = load_config(options.config, {});
  if (!config) {
    std::fprintf(stderr, "windfall: %s\n", config.error().message.c_str());
    return false;
  }
  if (config->kafka_brokers.empty()) {
    std::fprintf(stderr, "windfall: %s: has no kafka.brokers\n", options.config.c_str());
    return false;
  }
  options.brokers = config->kafka_brokers;
  options.plan.prefix = config->kafka_prefix;
  settings = kafka_settings(*config);
  return true;
}

int run_topics(TopicsOptions options) {
  kafka::Settings settings;
  if (options.brokers.empty() == options.config.empty()) {
    std::fprintf(stderr, "windfall: topics apply: give --brokers or --config\n");
    return kExitUsage;
  }
  if (!options.config.empty() && !read_configuration(options, settings)) return kExitUsage;
  if (!kafka::valid_topic_prefix(options.plan.prefix)) {
    std::fprintf(stderr, "windfall: --prefix: up to 200 of A-Z, a-z, 0-9, '.', '_' and '-'\n");
    return kExitUsage;
  }
  if (options.plan.min_insync_replicas > options.plan.replication_factor) {
    std::fprintf(stderr, "windfall: --min-insync-replicas: more than --replication-factor, nothing could be written\n");
    return kExitUsage;
  }
  for (const std::string& setting : options.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      std::fprintf(stderr, "windfall: --set %s: must be NAME=VALUE\n", setting.c_str());
      return kExitUsage;
    }
    settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  const auto reports = kafka::apply_topics(options.brokers, settings, options.plan, options.dry_run);
  if (!reports) {
    std::fprintf(stderr, "windfall: %s\n", reports.error().message.c_str());
    return reports.error().code == FailureCode::invalid ? kExitUsage : kExitFailed;
  }
  if (options.output == "json") {
    print_json(*reports);
  } else {
    print_text(*reports);
  }
  for (const kafka::TopicReport& report : *reports) {
    if (report.state != kafka::TopicReport::State::differs) continue;
    std::fprintf(stderr,
                 "windfall: topics that are there are never changed: plan what is there, or use kafka-configs\n");
    return kExitFailed;
  }
  return kExitOk;
}

}  // namespace

void add_topics(CLI::App& app, Chosen& chosen) {
  CLI::App* group = app.add_subcommand("topics", "The Kafka topics of an installation of several machines");
  group->footer("Example:\n  windfall topics apply --brokers kafka1:9092,kafka2:9092 --dry-run");
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand(
      "apply", "Make the topics that are missing; name those that are otherwise, and change none of them");
  auto options = std::make_shared<TopicsOptions>();
  CLI::Option* config =
      command
          ->add_option(
              "-c,--config", options->config,
              "Brokers, prefix and how to speak to them as in this configuration of a server, with its secrets")
          ->type_name("FILE");
  command->add_option("--brokers", options->brokers, "Where Kafka is")->type_name("HOST:PORT,...")->excludes(config);
  command->add_option("--prefix", options->plan.prefix, "Before the name of every topic")
      ->type_name("TEXT")
      ->excludes(config);
  command
      ->add_option("--partitions", options->plan.partitions,
                   "Of each topic; the most servers that share the work. Fixed once there are events")
      ->check(CLI::Range(1, kMostPartitions))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--replication-factor", options->plan.replication_factor, "Brokers that have each event")
      ->check(CLI::Range(1, kMostReplicas))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--min-insync-replicas", options->plan.min_insync_replicas,
                   "Brokers that must have an event before it counts as written")
      ->check(CLI::Range(1, kMostReplicas))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--set", options->settings, "A setting of librdkafka, such as security.protocol=ssl")
      ->type_name("NAME=VALUE");
  command->add_flag("--dry-run", options->dry_run, "Only say what would be made");
  command->add_option("-o,--output", options->output, "How to print")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  command->callback([options, &chosen] { chosen = [options] { return run_topics(*options); }; });
}

}  // namespace windfall::app

#include "adapters/redis/client/checks.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace windfall::redis {

namespace {

/// Functions came with version 7.
constexpr int kOldestMajor = 7;
/// What deploy/redis has is half of it; Redis' own default, 60 s, is a minute without an answer.
constexpr int kLongestReplicationTimeout = 10;

using Weight = Finding::Weight;

/// The node's findings are gathered in here.
struct Report {
  Endpoint node;
  std::vector<Finding>& findings;

  void add(Weight weight, std::string what, std::string how) const {
    findings.push_back({.weight = weight, .node = node, .what = std::move(what), .how = std::move(how)});
  }
};

/// "key:value" on a line of INFO.
std::optional<std::string_view> info_value(std::string_view info, std::string_view key) {
  for (std::size_t at = 0; at < info.size();) {
    const std::size_t end = std::min(info.find("\r\n", at), info.size());
    const std::string_view line = info.substr(at, end - at);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ':')
      return line.substr(key.size() + 1);
    at = end + 2;
  }
  return std::nullopt;
}

int leading_number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

const std::string* setting(const Reply& config, std::string_view name) {
  for (std::size_t i = 0; i + 1 < config.items.size(); i += 2) {
    if (config.items[i].text == name) return &config.items[i + 1].text;
  }
  return nullptr;
}

void judge_setting(const Report& report, const Reply& config, std::string_view name, const std::string& wanted,
                   std::string_view why) {
  const std::string* found = setting(config, name);
  if (found == nullptr) {
    report.add(Weight::unverified, fmt::format("{} is not told", name), std::string(why));
  } else if (*found != wanted) {
    report.add(Weight::violation, fmt::format("{} is {}, not {}", name, *found, wanted),
               fmt::format("CONFIG SET {} {}, then CONFIG REWRITE ({})", name, wanted, why));
  }
}

void judge_settings(const Report& report, const Reply& config, int replicas) {
  judge_setting(report, config, "appendonly", "yes", "what is not in the append-only file is gone after a restart");
  judge_setting(report, config, "appendfsync", "always", "an acknowledged participation must survive a power failure");
  judge_setting(report, config, "maxmemory-policy", "noeviction", "stock must never be evicted");
  judge_setting(report, config, "min-replicas-to-write", std::to_string(replicas),
                "a master that has lost its replicas must not decide");
  // Without replicas there is no link that could fall silent.
  const std::string* timeout = replicas == 0 ? nullptr : setting(config, "repl-timeout");
  if (timeout != nullptr && leading_number(*timeout) > kLongestReplicationTimeout) {
    report.add(Weight::note, fmt::format("repl-timeout is {} s", *timeout),
               "a link to a replica that falls silent without being closed keeps its promotions at 503 for so long: "
               "CONFIG SET repl-timeout 5, then CONFIG REWRITE");
  }
}

void judge_info(const Report& report, std::string_view info, int replicas) {
  const std::string_view version = info_value(info, "redis_version").value_or("unknown");
  if (leading_number(version) < kOldestMajor) {
    report.add(Weight::violation, fmt::format("its version is {}, older than {}", version, kOldestMajor),
               "update it: Redis Functions are needed");
  }
  if (info_value(info, "role") != "master") return;
  const int connected = leading_number(info_value(info, "connected_slaves").value_or("0"));
  if (connected < replicas) {
    report.add(Weight::note, fmt::format("it has {} of {} replicas", connected, replicas),
               "its promotions are answered with 503 until the replicas are back");
  }
  if (replicas == 0) {
    report.add(Weight::note, "it has no replica that would be waited for",
               "what it acknowledges survives its restart, but not the loss of its disk");
  }
}

Task<Result<bool>> check_node(Client& client, Report report) {
  Arguments ask_info{"INFO"};
  Task<Result<Reply>> asking_info = client.call_node(report.node, std::move(ask_info), Kind::read);
  const Result<Reply> info = co_await asking_info;
  if (!info) {
    report.add(Weight::unverified, "it does not answer", info.error().message);
    co_return tl::unexpected(info.error());
  }
  const int replicas = client.settings().replicas;
  if (info->type == Reply::Type::error) {
    report.add(Weight::unverified, "INFO is refused: " + info->text, "ACL SETUSER <user> +info lets it be looked at");
  } else {
    judge_info(report, info->text, replicas);
  }
  Arguments ask_config{"CONFIG",      "GET", "appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write",
                       "repl-timeout"};
  Task<Result<Reply>> asking_config = client.call_node(report.node, std::move(ask_config), Kind::read);
  const Result<Reply> config = co_await asking_config;
  if (!config || config->type == Reply::Type::error) {
    report.add(Weight::unverified,
               fmt::format("appendonly, appendfsync, maxmemory-policy and min-replicas-to-write cannot be read: {}",
                           config ? config->text : config.error().message),
               fmt::format("ACL SETUSER <user> +config|get lets them be looked at; they have to be yes, always, "
                           "noeviction and {}",
                           replicas));
  } else {
    judge_settings(report, *config, replicas);
  }
  co_return true;
}

}  // namespace

Task<Result<std::vector<Finding>>> check_servers(Client& client) {
  std::vector<Endpoint> nodes;
  for (const Shard& shard : client.shards()) {
    nodes.push_back(shard.master);
    nodes.insert(nodes.end(), shard.replicas.begin(), shard.replicas.end());
  }
  std::vector<Finding> findings;
  std::size_t answered = 0;
  for (const Endpoint& node : nodes) {
    Report report{.node = node, .findings = findings};
    Task<Result<bool>> checking = check_node(client, report);
    const Result<bool> checked = co_await checking;
    answered += checked ? 1 : 0;
  }
  if (answered == 0) co_return fail(FailureCode::unavailable, "no Redis node answers");
  co_return findings;
}

std::string text_of(const Finding& finding) {
  return fmt::format("Redis {}: {}. {}", text_of(finding.node), finding.what, finding.how);
}

}  // namespace windfall::redis

#include "app/demo/cluster.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include "adapters/codec/json_in.hpp"
#include "adapters/codec/json_out.hpp"
#include "app/load/descriptor.hpp"
#include "app/load/http_call.hpp"
#include "app/load/target.hpp"

namespace windfall::demo {

namespace {

/// Ending a node in order may take the supervisor that long.
constexpr std::chrono::milliseconds kPatience{30'000};
constexpr std::chrono::milliseconds kConnect{2000};
/// That scripts/local_cluster/plan.py writes.
constexpr std::int64_t kFormat = 2;

/// Reads lines and parts of a blocking socket.
class Reader {
 public:
  explicit Reader(const load::Descriptor& socket) : socket_(socket) {}

  /// Up to the next '\n', which is left out; nullopt if none comes.
  std::optional<std::string> line() {
    while (input_.find('\n') == std::string::npos) {
      if (!more()) return std::nullopt;
    }
    const std::size_t end = input_.find('\n');
    std::string one = input_.substr(0, end);
    input_.erase(0, end + 1);
    if (one.ends_with('\r')) one.pop_back();
    return one;
  }

  std::optional<std::string> part(std::size_t bytes) {
    while (input_.size() < bytes) {
      if (!more()) return std::nullopt;
    }
    std::string one = input_.substr(0, bytes);
    input_.erase(0, bytes);
    return one;
  }

 private:
  bool more() { return load::receive(socket_, input_).value_or(0) > 0; }

  const load::Descriptor& socket_;
  std::string input_;
};

std::string loopback(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

/// The replies of a Redis server to commands whose replies are no lists; nullopt if it refuses one, or is away. Words
/// of commands must need no quotes.
std::optional<std::vector<std::string>> ask_redis(std::uint16_t port, const std::vector<std::string>& commands) {
  const Result<load::Target> target = load::resolve(loopback(port));
  if (!target) return std::nullopt;
  const load::Descriptor socket(load::connect_to(*target, kConnect));
  if (socket.get() < 0) return std::nullopt;
  load::set_patience(socket, kPatience);
  Reader reader(socket);
  std::vector<std::string> replies;
  for (const std::string& command : commands) {
    if (!load::send_all(socket, command + "\r\n")) return std::nullopt;
    std::optional<std::string> line = reader.line();
    if (!line || line->empty()) return std::nullopt;
    const std::string rest = line->substr(1);
    if (line->front() == '$') {
      constexpr std::size_t kLineEnd = 2;
      const std::size_t length = std::strtoull(rest.c_str(), nullptr, 10);
      std::optional<std::string> content = reader.part(length + kLineEnd);
      if (!content) return std::nullopt;
      replies.push_back(content->substr(0, length));
    } else if (line->front() == '+' || line->front() == ':') {
      replies.push_back(rest);
    } else {
      return std::nullopt;
    }
  }
  return replies;
}

/// The port of the master that serves a slot, from what CLUSTER NODES says.
std::optional<std::uint16_t> master_in(const std::string& nodes, std::uint64_t slot) {
  constexpr std::size_t kFirstRange = 8;
  std::istringstream lines(nodes);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string> fields;
    for (std::string word; words >> word;) fields.push_back(word);
    if (fields.size() <= kFirstRange || fields[2].find("master") == std::string::npos) continue;
    for (std::size_t i = kFirstRange; i < fields.size(); ++i) {
      char* rest = nullptr;
      const std::uint64_t first = std::strtoull(fields[i].c_str(), &rest, 10);
      const std::uint64_t last = *rest == '-' ? std::strtoull(rest + 1, nullptr, 10) : first;
      if (slot < first || slot > last || fields[i].front() == '[') continue;
      const std::size_t colon = fields[1].rfind(':', fields[1].find('@'));
      return static_cast<std::uint16_t>(std::strtoul(fields[1].c_str() + colon + 1, nullptr, 10));
    }
  }
  return std::nullopt;
}

Result<codec::JsonValue> ask_supervisor(const std::string& folder, const std::string& request) {
  const auto away = [&folder] {
    return fail(FailureCode::unavailable, "no cluster runs in " + folder + "; start one: scripts/cluster up --dev");
  };
  const load::Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const load::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (directory.get() < 0 || socket.get() < 0) return away();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The path of a socket may not be longer than 107 bytes; this one is short wherever the folder is.
  const std::string path = fmt::format("/proc/self/fd/{}/control", directory.get());
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  load::set_patience(socket, kPatience);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return away();
  if (!load::send_all(socket, request + "\n")) return away();
  const std::optional<std::string> line = Reader(socket).line();
  if (!line) return away();
  codec::Decoded<codec::JsonValue> answer = codec::parse_json_object(*line);
  if (!answer) return fail(FailureCode::invalid, "the cluster's supervisor answered no JSON object");
  if (const std::string_view error = load::text_at(*answer, {"error"}); !error.empty()) {
    return fail(FailureCode::invalid, "the cluster's supervisor: " + std::string(error));
  }
  return std::move(*answer);
}

}  // namespace

Result<Cluster> Cluster::find(const std::string& folder) {
  Cluster cluster(folder);
  if (const Result<void> read = cluster.read_plan(); !read) return tl::unexpected(read.error());
  if (const auto alive = ask_supervisor(folder, R"({"do":"state"})"); !alive) return tl::unexpected(alive.error());
  return cluster;
}

Result<void> Cluster::read_plan() {
  std::ifstream file(folder_ + "/cluster.json");
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    return fail(FailureCode::not_found, "there is no cluster in " + folder_ +
                                            "; start one: scripts/cluster up --dev, or name it: --cluster DIR");
  }
  const codec::Decoded<codec::JsonValue> plan = codec::parse_json_object(text.str());
  if (!plan || load::integer_at(*plan, {"format"}) != kFormat) {
    return fail(FailureCode::invalid, folder_ + "/cluster.json was made by another version of scripts/cluster");
  }
  const codec::JsonValue* ports = load::look(*plan, {"ports"});
  const auto* all = ports == nullptr ? nullptr : ports->get_if<codec::JsonValue::Object>();
  if (all == nullptr) return fail(FailureCode::invalid, folder_ + "/cluster.json names no ports");
  for (const auto& [name, value] : *all) {
    const auto* number = value.get_if<std::int64_t>();
    if (number == nullptr || name.find('/') != std::string::npos) continue;
    const auto port = static_cast<std::uint16_t>(*number);
    if (name.starts_with("redis-")) redis_.emplace_back(name, port);
    if (name == "sandbox") partner_url_ = loopback(port);
    if (name.starts_with("api-")) api_urls_.push_back(loopback(port));
    if (name.starts_with("listener-") || name.starts_with("batch-")) process_urls_.push_back(loopback(port));
  }
  process_urls_.insert(process_urls_.begin(), api_urls_.begin(), api_urls_.end());
  admin_key_ = load::text_at(*plan, {"secrets", "admin_key"});
  gateway_key_ = load::text_at(*plan, {"secrets", "gateway_key"});
  operator_password_ = load::text_at(*plan, {"secrets", "redis_operator"});
  const codec::JsonValue* dev = load::look(*plan, {"windfall", "dev"});
  dev_ = dev != nullptr && dev->get_if<bool>() != nullptr && *dev->get_if<bool>();
  if (api_urls_.empty() || redis_.empty() || partner_url_.empty()) {
    return fail(FailureCode::invalid, folder_ + " lacks Windfall, its Redis or its partner: scripts/cluster up --dev");
  }
  return {};
}

Result<std::string> Cluster::master_of(std::string_view promotion) const {
  const std::string login = "AUTH operator " + operator_password_;
  for (const auto& [name, port] : redis_) {
    const auto replies = ask_redis(port, {login, "CLUSTER KEYSLOT " + std::string(promotion), "CLUSTER NODES"});
    if (!replies) continue;
    const auto master = master_in(replies->at(2), std::strtoull(replies->at(1).c_str(), nullptr, 10));
    const auto node = std::ranges::find_if(redis_, [&](const auto& one) { return master && one.second == *master; });
    if (node != redis_.end()) return node->first;
  }
  return fail(FailureCode::unavailable,
              "no Redis node of the cluster says who decides about " + std::string(promotion));
}

Result<void> Cluster::kill(const std::string& node, double seconds) const {
  const auto done =
      ask_supervisor(folder_, fmt::format(R"({{"do":"kill","names":["{}"],"seconds":{:.1f}}})", node, seconds));
  if (!done) return tl::unexpected(done.error());
  return {};
}

Result<bool> Cluster::running(const std::string& node) const {
  const auto state = ask_supervisor(folder_, R"({"do":"state"})");
  if (!state) return tl::unexpected(state.error());
  return load::text_at(*state, {"nodes", node, "state"}) == "running";
}

}  // namespace windfall::demo

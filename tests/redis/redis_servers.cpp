#include "redis/redis_servers.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "adapters/redis/client/resp.hpp"

namespace windfall::redis {

namespace {

constexpr std::chrono::milliseconds kLookAgain{10};
constexpr std::chrono::seconds kPatience{20};
constexpr int kAnswerMs = 5000;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(number_); }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  path_ = (std::filesystem::temp_directory_path() / "windfall-redis-XXXXXX").string();
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder: " + path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::uint16_t free_port() {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof(address);
  if (::bind(socket.number(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw std::runtime_error("no free port");
  }
  return ntohs(address.sin_port);
}

void wait_until(const std::string& what, const std::function<bool()>& true_now) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!true_now()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("in vain waited for: " + what);
    std::this_thread::sleep_for(kLookAgain);
  }
}

RedisServer::RedisServer(std::vector<std::string> options) : port_(free_port()), options_(std::move(options)) {
  start();
}

RedisServer::~RedisServer() { kill(); }

void RedisServer::start() {
  std::vector<std::string> words{"redis-server", "--bind", "127.0.0.1", "--save", "", "--dir", folder_.path()};
  const bool tls = std::find(options_.begin(), options_.end(), "--tls-cert-file") != options_.end();
  words.insert(words.end(), {"--port", tls ? "0" : std::to_string(port_)});
  if (tls) words.insert(words.end(), {"--tls-port", std::to_string(port_)});
  words.insert(words.end(), options_.begin(), options_.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string log = folder_.path() + "/log";

  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies leaves no server behind
    const int out = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execvp("redis-server", arguments.data());
    ::_exit(127);
  }
  wait_until("redis-server listens", [this] {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      std::ifstream said(folder_.path() + "/log");
      throw std::runtime_error("redis-server ended at its start (is it installed? scripts/bootstrap): " +
                               std::string(std::istreambuf_iterator<char>(said), {}));
    }
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port_);
    return ::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  });
}

void RedisServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::freeze() { ::kill(pid_, SIGSTOP); }
void RedisServer::go_on() { ::kill(pid_, SIGCONT); }

Reply RedisServer::ask(const Arguments& command) const {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port_);
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error("nobody listens at " + text_of(endpoint()));
  }
  std::string bytes;
  append_command(bytes, command);
  if (::send(socket.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("could not ask " + text_of(endpoint()));
  }
  ReplyParser parser;
  std::array<char, 16384> buffer{};
  while (true) {
    auto reply = parser.next();
    if (!reply) throw std::runtime_error(reply.error().message);
    if (*reply) return **reply;
    pollfd ready{.fd = socket.number(), .events = POLLIN, .revents = 0};
    const ssize_t size =
        ::poll(&ready, 1, kAnswerMs) == 1 ? ::recv(socket.number(), buffer.data(), buffer.size(), 0) : 0;
    if (size <= 0) throw std::runtime_error(command.front() + " was not answered by " + text_of(endpoint()));
    parser.feed(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
  }
}

RedisCluster::RedisCluster() {
  for (std::size_t i = 0; i < 2 * kMasters; ++i) start_one();
  for (std::size_t i = 0; i < kMasters; ++i) {
    const std::size_t first = i * kSlots / kMasters;
    const std::size_t last = (i + 1) * kSlots / kMasters - 1;
    master(i).ask({"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)});
    master(i).ask({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
  }
  for (std::size_t i = 1; i < servers_.size(); ++i) introduce(*servers_[i]);
  for (std::size_t i = 0; i < kMasters; ++i) {
    wait_until("a replica knows its master",
               [&] { return replica(i).ask({"CLUSTER", "REPLICATE", ids_[i]}).text == "OK"; });
  }
  wait_until_whole();
}

void RedisCluster::start_one() {
  servers_.push_back(std::make_unique<RedisServer>(std::vector<std::string>{
      "--cluster-enabled", "yes", "--cluster-port", std::to_string(free_port()), "--cluster-node-timeout",
      std::to_string(kNodeTimeoutMs), "--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0",
      "--repl-ping-replica-period", "1", "--appendonly", "yes", "--appendfsync", "always"}));
  ids_.push_back(servers_.back()->ask({"CLUSTER", "MYID"}).text);
}

void RedisCluster::introduce(const RedisServer& server) {
  const Reply bus = server.ask({"CONFIG", "GET", "cluster-port"});
  master(0).ask({"CLUSTER", "MEET", "127.0.0.1", std::to_string(server.endpoint().port), bus.items.at(1).text});
}

RedisServer& RedisCluster::add_master() {
  start_one();
  introduce(*servers_.back());
  for (const auto& server : servers_) {
    wait_until("everybody knows the new master",
               [&] { return server->ask({"CLUSTER", "NODES"}).text.find(ids_.back()) != std::string::npos; });
  }
  wait_until("the new master serves",
             [&] { return servers_.back()->ask({"CLUSTER", "INFO"}).text.find("state:ok") != std::string::npos; });
  return *servers_.back();
}

void RedisCluster::give(std::uint16_t slot, std::size_t from) {
  const std::string number = std::to_string(slot);
  servers_.back()->ask({"CLUSTER", "SETSLOT", number, "NODE", ids_.back()});
  master(from).ask({"CLUSTER", "SETSLOT", number, "NODE", ids_.back()});
}

std::size_t RedisCluster::master_of(std::uint16_t slot) {
  std::size_t i = 0;
  while (slot >= (i + 1) * kSlots / kMasters) ++i;
  return i;
}

void RedisCluster::wait_until_whole() {
  for (const auto& server : servers_) {
    wait_until("the cluster is whole", [&] {
      const std::string info = server->ask({"CLUSTER", "INFO"}).text;
      if (info.find("cluster_state:ok") == std::string::npos) return false;
      if (info.find("cluster_known_nodes:" + std::to_string(servers_.size())) == std::string::npos) return false;
      const std::string replication = server->ask({"INFO", "replication"}).text;
      if (replication.find("role:master") != std::string::npos) {
        return replication.find("state=online") != std::string::npos;
      }
      return replication.find("master_link_status:up") != std::string::npos;
    });
  }
}

}  // namespace windfall::redis

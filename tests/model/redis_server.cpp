#include "model/redis_server.hpp"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <thread>

namespace windfall::model {

namespace {

/// A server without data is up in some 20 ms; a loaded machine gets its time.
constexpr int kStartTries = 2000;
constexpr std::chrono::milliseconds kStartPause{5};
constexpr int kNotInstalled = 127;
constexpr const char* kMissing = "redis-server is missing: run scripts/bootstrap";

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  int port = -1;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    port = ntohs(address.sin_port);
  }
  ::close(fd);
  return port;
}

[[noreturn]] void become_server(const std::string& port, const std::string& folder) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies leaves no server behind
  const int log = ::open((folder + "/log").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execlp("redis-server", "redis-server", "--port", port.c_str(), "--bind", "127.0.0.1", "--save", "", "--appendonly",
           "no", "--dir", folder.c_str(), static_cast<char*>(nullptr));
  ::_exit(kNotInstalled);
}

Reply copy_of(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      return {std::string(reply.str, static_cast<std::size_t>(reply.len))};
    case REDIS_REPLY_INTEGER:
      return {std::to_string(reply.integer)};
    case REDIS_REPLY_ERROR:
      return {Reply::Error{std::string(reply.str, static_cast<std::size_t>(reply.len))}};
    case REDIS_REPLY_ARRAY: {
      std::vector<Reply> items;
      for (std::size_t i = 0; i < reply.elements; ++i) items.push_back(copy_of(*reply.element[i]));
      return {std::move(items)};
    }
    default:
      return {Reply::Nil{}};
  }
}

}  // namespace

const std::string& Reply::text() const {
  static const std::string empty;
  const auto* found = std::get_if<std::string>(&value);
  return found == nullptr ? empty : *found;
}

const std::vector<Reply>& Reply::items() const {
  static const std::vector<Reply> empty;
  const auto* found = std::get_if<std::vector<Reply>>(&value);
  return found == nullptr ? empty : *found;
}

std::string RedisServer::start() {
  std::string pattern = (std::filesystem::temp_directory_path() / "windfall-redis-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return "no temporary folder: " + pattern;
  folder_ = pattern;
  const int port = free_port();
  if (port < 0) return "no free port";
  const std::string port_text = std::to_string(port);
  pid_ = ::fork();
  if (pid_ < 0) return "fork failed";
  if (pid_ == 0) become_server(port_text, folder_);

  for (int i = 0; i < kStartTries; ++i) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return WIFEXITED(status) && WEXITSTATUS(status) == kNotInstalled ? kMissing : "redis-server ended at its start";
    }
    connection_ = redisConnect("127.0.0.1", port);
    if (connection_ != nullptr && connection_->err == 0 && call({"PING"}).text() == "PONG") return {};
    redisFree(connection_);
    connection_ = nullptr;
    std::this_thread::sleep_for(kStartPause);
  }
  return "redis-server does not answer";
}

RedisServer::~RedisServer() {
  if (connection_ != nullptr) redisFree(connection_);
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Reply RedisServer::call(const std::vector<std::string>& command) {
  std::vector<const char*> words;
  std::vector<std::size_t> lengths;
  for (const std::string& word : command) {
    words.push_back(word.data());
    lengths.push_back(word.size());
  }
  auto* raw = static_cast<redisReply*>(
      redisCommandArgv(connection_, static_cast<int>(words.size()), words.data(), lengths.data()));
  if (raw == nullptr) return {Reply::Error{std::string("connection: ") + connection_->errstr}};
  Reply reply = copy_of(*raw);
  freeReplyObject(raw);
  return reply;
}

}  // namespace windfall::model

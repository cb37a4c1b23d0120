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

redis::Reply copy_of(const redisReply& reply) {
  using Type = redis::Reply::Type;
  switch (reply.type) {
    case REDIS_REPLY_STRING:
      return {.type = Type::bulk, .text = std::string(reply.str, reply.len)};
    case REDIS_REPLY_STATUS:
      return {.type = Type::simple, .text = std::string(reply.str, reply.len)};
    case REDIS_REPLY_INTEGER:
      return {.type = Type::integer, .number = reply.integer};
    case REDIS_REPLY_ERROR:
      return {.type = Type::error, .text = std::string(reply.str, reply.len)};
    case REDIS_REPLY_ARRAY: {
      redis::Reply list{.type = Type::array};
      for (std::size_t i = 0; i < reply.elements; ++i) list.items.push_back(copy_of(*reply.element[i]));
      return list;
    }
    default:
      return {};
  }
}

}  // namespace

std::string RedisServer::start() {
  std::string pattern = (std::filesystem::temp_directory_path() / "windfall-redis-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return "no temporary folder: " + pattern;
  folder_ = pattern;
  port_ = free_port();
  if (port_ < 0) return "no free port";
  const std::string port_text = std::to_string(port_);
  pid_ = ::fork();
  if (pid_ < 0) return "fork failed";
  if (pid_ == 0) become_server(port_text, folder_);

  for (int i = 0; i < kStartTries; ++i) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return WIFEXITED(status) && WEXITSTATUS(status) == kNotInstalled ? kMissing : "redis-server ended at its start";
    }
    connection_ = redisConnect("127.0.0.1", port_);
    if (connection_ != nullptr && connection_->err == 0 && call({"PING"}).text == "PONG") return {};
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

redis::Reply RedisServer::call(const redis::Arguments& command) { return call_all({command}).front(); }

std::vector<redis::Reply> RedisServer::call_all(const std::vector<redis::Arguments>& commands) {
  for (const redis::Arguments& command : commands) {
    std::vector<const char*> words;
    std::vector<std::size_t> lengths;
    for (const std::string& word : command) {
      words.push_back(word.data());
      lengths.push_back(word.size());
    }
    redisAppendCommandArgv(connection_, static_cast<int>(words.size()), words.data(), lengths.data());
  }
  std::vector<redis::Reply> replies;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    void* raw = nullptr;
    if (redisGetReply(connection_, &raw) != REDIS_OK) {
      replies.push_back({.type = redis::Reply::Type::error, .text = std::string("connection: ") + connection_->errstr});
      continue;
    }
    replies.push_back(copy_of(*static_cast<redisReply*>(raw)));
    freeReplyObject(raw);
  }
  return replies;
}

}  // namespace windfall::model

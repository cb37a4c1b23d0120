#include "proof/server_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <stdexcept>

namespace windfall::proof {

namespace {

/// Longest wait for a machine that is busy with other things.
constexpr std::chrono::seconds kPatience{60};

std::string read_to_end(int file) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(file, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

struct Child {
  pid_t process = -1;
  int out = -1;
  int err = -1;
};

Child spawn(const std::vector<std::string>& args, bool keep_err) {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  std::vector<std::string> all{WINDFALL_BINARY};
  all.insert(all.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& arg : all) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const pid_t process = fork();
  if (process == 0) {
    dup2(out[1], STDOUT_FILENO);
    const int nothing = open("/dev/null", O_WRONLY);
    dup2(keep_err ? err[1] : nothing, STDERR_FILENO);
    setenv("WINDFALL_ADMIN_KEY", "proof-admin-key-of-the-test", 1);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  return {.process = process, .out = out[0], .err = err[0]};
}

int wait_for(pid_t process) {
  int status = 0;
  waitpid(process, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Ran run_windfall(const std::vector<std::string>& args) {
  const Child child = spawn(args, true);
  Ran ran;
  ran.out = read_to_end(child.out);
  ran.err = read_to_end(child.err);  // short: it fits into the pipe
  close(child.out);
  close(child.err);
  ran.exit_code = wait_for(child.process);
  return ran;
}

ServerProcess::ServerProcess(const std::string& directory) {
  const Child child = spawn({"serve", "--dev", "--listen", "127.0.0.1:0", "--data", directory}, false);
  process_ = child.process;
  std::string line;
  char c = 0;
  while (read(child.out, &c, 1) == 1 && c != '\n') line += c;
  close(child.out);
  close(child.err);
  const std::size_t colon = line.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("the server did not start: " + line);
  port_ = static_cast<std::uint16_t>(std::stoi(line.substr(colon + 1)));
}

ServerProcess::~ServerProcess() {
  if (process_ > 0) {
    kill(process_, SIGKILL);
    wait_for(process_);
  }
}

int ServerProcess::stop() {
  kill(process_, SIGTERM);
  const int code = wait_for(process_);
  process_ = -1;
  return code;
}

ServerProcess::Answer ServerProcess::call(const std::string& method, const std::string& path,
                                          const std::vector<std::string>& headers, const std::string& body) const {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Answer answer;
  if (connect(connection, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
    std::string request = method + " " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: " +
                          std::to_string(body.size()) + "\r\n";
    for (const std::string& header : headers) request += header + "\r\n";
    request += "\r\n" + body;
    if (send(connection, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
      const std::string text = read_to_end(connection);
      const std::size_t end = text.find("\r\n\r\n");
      if (text.size() > 12) answer.status = std::atoi(text.c_str() + 9);
      if (end != std::string::npos) answer.body = text.substr(end + 4);
    }
  }
  close(connection);
  return answer;
}

ServerProcess::Answer ServerProcess::create(const std::string& promotion_json) const {
  return call("POST", "/v1/admin/promotions",
              {"Authorization: Bearer proof-admin-key-of-the-test", "Content-Type: application/json"}, promotion_json);
}

ServerProcess::Answer ServerProcess::join(const std::string& promotion, const std::string& user) const {
  return call("POST", "/v1/promotions/" + promotion + "/participations",
              {"X-User-Id: " + user, "Idempotency-Key: only-once"});
}

void ServerProcess::until_settled() const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string text;
  while (std::chrono::steady_clock::now() < deadline) {
    text = call("GET", "/v1/admin/reconciliation", {"Authorization: Bearer proof-admin-key-of-the-test"}).body;
    std::size_t all = 0;
    std::size_t none = 0;
    for (std::size_t at = 0; (at = text.find("\"pending\":", at)) != std::string::npos; ++at) {
      ++all;
      if (text.substr(at).starts_with("\"pending\":0,")) ++none;
    }
    if (all > 0 && all == none) return;
    poll(nullptr, 0, 20);
  }
  throw std::runtime_error("accruals are still pending: " + text);
}

std::string ServerProcess::book(std::size_t entries) const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string text;
  do {
    text = call("GET", "/v1/dev/partner/book", {}).body;
    std::size_t found = 0;
    for (std::size_t at = text.find("eventId"); at != std::string::npos; at = text.find("eventId", at + 1)) ++found;
    if (found >= entries) break;
    poll(nullptr, 0, 20);
  } while (std::chrono::steady_clock::now() < deadline);
  return text;
}

}  // namespace windfall::proof

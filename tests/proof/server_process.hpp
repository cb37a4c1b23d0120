// The real program as a child process, and as much HTTP as talking to it takes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace windfall::proof {

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};
/// Runs `windfall ARGS` to its end.
Ran run_windfall(const std::vector<std::string>& args);

class ServerProcess {
 public:
  /// `windfall serve --dev` on a free port, ready when this returns.
  explicit ServerProcess(const std::string& directory);
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();

  struct Answer {
    int status = 0;
    std::string body;
  };
  Answer call(const std::string& method, const std::string& path, const std::vector<std::string>& headers,
              const std::string& body = {}) const;
  Answer create(const std::string& promotion_json) const;
  Answer join(const std::string& promotion, const std::string& user) const;
  /// Waits until the partner's book has that many entries; its text.
  [[nodiscard]] std::string book(std::size_t entries) const;
  /// Waits until no accrual is pending.
  void until_settled() const;
  /// SIGTERM; the exit code.
  int stop();

 private:
  pid_t process_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace windfall::proof

// A server of ours as a child process. It ends with its owner, however that ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "domain/kernel/result.hpp"

namespace windfall::demo {

class Child {
 public:
  struct Settings {
    std::string program;
    std::vector<std::string> arguments;
    /// Beside the environment of this process, whose own WINDFALL_ variables are left out.
    std::vector<std::pair<std::string, std::string>> environment;
    std::string log;  ///< file for what it says on stderr
  };

  /// Starts it and waits for its one line "listening on URL". Failure unavailable: with the end of its log. Must be
  /// called on a thread that outlives the child.
  static Result<Child> start(const Settings& settings);

  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { stop(); }

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();

  /// Asks it to end, and ends it if it does not; returns when it is gone. Its exit code, or -1 if a signal ended it.
  int stop();

 private:
  Child(pid_t pid, int output) : pid_(pid), output_(output) {}
  Result<void> wait_until_ready(const std::string& log);

  pid_t pid_ = -1;
  int output_ = -1;  ///< its stdout; kept open, so that it never writes into nothing
  int exit_code_ = -1;
  std::string url_;
};

/// The program that is running.
std::string own_program();

/// A folder in the system's temporary one; gone with its owner.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make(std::string_view name);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace windfall::demo

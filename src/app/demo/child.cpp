#include "app/demo/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "app/demo/signals.hpp"

namespace windfall::demo {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kStart{20};
/// Longer than a server drains by itself.
constexpr std::chrono::seconds kEnd{40};
constexpr std::chrono::milliseconds kLook{10};
constexpr int kNoExec = 127;

std::vector<std::string> environment_for(const Child::Settings& settings) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("WINDFALL_")) variables.emplace_back(*variable);
  }
  for (const auto& [name, value] : settings.environment) variables.push_back(name + "=" + value);
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Where a log ends: why a server did not start.
std::string end_of(const std::string& path) {
  constexpr std::size_t kShown = 1000;
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  return all.substr(all.size() - std::min(all.size(), kShown));
}

}  // namespace

Result<Child> Child::start(const Settings& settings) {
  std::array<int, 2> pipe{};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) return fail(FailureCode::unavailable, std::strerror(errno));
  const int log = open(settings.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  std::vector<std::string> arguments{settings.program};
  arguments.insert(arguments.end(), settings.arguments.begin(), settings.arguments.end());
  std::vector<std::string> environment = environment_for(settings);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(environment);
  const pid_t parent = getpid();

  const pid_t pid = fork();
  if (pid == 0) {
    // Only what is safe between fork and exec.
    setpgid(0, 0);  // Ctrl-C is for the owner, who stops us in order
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(kNoExec);
    Signals::undo();
    dup2(pipe[1], STDOUT_FILENO);
    if (log >= 0) dup2(log, STDERR_FILENO);
    execve(settings.program.c_str(), argv.data(), envp.data());
    _exit(kNoExec);
  }
  const int error = errno;
  ::close(pipe[1]);
  if (log >= 0) ::close(log);
  if (pid < 0) {
    ::close(pipe[0]);
    return fail(FailureCode::unavailable, std::string("cannot start a process: ") + std::strerror(error));
  }
  Child child(pid, pipe[0]);
  if (const Result<void> ready = child.wait_until_ready(settings.log); !ready) return tl::unexpected(ready.error());
  return child;
}

Result<void> Child::wait_until_ready(const std::string& log) {
  constexpr std::string_view kReady = "listening on ";
  const auto last = Clock::now() + kStart;
  std::string line;
  while (!line.ends_with('\n')) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(last - Clock::now()).count();
    pollfd readable{.fd = output_, .events = POLLIN, .revents = 0};
    if (left <= 0 || poll(&readable, 1, static_cast<int>(left)) == 0) {
      return fail(FailureCode::unavailable, "the server does not get ready: " + end_of(log));
    }
    char byte = 0;
    const ssize_t got = read(output_, &byte, 1);
    if (got == 0) return fail(FailureCode::unavailable, "the server does not start: " + end_of(log));
    if (got == 1) line += byte;
  }
  line.pop_back();
  if (!line.starts_with(kReady)) return fail(FailureCode::unavailable, "the server said: " + line);
  url_ = line.substr(kReady.size());
  return {};
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      exit_code_(other.exit_code_),
      url_(std::move(other.url_)) {}

bool Child::running() {
  if (pid_ < 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  pid_ = -1;
  return false;
}

int Child::stop() {
  if (running()) {
    kill(pid_, SIGTERM);
    const auto last = Clock::now() + kEnd;
    while (running()) {
      if (Clock::now() > last) kill(pid_, SIGKILL);
      std::this_thread::sleep_for(kLook);
    }
  }
  if (output_ >= 0) ::close(std::exchange(output_, -1));
  return exit_code_;
}

std::string own_program() {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "/proc/self/exe" : path.string();
}

Result<TemporaryFolder> TemporaryFolder::make(std::string_view name) {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  if (error) return fail(FailureCode::unavailable, "no temporary folder: " + error.message());
  std::string pattern = (parent / (std::string(name) + "-XXXXXX")).string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return fail(FailureCode::unavailable, pattern + ": " + std::strerror(errno));
  }
  return TemporaryFolder(pattern);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace windfall::demo

#include "app/demo/signals.hpp"

#include <csignal>
#include <ctime>

namespace windfall::demo {

namespace {

sigset_t the_set() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = the_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool Signals::wait(std::chrono::milliseconds most) {
  constexpr std::int64_t kThousand = 1000;
  constexpr std::int64_t kMillion = 1'000'000;
  if (came_) return true;
  const sigset_t set = the_set();
  const timespec limit{.tv_sec = most.count() / kThousand, .tv_nsec = most.count() % kThousand * kMillion};
  came_ = sigtimedwait(&set, nullptr, &limit) > 0;
  return came_;
}

void Signals::undo() {
  const sigset_t set = the_set();
  std::signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace windfall::demo

#include "simulation/agenda.hpp"

#include <algorithm>

namespace windfall::simulation {

namespace {

/// Most work of a worker is short; one in twenty waits for a disk.
constexpr std::int64_t kShortWorkMs = 3;
constexpr std::int64_t kLongWorkMs = 60;

}  // namespace

void Agenda::after(std::int64_t delay_ms, Owner owner, std::function<void()> what) {
  entries_.emplace(now_ + std::max<std::int64_t>(delay_ms, 0), Entry{.owner = owner, .what = std::move(what)});
}

bool Agenda::step(std::int64_t until) {
  if (entries_.empty() || entries_.begin()->first > until) {
    now_ = std::max(now_, until);
    return false;
  }
  auto node = entries_.extract(entries_.begin());
  now_ = std::max(now_, node.key());
  node.mapped().what();
  return true;
}

void Agenda::drop_process() {
  std::erase_if(entries_, [](const auto& entry) { return entry.second.owner == Owner::process; });
  ++process_;
}

void VirtualLoop::after(std::int64_t delay_ms, std::function<void()> call) {
  agenda_.after(delay_ms + dice_.between(0, 1), Owner::process, std::move(call));
}

void VirtualLoop::post(std::function<void()> call) {
  last_post_ = std::max(last_post_, agenda_.now() + dice_.between(0, 1));
  agenda_.after(last_post_ - agenda_.now(), Owner::process, std::move(call));
}

void VirtualThread::submit(std::function<void()> work, std::function<void()> done) {
  queue_.emplace_back(std::move(work), std::move(done));
  if (!busy_) next();
}

void VirtualThread::next() {
  busy_ = true;
  const std::int64_t takes = dice_.percent(5) ? dice_.between(1, kLongWorkMs) : dice_.between(0, kShortWorkMs);
  agenda_.after(takes, Owner::process, [this] {
    auto [work, done] = std::move(queue_.front());
    queue_.pop_front();
    work();
    loop_.post(std::move(done));
    busy_ = false;
    if (!queue_.empty()) next();
  });
}

}  // namespace windfall::simulation

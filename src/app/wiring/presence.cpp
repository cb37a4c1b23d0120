#include "app/wiring/presence.hpp"

#include <utility>

namespace windfall::app {

void Presence::start() {
  running_ = true;
  heard_ = parts_.clock.monotonic_ms();
  detach(keep());
}

Task<void> Presence::keep() {
  while (!stopped_) {
    Result<std::vector<EpochBook::Entry>> asked = co_await parts_.worker.run([this] { return parts_.book.asked(); });
    if (asked) heard_ = parts_.clock.monotonic_ms();
    if (asked && asked->empty()) begun_.clear();
    if (asked && !asked->empty()) {
      std::vector<EpochBook::Entry> entries = std::move(*asked);
      const bool all = co_await answer(std::move(entries));
      if (!all) continue;
    }
    co_await sleep_for(parts_.timer, asked ? kLookMs : kAwayMs);
  }
  running_ = false;
}

/// What was begun before the question may still end well: a call that was decided before the hot state was lost, a page
/// that the stream is about to take. What is begun later finds no header, and no entry.
bool Presence::quiet(EpochBook::Entry entry) {
  const redis::Mirror& mirror = parts_.store.mirror();
  if (entry.partition.value >= mirror.size()) return true;
  const redis::RedisStore::Calls calls = parts_.store.calls(entry.partition);
  const std::uint64_t begun = begun_.try_emplace(entry, calls.begun).first->second;
  return calls.ended >= begun && parts_.relay.idle(mirror.at(entry.partition).id);
}

/// True when all is confirmed.
Task<bool> Presence::answer(std::vector<EpochBook::Entry> asked) {
  for (int look = 0; look < kBusyLooks && !stopped_; ++look) {
    std::vector<EpochBook::Entry> left;
    for (const EpochBook::Entry entry : asked) {
      bool confirmed = false;
      if (quiet(entry)) {
        Epoch epoch{0};
        Sequence known;
        if (entry.partition.value < parts_.store.mirror().size()) {
          epoch = parts_.store.mirror().at(entry.partition).confirmed_epoch;
          known = parts_.store.mirror().at(entry.partition).confirmed;
        }
        const Result<bool> told = co_await parts_.worker.run(
            [this, entry, epoch, known] { return parts_.book.confirm(entry, epoch, known); });
        confirmed = told.has_value();
      }
      if (!confirmed) left.push_back(entry);
    }
    asked = std::move(left);
    if (asked.empty()) co_return true;
    co_await sleep_for(parts_.timer, kBusyLookMs);
  }
  co_return false;
}

Task<void> Presence::finish() {
  stopped_ = true;
  const bool orderly = parts_.relay.idle();
  const Result<bool> left = co_await parts_.worker.run([this, orderly] { return parts_.book.leave(orderly); });
  static_cast<void>(left);  // who cannot say so is waited for in vain, once
}

}  // namespace windfall::app

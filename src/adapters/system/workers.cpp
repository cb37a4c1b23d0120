#include "adapters/system/workers.hpp"

#include <utility>

namespace windfall::system {

Workers::Workers(std::size_t threads, Post post) : post_(std::move(post)) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work_off(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::submit(std::function<void()> work, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({.work = std::move(work), .done = std::move(done)});
  }
  wake_.notify_one();
}

std::size_t Workers::pending() const {
  const std::lock_guard lock(mutex_);
  return queue_.size() + running_;
}

void Workers::work_off() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Item item = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    item.work();
    post_(std::move(item.done));
    item.work = nullptr;
    lock.lock();
    --running_;
  }
}

}  // namespace windfall::system

// Threads for calls that block. Results go back through `post`, which must deliver on the loop thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "application/port/blocking.hpp"

namespace windfall::system {

class Workers final : public Blocking {
 public:
  using Post = std::function<void(std::function<void()>)>;

  /// One thread runs submissions in order; several run them as they come.
  Workers(std::size_t threads, Post post);
  /// Finishes what was submitted, then ends the threads; results that arrive after the loop has stopped are not
  /// delivered.
  ~Workers() override;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void submit(std::function<void()> work, std::function<void()> done) override;

  /// Submissions that have not ended.
  [[nodiscard]] std::size_t pending() const;

 private:
  struct Item {
    std::function<void()> work;
    std::function<void()> done;
  };
  void work_off();

  Post post_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  std::size_t running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace windfall::system

// Where calls that block (databases, files) run, so that the loop thread never waits. The result comes back on the loop
// thread.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "application/port/task.hpp"

namespace windfall {

class Blocking {
 public:
  virtual ~Blocking() = default;

  /// Runs `work` on a thread of this pool, then `done` on the loop thread. Called on the loop thread. Never refuses:
  /// whoever submits without bound has to bound itself.
  virtual void submit(std::function<void()> work, std::function<void()> done) = 0;

  /// Awaits work() run on a thread of this pool. `work` lives in the frame of the caller's task until it is done.
  template <class Work>
  auto run(Work work) -> Task<std::invoke_result_t<Work&>> {
    using R = std::invoke_result_t<Work&>;
    std::optional<R> result;
    Completion<bool> done;
    submit([&work, &result] { result.emplace(work()); }, [&done] { done.complete(true); });
    co_await done;
    co_return std::move(*result);
  }
};

}  // namespace windfall

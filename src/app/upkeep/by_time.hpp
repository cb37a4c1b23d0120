// Streams that are each in order, merged by their times: what rules ask of other streams is there when they ask.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <tuple>
#include <vector>

#include "domain/kernel/result.hpp"

namespace windfall::app {

/// `fill(stream)`: Result<bool>, whether there is something to be told; then `time_of(stream)`, in ms, is that of the
/// next one, and `tell(stream)`: Result<bool>, tells it and goes on behind it. Failures: theirs.
template <class Stream, class Fill, class TimeOf, class Tell>
Result<bool> tell_by_time(std::vector<Stream>& streams, Fill fill, TimeOf time_of, Tell tell) {
  using Turn = std::tuple<std::int64_t, std::size_t>;
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
  const auto enqueue = [&](std::size_t index) -> Result<bool> {
    const Result<bool> more = fill(streams[index]);
    if (more && *more) turns.emplace(time_of(streams[index]), index);
    return more;
  };
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (const Result<bool> queued = enqueue(i); !queued) return queued;
  }
  while (!turns.empty()) {
    const std::size_t index = std::get<1>(turns.top());
    turns.pop();
    if (const Result<bool> told = tell(streams[index]); !told) return told;
    if (const Result<bool> queued = enqueue(index); !queued) return queued;
  }
  return true;
}

}  // namespace windfall::app

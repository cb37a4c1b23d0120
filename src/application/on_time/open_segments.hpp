// Opens the present segment of every lottery in which nobody has drawn yet, so that its deck does not depend on when
// the first one comes, and notes which segments were paused for a part. Segments that nobody was there for stay closed:
// what they would have given out leads the next one's list.
#pragma once

#include <string>

#include "application/on_request/draw_book.hpp"

namespace windfall {

class OpenSegments {
 public:
  /// Frequent enough that what is due is done within 2 s; a draw never waits for this job.
  static constexpr std::int64_t kIntervalMs = 1'000;

  OpenSegments(PromotionStore& store, DrawBook& book) : store_(store), book_(book) {}

  Task<Result<std::string>> operator()();

 private:
  /// True if there was something to do.
  Task<Result<bool>> look_at(DefinitionPtr definition, bool paused_all);

  PromotionStore& store_;
  DrawBook& book_;
};

}  // namespace windfall

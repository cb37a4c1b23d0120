// How long the oldest thing that waits in a queue of positions has waited, without a note for every position.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

namespace windfall::app {

class WaitingMarks {
 public:
  /// `position` has come at that time.
  void came(std::uint64_t position, std::int64_t monotonic_ms) {
    newest_ = {.position = position, .at = monotonic_ms};
    // What was counted and has gone to somebody else is counted no more.
    while (!marks_.empty() && marks_.back().position > position) marks_.pop_back();
    if (!marks_.empty() && monotonic_ms - marks_.back().at < spacing(monotonic_ms)) return;
    marks_.push_back({.position = position, .at = monotonic_ms});
  }
  /// Everything up to `position` is done; the age of the oldest mark that is not. Too low by at most kSpacingMs, or by
  /// 1/256 of itself.
  std::int64_t age(std::uint64_t done, std::int64_t monotonic_ms) {
    while (!marks_.empty() && marks_.front().position <= done) marks_.pop_front();
    if (marks_.empty() && newest_.position > done) marks_.push_back(newest_);  // it came too soon for a mark of its own
    return marks_.empty() ? 0 : std::max<std::int64_t>(0, monotonic_ms - marks_.front().at);
  }

  /// Alarms are about seconds.
  static constexpr std::int64_t kSpacingMs = 100;
  [[nodiscard]] std::size_t size() const { return marks_.size(); }

 private:
  struct Mark {
    std::uint64_t position = 0;
    std::int64_t at = 0;
  };
  /// The longer the oldest waits, the further apart: a queue that stands for a week takes some 3,000 marks.
  [[nodiscard]] std::int64_t spacing(std::int64_t monotonic_ms) const {
    return std::max(kSpacingMs, (monotonic_ms - marks_.front().at) / 256);
  }

  std::deque<Mark> marks_;
  Mark newest_;
};

}  // namespace windfall::app

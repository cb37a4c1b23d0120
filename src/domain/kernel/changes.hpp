// changes(event): the one pure function from a fact to what it does to the hot state. Commit, replay, rebuild and every
// test use it.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "domain/kernel/event.hpp"
#include "domain/kernel/key.hpp"

namespace windfall {

/// counter += by
struct Bump {
  CounterKey counter;
  std::int64_t by = 1;
};
/// set ∪= {member}
struct Add {
  SetKey set;
  std::uint32_t member = 0;
};
/// The partition's opaque definition becomes this and its revision the next one. `name` is set by the first one only.
struct Define {
  PartitionNo partition;
  std::string_view name;
  std::string_view definition;
};

using Change = std::variant<Bump, Add, Define>;

/// The changes of one event, in order; a value without allocation, since every commit makes one.
class Changes {
 public:
  /// No event changes more than this; a new event that does raises it.
  static constexpr std::size_t kMax = 4;

  void push(const Change& change) {
    assert(size_ < kMax);
    items_[size_++] = change;
  }
  [[nodiscard]] const Change* begin() const { return items_.data(); }
  [[nodiscard]] const Change* end() const { return items_.data() + size_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::array<Change, kMax> items_;
  std::size_t size_ = 0;
};

/// Views into `event` live as long as the event.
[[nodiscard]] Changes changes(PartitionNo partition, const Event& event);

}  // namespace windfall

// changes(event): the one pure function from a fact to what it does to the hot state. Commit, replay, rebuild and every
// test use it.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "domain/kernel/event.hpp"
#include "domain/kernel/key.hpp"

namespace windfall {

/// counter += by
struct Bump {
  CounterKey counter;
  std::int64_t by = 1;
};
/// counter += by + the value of a take of the same proposal
struct BumpByTaken {
  CounterKey counter;
  std::int64_t by = 0;
  std::uint32_t take = 0;  ///< index
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

using Change = std::variant<Bump, BumpByTaken, Add, Define>;

/// The changes of one event, in order; a value without allocation, since every commit makes one.
class Changes {
 public:
  /// No event changes more than this; a new event that does raises it.
  static constexpr std::size_t kMax = 16;
  static_assert(std::is_trivially_copyable_v<Change>, "room that was not used is neither made nor destroyed");

  void push(const Change& change) {
    assert(size_ < kMax);
    ::new (static_cast<void*>(raw_ + (size_++ * sizeof(Change)))) Change(change);
  }
  [[nodiscard]] const Change* begin() const { return std::launder(reinterpret_cast<const Change*>(raw_)); }
  [[nodiscard]] const Change* end() const { return begin() + size_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  alignas(Change) std::byte raw_[kMax * sizeof(Change)];  // left as it is: most events have few changes
  std::size_t size_ = 0;
};

/// Views into `event` live as long as the event.
[[nodiscard]] Changes changes(PartitionNo partition, const Event& event);

/// The counter that the event's proposal took its value from, if it took one: the log then keeps the value, and a fold
/// leaves the counter one above it.
[[nodiscard]] std::optional<CounterKey> taken_from(PartitionNo partition, const Event& event);
/// True if the log has to keep what the event's proposal took.
[[nodiscard]] inline bool keeps_taken(const Event& event) { return taken_from(PartitionNo{}, event).has_value(); }

/// A value that the answer to an event shows although later changes may alter it: a number, or a counter as it stands
/// right after the event.
using Shown = std::variant<std::int64_t, CounterKey>;
[[nodiscard]] std::array<Shown, 2> shown(PartitionNo partition, const Event& event,
                                         const std::vector<std::int64_t>& taken);

}  // namespace windfall

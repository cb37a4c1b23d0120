// Open-addressed table from a 128-bit uniformly distributed key to one small value; grown segment by segment, so that
// no insert ever waits for a large copy, and given back in the same pieces. Nothing is erased: a value equal to Value{}
// reads as absent.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "domain/kernel/ids.hpp"

namespace windfall {

/// Where a table will begin to look for a key. A table of millions lies far from the processor, and the wait for it
/// costs more than all else that a decision does; an address that is asked for ahead is waited for less, and many that
/// are asked for one right after the other are waited for together. Never read through: the memory may be gone by then.
struct Place {
  const void* slot = nullptr;  ///< nullptr: nowhere, the table is empty
  const void* next = nullptr;  ///< the slot behind it: it may end in the next line, and a search may go on there

  /// Begins to load it.
  void fetch() const {
    if (slot == nullptr) return;  // looking for no address takes as long as for one that is far away
    __builtin_prefetch(slot, 1);
    __builtin_prefetch(next, 1);
  }
};

/// A segment is `kFullEighths` eighths full at most. The fuller, the less memory, and the longer the search for a key
/// that is new: in a table of 7/10 to 7/8 past some 14 slots, in one of 6/10 to 3/4 past 6, each in a line that the
/// search waits for.
template <class Value, std::uint32_t kFullEighths = 7>
class SlotTable {
 public:
  /// The value under `key`, or nullptr if the key was never inserted. Valid until the next insert.
  [[nodiscard]] const Value* find(UserRef key) const {
    if (segments_.empty()) return nullptr;
    const Slot* slot = probe(segments_[segment_of(key)], key);
    return slot != nullptr && used(*slot) ? &slot->value : nullptr;
  }

  /// The value under `key`, made if missing. Valid until the next insert.
  Value& at(UserRef key) {
    assert(key != UserRef{});  // zero marks a free slot
    if (segments_.empty()) segments_.resize(1);
    if (segments_.size() == 1 && segments_[0].count >= kSpreadAt) spread();
    Segment& segment = segments_[segment_of(key)];
    if (is_full(segment)) grow(segment);
    Slot* slot = probe(segment, key);
    if (!used(*slot)) {
      slot->key = key;
      ++segment.count;
      ++size_;
    }
    return slot->value;
  }

  /// Begins to load what place() looks at.
  void approach(UserRef key) const {
    if (!segments_.empty()) __builtin_prefetch(&segments_[segment_of(key)]);
  }

  /// What find() and at() will look at first.
  [[nodiscard]] Place place(UserRef key) const {
    if (segments_.empty()) return {};
    const Segment& segment = segments_[segment_of(key)];
    if (segment.capacity == 0) return {};
    const Slot* slot = &segment.slots[first_slot(segment, key)];
    return {.slot = slot, .next = slot + 1};
  }

  /// Keys ever inserted.
  [[nodiscard]] std::size_t size() const { return size_; }

  /// Bytes allocated for slots.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t total = segments_.capacity() * sizeof(Segment);
    for (const Segment& segment : segments_) total += segment.capacity * sizeof(Slot);
    return total;
  }

  /// Gives back the memory of at most that many segments; true once none is left. Nothing but this and bytes() may be
  /// called from then on.
  bool free_segments(std::size_t at_most) {
    for (; at_most > 0 && !segments_.empty(); --at_most) segments_.pop_back();
    return segments_.empty();
  }

  /// Calls visit(key, value) for every key, in no particular order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Segment& segment : segments_) {
      for (std::size_t i = 0; i < segment.capacity; ++i) {
        if (used(segment.slots[i])) visit(segment.slots[i].key, segment.slots[i].value);
      }
    }
  }

 private:
  struct Slot {
    UserRef key;
    Value value{};
  };
  struct Segment {
    std::unique_ptr<Slot[]> slots;
    std::uint32_t capacity = 0;
    std::uint32_t count = 0;
  };

  /// Below this a table is one segment; copying it into many takes about 0.1 ms.
  static constexpr std::uint32_t kSpreadAt = 4096;
  /// At 10M users a segment holds 2,400 slots: 60 KB to copy when it grows, some 20 µs.
  static constexpr std::size_t kSegments = 4096;
  static constexpr std::uint32_t kFirstCapacity = 8;

  static bool is_full(const Segment& segment) { return (segment.count + 1) * 8 > segment.capacity * kFullEighths; }
  static bool used(const Slot& slot) { return slot.key != UserRef{}; }
  [[nodiscard]] std::size_t segment_of(UserRef key) const { return key.hi & (segments_.size() - 1); }

  static std::size_t first_slot(const Segment& segment, UserRef key) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::size_t>((static_cast<Wide>(key.lo) * segment.capacity) >> 64U);
  }

  static Slot* probe(const Segment& segment, UserRef key) {
    if (segment.capacity == 0) return nullptr;
    std::size_t i = first_slot(segment, key);
    while (used(segment.slots[i]) && segment.slots[i].key != key) {
      if (++i == segment.capacity) i = 0;
    }
    return &segment.slots[i];
  }

  static void grow(Segment& segment) {
    // A quarter more each time: memory stays within 1.25 times what a full one has.
    const std::uint32_t next = segment.capacity == 0 ? kFirstCapacity : segment.capacity + (segment.capacity / 4) + 4;
    Segment larger{.slots = std::make_unique<Slot[]>(next), .capacity = next, .count = segment.count};
    for (std::size_t i = 0; i < segment.capacity; ++i) {
      if (used(segment.slots[i])) *probe(larger, segment.slots[i].key) = segment.slots[i];
    }
    segment = std::move(larger);
  }

  void spread() {
    const Segment whole = std::move(segments_[0]);
    segments_ = std::vector<Segment>(kSegments);
    for (std::size_t i = 0; i < whole.capacity; ++i) {
      if (!used(whole.slots[i])) continue;
      Segment& segment = segments_[segment_of(whole.slots[i].key)];
      if (is_full(segment)) grow(segment);
      *probe(segment, whole.slots[i].key) = whole.slots[i];
      ++segment.count;
    }
  }

  std::vector<Segment> segments_;
  std::size_t size_ = 0;
};

}  // namespace windfall

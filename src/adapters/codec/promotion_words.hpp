// The words of a promotion's JSON, once for reading and writing.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "adapters/codec/object_reader.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::codec {

/// Raised when a kept definition changes its shape; the one before is still read.
inline constexpr std::int64_t kDefinitionFormat = 1;

inline constexpr std::array kModes{Word<Mode>{"LIVE", Mode::live}, Word<Mode>{"TEST", Mode::test}};
inline constexpr std::array kLifecycles{
    Word<Lifecycle>{"DRAFT", Lifecycle::draft}, Word<Lifecycle>{"OPEN", Lifecycle::open},
    Word<Lifecycle>{"PAUSED", Lifecycle::paused}, Word<Lifecycle>{"ENDED", Lifecycle::ended}};

/// The word for a value; every value has one.
template <class E>
[[nodiscard]] constexpr std::string_view text_of(std::span<const Word<E>> words, E value) {
  for (const Word<E>& word : words) {
    if (word.value == value) return word.text;
  }
  return {};
}

}  // namespace windfall::codec

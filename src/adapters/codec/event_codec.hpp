// Events as bytes: how they stand in the journal and travel in streams. Explicit little-endian, the same on every
// machine; one encoding per value, so that equal events are equal bytes.
//
// A record:  length u32 (of what follows it) · version u8 (1) · type u8 · flags u8 (bit 0: a command follows the head)
//   head:    partition v · epoch v · revision v · sequence u64 · time i64 (ms)
//   command: hash u64 u64 · fingerprint u64
//   body:    by type, in the order of its struct's members
// where v is an unsigned LEB128 in its shortest form (a signed one zigzag-coded), a text is v length and its bytes, a
// bool u8 is 0 or 1. A Participated without a command takes about 50 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::codec {

/// Longest record that is read: far more than the largest kept answer or definition (bodies end at 64 KiB), far less
/// than memory.
inline constexpr std::size_t kMaxEventBytes = std::size_t{16} * 1024 * 1024;

/// Appends one record. Allocates nothing but what `out` needs to grow.
void encode(const Recorded& recorded, std::string& out);

/// Takes one record off the front of `in`. Failure damaged, with `in` untouched, if it is cut short or contradicts
/// itself, or if its version or type is not known (the message names it).
[[nodiscard]] Result<Recorded> decode(std::string_view& in);

/// Appends an event alone, without what a store assigns to it: type u8 and body.
void encode_event(const Event& event, std::string& out);

/// Reads all of `in` as encode_event() writes it; failure damaged as decode() has it.
[[nodiscard]] Result<Event> decode_event(std::string_view in);

}  // namespace windfall::codec

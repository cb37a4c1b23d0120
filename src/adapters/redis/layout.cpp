#include "adapters/redis/layout.hpp"

#include <algorithm>
#include <cstring>

namespace windfall::redis {

namespace {

/// Tags 0..15 are the words of a dense set, 16 the own bits, from 32 on the kinds of a user's counters.
constexpr char kOwnBitsTag = 16;
constexpr std::uint8_t kFirstCounterTag = 32;

void append_big_endian(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xFFU));
}

std::string bytes_of(std::uint64_t hi, std::uint64_t lo) {
  std::string out;
  out.reserve(16);
  append_big_endian(out, hi);
  append_big_endian(out, lo);
  return out;
}

}  // namespace

std::uint32_t buckets_for(std::uint64_t expected_fields) {
  const std::uint64_t wanted = (expected_fields / kFieldsPerBucket) + 1;
  return static_cast<std::uint32_t>(std::min(wanted, kMaxBuckets));
}

std::string key_prefix(std::string_view promotion_id) {
  if (promotion_id.empty()) return "{windfall}:system";
  std::string prefix = "{";
  prefix += promotion_id;
  return prefix += "}";
}

std::string Place::of_epoch(std::string_view what) const {
  std::string key = prefix;
  key += ':';
  key += std::to_string(epoch.value);
  key += ':';
  return key += what;
}

std::uint32_t bucket_of(UserRef user, std::uint32_t buckets) {
  // References are keyed hashes: their upper half spreads evenly over any number of buckets.
  return static_cast<std::uint32_t>(((user.hi >> 32U) * buckets) >> 32U);
}

std::string counter_name(const CounterKey& counter) {
  return std::to_string(counter.kind) + "." + std::to_string(counter.index);
}

std::string word_tag(std::uint32_t word) { return {static_cast<char>(word)}; }
std::string own_bits_tag() { return {kOwnBitsTag}; }

std::string counter_tag(std::uint8_t kind, std::int32_t index) {
  std::string tag{static_cast<char>(kFirstCounterTag + kind)};
  for (auto rest = static_cast<std::uint32_t>(index); rest != 0; rest >>= 8U) {
    tag.push_back(static_cast<char>(rest & 0xFFU));  // references have a fixed length, so tags may differ in theirs
  }
  return tag;
}

std::string bytes_of(UserRef user) { return bytes_of(user.hi, user.lo); }
std::string bytes_of(CommandHash hash) { return bytes_of(hash.hi, hash.lo); }

std::string bytes_of_fingerprint(std::uint64_t fingerprint) {
  std::string bytes(sizeof(fingerprint), '\0');
  std::memcpy(bytes.data(), &fingerprint, sizeof(fingerprint));
  return bytes;
}

}  // namespace windfall::redis

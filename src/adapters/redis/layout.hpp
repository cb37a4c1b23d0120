// Where a partition's data stands in Redis: names of keys and of fields. All keys of a partition share one slot; every
// key but the header, the outbox and its lease belongs to one epoch, so that a rebuild fills the next one beside the
// one in force.
//
//   {id}:h           header, one string (src/adapters/redis/lua/contract.lua)
//   {id}:o           outbox, a stream; ids are <epoch>-<last sequence of the entry>
//   {id}:r           which relay carries the outbox, for as long as its lease lives
//   {id}:n           the newest epoch that anybody has begun to fill: only that one may come into force
//   {id}:<e>:h       the header of an epoch that is being filled
//   {id}:<e>:d       definition                      {id}:<e>:c        counters that the header does not hold
//   {id}:<e>:k0 k1   commands of even and odd days   {id}:<e>:<bucket> values of users
// The system partition's begin with {windfall}:system instead of {id}; {windfall}:promotions is the registry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/redis/reply.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/key.hpp"

namespace windfall::redis {

/// Hash of promotion id -> partition number.
inline constexpr std::string_view kRegistryKey = "{windfall}:promotions";

/// Fields of one bucket on average. A Redis hash is compact up to 128 fields, and with a mean of 56 none of a million
/// buckets has more (Poisson, nine deviations); many more small hashes would pay for their own heads.
inline constexpr std::uint64_t kFieldsPerBucket = 56;
/// 4,194,304 buckets hold 235 million fields compactly; beyond, they still work.
inline constexpr std::uint64_t kMaxBuckets = std::uint64_t{1} << 22U;

/// Counters of a partition with an index below this stand in its header, which is read and written as one string.
/// Enough for whatever counts by a cause or a step. What counts by day, segment or prize would make every call carry it
/// all; in a hash of its own it costs a call two commands more, 4 % of a participation at sixteen a call.
inline constexpr std::int32_t kHeaderIndexes = 8;

/// How many buckets to open a partition with that will hold about so many fields: a daily promotion has one per
/// participant (of 48 days), a lottery about eight.
[[nodiscard]] std::uint32_t buckets_for(std::uint64_t expected_fields);

/// The start of all keys of a partition: its slot's tag. `promotion_id` empty = the system partition.
[[nodiscard]] std::string key_prefix(std::string_view promotion_id);

/// Which of so many buckets holds a user's values.
[[nodiscard]] std::uint32_t bucket_of(UserRef user, std::uint32_t buckets);

/// One epoch of a partition.
struct Place {
  std::string prefix;  ///< key_prefix()
  Epoch epoch;
  std::uint32_t buckets = 1;  ///< as the header says

  [[nodiscard]] std::string header() const { return prefix + ":h"; }
  [[nodiscard]] std::string outbox() const { return prefix + ":o"; }
  [[nodiscard]] std::string relay() const { return prefix + ":r"; }
  [[nodiscard]] std::string newest() const { return prefix + ":n"; }
  [[nodiscard]] std::string filled_header() const { return of_epoch("h"); }
  [[nodiscard]] std::string definition() const { return of_epoch("d"); }
  [[nodiscard]] std::string counters() const { return of_epoch("c"); }
  /// `odd` 0 or 1, by the UTC day.
  [[nodiscard]] std::string commands(std::size_t odd) const { return of_epoch(odd == 0 ? "k0" : "k1"); }
  [[nodiscard]] std::string bucket(std::uint32_t number) const { return of_epoch(std::to_string(number)); }
  /// The bucket that holds a user's values.
  [[nodiscard]] std::string bucket(UserRef user) const { return bucket(bucket_of(user, buckets)); }

 private:
  [[nodiscard]] std::string of_epoch(std::string_view what) const;
};

[[nodiscard]] inline bool in_header(const CounterKey& counter) {
  return counter.user == UserRef{} && counter.index >= 0 && counter.index < kHeaderIndexes;
}
/// Name of a partition's counter, in the header or in the hash of counters.
[[nodiscard]] std::string counter_name(const CounterKey& counter);

/// Members of one word of a dense set. A double holds 53 bits: one more tells in the first word that there are others.
inline constexpr std::uint32_t kMembersPerWord = 48;
inline constexpr std::uint32_t kMoreWordsBit = 48;
inline constexpr std::uint32_t kDenseWords = 16;
static_assert(kDenseWords * kMembersPerWord == kMaxDenseMember + 1);

/// What stands before the reference in the name of a user's field: which value it is.
[[nodiscard]] std::string word_tag(std::uint32_t word);
[[nodiscard]] std::string own_bits_tag();
/// Kinds up to 223 have a tag.
inline constexpr std::uint8_t kMaxTaggedKind = 223;
[[nodiscard]] std::string counter_tag(std::uint8_t kind, std::int32_t index);

/// 16 bytes, most significant first.
[[nodiscard]] std::string bytes_of(UserRef user);
[[nodiscard]] std::string bytes_of(CommandHash hash);
/// 8 bytes as they stand in memory; opaque to the script, which keeps them in front of a command's record.
[[nodiscard]] std::string bytes_of_fingerprint(std::uint64_t fingerprint);

}  // namespace windfall::redis

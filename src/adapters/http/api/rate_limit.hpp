// Token buckets, one per user: a flood of one user costs nobody else anything. Also the table behind AddressLimit.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "adapters/system/large_pages.hpp"
#include "domain/kernel/ids.hpp"

namespace windfall::http {

class RateLimit {
 public:
  struct Settings {
    std::int64_t per_second = 20;  ///< 0 = no limit
    std::int64_t burst = 40;
  };
  explicit RateLimit(Settings settings) : settings_(settings), sets_(settings.per_second == 0 ? 0 : kSets) {}

  /// Other limits from now on; every bucket is full again.
  void change(Settings settings) {
    settings_ = settings;
    full_ = full(settings);
    sets_.assign(settings.per_second == 0 ? 0 : kSets, Set{});
  }

  [[nodiscard]] bool on() const { return !sets_.empty(); }

  /// Begins to load what allow() will look at, which is nearly always far away.
  void expect(UserRef user) const {
    if (on()) __builtin_prefetch(&set_of(user), 1);
  }

  /// Takes a token of the user's; false if there is none.
  bool allow(UserRef user, std::int64_t monotonic_ms) {
    if (sets_.empty()) return true;
    Bucket& bucket = find(user, monotonic_ms);
    const std::int64_t refilled = bucket.thousandths + ((monotonic_ms - bucket.at) * settings_.per_second);
    bucket.thousandths = static_cast<std::int32_t>(std::min(full_, refilled));
    bucket.at = monotonic_ms;
    if (bucket.thousandths < 1000) return false;
    bucket.thousandths -= 1000;
    return true;
  }

  /// Takes tokens for what a request that was allowed turned out to be; those that are not there are owed.
  void charge(UserRef user, std::int64_t tokens, std::int64_t monotonic_ms) {
    if (sets_.empty()) return;
    Bucket& bucket = find(user, monotonic_ms);
    bucket.thousandths -= static_cast<std::int32_t>(std::min(tokens, kMostCharged) * 1000);
  }

 private:
  static constexpr std::int64_t kMostCharged = 1'000;  ///< at once: the events of a batch
  struct Bucket {
    std::uint32_t user = 0;  ///< 32 bits of the reference: enough to tell the few of a set apart
    std::int32_t thousandths = 0;
    std::int64_t at = 0;
  };
  /// Users share a set by their keyed hash, which nobody can aim at. The one not seen for longest makes room: with the
  /// limits' defaults its bucket is full again after two seconds anyway. 131,072 users in 2 MB; a set is
  /// one line of the processor's cache, since looking at it is nearly always a miss.
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kSets = 32'768;
  struct alignas(64) Set {
    std::array<Bucket, kWays> buckets{};
  };
  static_assert(sizeof(Set) == 64);

  [[nodiscard]] const Set& set_of(UserRef user) const { return sets_[user.hi & (kSets - 1)]; }

  Bucket& find(UserRef user, std::int64_t monotonic_ms) {
    std::array<Bucket, kWays>& set = sets_[user.hi & (kSets - 1)].buckets;
    const auto tag = static_cast<std::uint32_t>(user.lo);
    Bucket* oldest = set.data();
    for (Bucket& bucket : set) {
      if (bucket.user == tag) return bucket;
      if (bucket.at < oldest->at) oldest = &bucket;
    }
    *oldest = {.user = tag, .thousandths = static_cast<std::int32_t>(full_), .at = monotonic_ms};
    return *oldest;
  }

  static std::int64_t full(Settings settings) {
    return std::min<std::int64_t>(settings.burst, INT32_MAX / 1000) * 1000;
  }

  Settings settings_;
  std::int64_t full_ = full(settings_);  ///< thousandths of tokens
  std::vector<Set, system::LargePages<Set>> sets_;
};

}  // namespace windfall::http

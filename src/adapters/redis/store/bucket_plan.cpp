#include "adapters/redis/store/bucket_plan.hpp"

#include <algorithm>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/redis/layout.hpp"

namespace windfall::redis {

namespace {

/// The block list of a large installation, read whole whenever it changes.
constexpr std::uint64_t kSystemFields = 2'000;
/// Buckets are made for no more participants than this. A limit that is meant as "no limit" would spread a small crowd
/// over millions of keys; a crowd that is larger still has its hashes, only larger ones.
constexpr std::uint64_t kExpectedMost = 20'000'000;
/// Where an operator expects no number of draws in particular.
constexpr std::int64_t kExpectedDraws = 100'000;
/// What a user of a lottery has: grants, draws, marks.
constexpr std::uint64_t kFieldsPerPlayer = 8;

}  // namespace

std::uint32_t buckets_of_system() { return buckets_for(kSystemFields); }

std::uint32_t buckets_of_promotion(std::string_view definition) {
  const Result<Promotion> promotion = codec::decode_definition(definition);
  if (!promotion) return 1;
  if (promotion->lottery) {
    const std::int64_t draws = promotion->lottery->expected_draws_per_day.value_or(kExpectedDraws);
    return buckets_for(std::min(kExpectedMost, static_cast<std::uint64_t>(draws)) * kFieldsPerPlayer);
  }
  return buckets_for(std::min(kExpectedMost, static_cast<std::uint64_t>(promotion->limit_join_count)));
}

}  // namespace windfall::redis

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
/// A day, where an operator expects no number of draws in particular.
constexpr std::int64_t kExpectedDraws = 100'000;
/// A draw, and what its player has beside, shared by five draws or so: tickets, grants by cause, marks, invites. They
/// pile up over all days.
constexpr std::uint64_t kFieldsPerDraw = 5;

}  // namespace

std::uint32_t buckets_of_system() { return buckets_for(kSystemFields); }

std::uint32_t buckets_of_promotion(std::string_view definition) {
  const Result<Promotion> promotion = codec::decode_definition(definition);
  if (!promotion) return 1;
  if (promotion->lottery) {
    const auto a_day = static_cast<std::uint64_t>(promotion->lottery->expected_draws_per_day.value_or(kExpectedDraws));
    const auto days = static_cast<std::uint64_t>(promotion->end.days - promotion->start.days) + 1;
    return buckets_for(std::min(kExpectedMost, a_day * days) * kFieldsPerDraw);
  }
  return buckets_for(std::min(kExpectedMost, static_cast<std::uint64_t>(promotion->limit_join_count)));
}

}  // namespace windfall::redis

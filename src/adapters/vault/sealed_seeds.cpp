#include "adapters/vault/sealed_seeds.hpp"

#include <algorithm>

#include "adapters/codec/encoding.hpp"
#include "adapters/system/random.hpp"

namespace windfall::vault {

namespace {

std::string context_of(std::string_view promotion_id) { return "lottery seed of " + std::string(promotion_id); }

}  // namespace

Result<std::string> SealedSeeds::make(std::string_view promotion_id) {
  Seed seed;
  system::random_bytes(seed.bytes);
  return seal(promotion_id, seed);
}

std::string SealedSeeds::seal(std::string_view promotion_id, const Seed& seed) {
  const std::string_view blob(reinterpret_cast<const char*>(seed.bytes.data()), seed.bytes.size());
  const std::string sealed = seals_.seal(context_of(promotion_id), blob);
  return codec::to_base64url(codec::bytes_of(sealed));
}

Result<std::optional<std::string>> SealedSeeds::reseal(std::string_view promotion_id, std::string_view sealed) {
  const Result<Seed> seed = open_as_it_stands(promotion_id, sealed);
  if (!seed) return tl::unexpected(seed.error());
  const std::optional<std::string> bytes = codec::from_base64url(sealed);
  if (bytes && seals_.key_of(*bytes) == seals_.current()) return std::nullopt;
  return seal(promotion_id, *seed);
}

Result<Seed> SealedSeeds::open(std::string_view promotion_id, std::string_view sealed) {
  Result<Seed> seed = open_as_it_stands(promotion_id, sealed);
  if (seed || seed.error().code != FailureCode::conflict || !in_force_) return seed;
  const std::string present = in_force_(promotion_id);
  return present.empty() ? seed : open_as_it_stands(promotion_id, present);
}

Result<Seed> SealedSeeds::open_as_it_stands(std::string_view promotion_id, std::string_view sealed) {
  const auto bytes = codec::from_base64url(sealed);
  if (!bytes)
    return fail(FailureCode::damaged, "the seed of promotion " + std::string(promotion_id) + " is no text of ours");
  const Result<std::string> opened = seals_.open(context_of(promotion_id), *bytes);
  if (!opened) {
    return fail(opened.error().code,
                "the seed of promotion " + std::string(promotion_id) + ": " + opened.error().message);
  }
  Seed seed;
  if (opened->size() != seed.bytes.size()) {
    return fail(FailureCode::damaged, "the seed of promotion " + std::string(promotion_id) + " has a wrong length");
  }
  std::ranges::transform(*opened, seed.bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  return seed;
}

}  // namespace windfall::vault

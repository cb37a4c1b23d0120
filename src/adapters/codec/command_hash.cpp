#include "adapters/codec/command_hash.hpp"

#include <sodium.h>
#include <xxhash.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace windfall::codec {

CommandHash command_hash(const CommandScope& scope) {
  crypto_generichash_state state;
  std::array<unsigned char, sizeof(CommandHash)> hash{};
  crypto_generichash_init(&state, nullptr, 0, hash.size());
  for (const std::string_view part : {scope.caller, scope.method, scope.path, scope.key}) {
    const std::uint64_t length = part.size();
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&length), sizeof length);
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(part.data()), part.size());
  }
  crypto_generichash_final(&state, hash.data(), hash.size());
  CommandHash result;
  std::memcpy(&result.hi, hash.data(), sizeof result.hi);
  std::memcpy(&result.lo, hash.data() + sizeof result.hi, sizeof result.lo);
  return result;
}

std::uint64_t body_fingerprint(std::string_view body) { return XXH3_64bits(body.data(), body.size()); }

BodyFingerprint::BodyFingerprint() : state_(XXH3_createState()) {
  if (state_ == nullptr) std::abort();
  XXH3_64bits_reset(static_cast<XXH3_state_t*>(state_));
}
BodyFingerprint::~BodyFingerprint() { XXH3_freeState(static_cast<XXH3_state_t*>(state_)); }
void BodyFingerprint::add(std::string_view piece) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state_), piece.data(), piece.size());
}
std::uint64_t BodyFingerprint::value() const { return XXH3_64bits_digest(static_cast<const XXH3_state_t*>(state_)); }

}  // namespace windfall::codec

#include "adapters/codec/user_ref.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace windfall::codec {

static_assert(sizeof(UserHasher::Key) == crypto_shorthash_siphashx24_KEYBYTES);
static_assert(sizeof(UserRef) == crypto_shorthash_siphashx24_BYTES);

UserRef UserHasher::of(std::string_view user_id) const {
  std::array<std::uint8_t, crypto_shorthash_siphashx24_BYTES> hash{};
  crypto_shorthash_siphashx24(hash.data(), reinterpret_cast<const unsigned char*>(user_id.data()), user_id.size(),
                              key_.data());
  UserRef user;
  std::memcpy(&user.hi, hash.data(), sizeof user.hi);
  std::memcpy(&user.lo, hash.data() + sizeof user.hi, sizeof user.lo);
  if (user == UserRef{}) user.lo = 1;
  return user;
}

UserHasher::Fingerprint UserHasher::key_fingerprint() const {
  static constexpr std::string_view kPurpose = "windfall user-hash key";
  std::string message{kPurpose};
  message.append(reinterpret_cast<const char*>(key_.data()), key_.size());
  std::array<std::uint8_t, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                     nullptr, 0);
  sodium_memzero(message.data(), message.size());
  Fingerprint fingerprint{};
  std::copy_n(hash.begin(), fingerprint.size(), fingerprint.begin());
  return fingerprint;
}

}  // namespace windfall::codec

#include "adapters/http/api/address_limit.hpp"

#include <arpa/inet.h>
#include <sodium.h>

#include <cstring>
#include <string>

namespace windfall::http {

AddressLimit::AddressLimit(RateLimit::Settings settings) : on_(settings.per_second != 0), buckets_(settings) {
  static_assert(sizeof key_ == crypto_shorthash_siphashx24_KEYBYTES);
  randombytes_buf(key_.data(), key_.size());
}

UserRef AddressLimit::bucket_of(std::string_view address) const {
  constexpr std::size_t kNetworkBytes = 8;  // of an IPv6 address
  constexpr std::size_t kV4Offset = 12;     // in an IPv4 address mapped into IPv6
  std::string key(address);
  std::array<char, 16> bytes{};
  if (in6_addr v6{}; inet_pton(AF_INET6, key.c_str(), &v6) == 1) {
    std::memcpy(bytes.data(), &v6, bytes.size());
    const bool is_v4 = IN6_IS_ADDR_V4MAPPED(&v6);
    // As the text of the IPv4 address would hash: a listener on [::] and one on 0.0.0.0 see the same client.
    key = is_v4 ? std::string(bytes.data() + kV4Offset, 4) : std::string(bytes.data(), kNetworkBytes);
  } else if (in_addr v4{}; inet_pton(AF_INET, key.c_str(), &v4) == 1) {
    std::memcpy(bytes.data(), &v4, sizeof v4);
    key.assign(bytes.data(), sizeof v4);
  }
  std::array<unsigned char, crypto_shorthash_siphashx24_BYTES> hash{};
  crypto_shorthash_siphashx24(hash.data(), reinterpret_cast<const unsigned char*>(key.data()), key.size(), key_.data());
  UserRef bucket;
  std::memcpy(&bucket.hi, hash.data(), sizeof bucket.hi);
  std::memcpy(&bucket.lo, hash.data() + sizeof bucket.hi, sizeof bucket.lo);
  return bucket;
}

}  // namespace windfall::http

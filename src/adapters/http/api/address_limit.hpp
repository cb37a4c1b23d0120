// Token buckets, one per address: slows a flood of made-up users from one place, before anybody looks at its
// credentials.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "adapters/http/api/rate_limit.hpp"

namespace windfall::http {

class AddressLimit {
 public:
  /// The table is that of RateLimit: 131,072 addresses in 3 MB, whatever comes. `settings.per_second` 0 = no limit.
  explicit AddressLimit(RateLimit::Settings settings);

  /// Other limits from now on.
  void change(RateLimit::Settings settings) {
    on_ = settings.per_second != 0;
    buckets_.change(settings);
  }

  /// False: every address is allowed everything.
  [[nodiscard]] bool on() const { return on_; }

  /// Takes a token of the address's; false if there is none. `address` is a text without port. Who has one IPv6 address
  /// has 2^64 of them: such networks (/64) share a bucket.
  bool allow(std::string_view address, std::int64_t monotonic_ms) {
    return !on_ || buckets_.allow(bucket_of(address), monotonic_ms);
  }

 private:
  /// A keyed hash, so that nobody can choose addresses that push others out of their set.
  [[nodiscard]] UserRef bucket_of(std::string_view address) const;

  bool on_;
  RateLimit buckets_;
  std::array<unsigned char, 16> key_{};  ///< of SipHash
};

}  // namespace windfall::http

#include "adapters/http/auth/verified_tokens.hpp"

#include <openssl/evp.h>

#include <cassert>
#include <utility>

namespace windfall::http {

VerifiedTokens::Digest VerifiedTokens::digest_of(std::string_view token) {
  Digest digest{};
  const int done = EVP_Digest(token.data(), token.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  assert(done == 1);
  static_cast<void>(done);
  return digest;
}

const TokenVerifier::Claims* VerifiedTokens::find(const Digest& digest, Instant now) {
  const auto found = grants_.find(digest);
  if (found == grants_.end()) return nullptr;
  const Grant& grant = found->second;
  if (now >= grant.until) {
    grants_.erase(found);
    return nullptr;
  }
  return now < grant.from ? nullptr : &grant.claims;
}

void VerifiedTokens::keep(const Digest& digest, Grant grant) {
  // A token that expired and was brought again (a clock set back) is in the ring twice: it is forgotten at its first
  // turn, and verified anew. Each place of the ring holds one digest, so that grants_ never has more entries than the
  // ring.
  if (order_.size() < kMaxTokens) {
    order_.push_back(digest);
  } else {
    grants_.erase(order_[oldest_]);
    order_[oldest_] = digest;
    oldest_ = (oldest_ + 1) % kMaxTokens;
  }
  grants_.insert_or_assign(digest, std::move(grant));
}

void VerifiedTokens::clear() {
  grants_.clear();
  order_.clear();
  oldest_ = 0;
}

}  // namespace windfall::http

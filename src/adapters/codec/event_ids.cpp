#include "adapters/codec/event_ids.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

namespace windfall::codec {

namespace {

constexpr std::size_t kDigestBytes = 32;
using Digest = std::array<std::uint8_t, kDigestBytes>;

/// OpenSSL's SHA-256 uses the processor's instructions for it, if its algorithm is looked up once and not per hash:
/// every answer to a participation names two ids, and libsodium takes twice as long.
class Sha256 {
 public:
  Sha256() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
    assert(algorithm_ != nullptr && context_ != nullptr);
    must(EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr));
  }
  void update(const void* bytes, std::size_t count) { must(EVP_DigestUpdate(context_.get(), bytes, count)); }
  /// The digest; begins anew.
  Digest take() {
    Digest digest{};
    must(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr));
    must(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr));
    return digest;
  }

 private:
  struct Free {
    void operator()(EVP_MD* algorithm) const { EVP_MD_free(algorithm); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  /// It fails only where there is no SHA-256 at all; going on with a wrong id would be worse than stopping.
  static void must(int done) {
    assert(done == 1);
    static_cast<void>(done);
  }
  std::unique_ptr<EVP_MD, Free> algorithm_;
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

/// SHA-256 of parts, each preceded by its length as u32, little-endian. Collected first: calls cost more than bytes.
class PartHash {
 public:
  explicit PartHash(Sha256& hash) : hash_(hash) {}
  void part(Bytes bytes) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    put(&length, sizeof length);
    put(bytes.data(), bytes.size());
  }
  template <std::unsigned_integral T>
  void part(T value) {
    part(Bytes{reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  Digest take() {
    flush();
    return hash_.take();
  }

 private:
  void put(const void* bytes, std::size_t count) {
    if (count > collected_.size() - size_) flush();
    if (count > collected_.size()) return hash_.update(bytes, count);
    std::memcpy(collected_.data() + size_, bytes, count);
    size_ += count;
  }
  void flush() { hash_.update(collected_.data(), std::exchange(size_, 0)); }

  Sha256& hash_;
  std::array<std::uint8_t, 128> collected_;  ///< a place with the longest promotion id fits
  std::size_t size_ = 0;
};

Uuid version_8(const std::uint8_t* bytes) {
  Uuid uuid{};
  std::copy_n(bytes, uuid.size(), uuid.begin());
  uuid[6] = static_cast<std::uint8_t>(0x80U | (uuid[6] & 0x0FU));
  uuid[8] = static_cast<std::uint8_t>(0x80U | (uuid[8] & 0x3FU));
  return uuid;
}

}  // namespace

EventIds event_ids(const EventPlace& place) {
  thread_local Sha256 sha256;
  PartHash hash(sha256);
  hash.part(Bytes{place.lineage});
  hash.part(bytes_of(place.promotion));
  hash.part(place.epoch.value);
  hash.part(place.sequence.value);
  hash.part(place.index);
  const auto digest = hash.take();
  return {.event = version_8(digest.data()), .effect = version_8(digest.data() + sizeof(Uuid))};
}

}  // namespace windfall::codec

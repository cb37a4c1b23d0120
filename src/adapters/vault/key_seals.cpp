#include "adapters/vault/key_seals.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>

#include "adapters/system/random.hpp"
#include "adapters/vault/derivation.hpp"

namespace windfall::vault {

namespace {

constexpr std::size_t kIdBytes = 4;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
static_assert(Seals::kOverhead == kIdBytes + kNonceBytes + kTagBytes);

// Part of what is stored: another text, and nothing opens any more.
constexpr std::string_view kSealPurpose = "windfall 1 seal";
constexpr std::string_view kDigestPurpose = "windfall 1 digest";
constexpr std::string_view kFingerprintPurpose = "windfall 1 fingerprint";

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text, std::size_t at) { return reinterpret_cast<unsigned char*>(text.data() + at); }
int length(std::string_view text) { return static_cast<int>(text.size()); }

/// One a thread: making one costs more than sealing a code.
EVP_CIPHER_CTX* context_of_thread() {
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  thread_local const std::unique_ptr<EVP_CIPHER_CTX, Free> kContext(EVP_CIPHER_CTX_new());
  return kContext.get();
}

}  // namespace

struct KeySeals::Derived {
  KeyId id;
  std::array<std::uint8_t, 32> seal{};
  crypto_auth_hmacsha256_state digest{};  ///< keyed, nothing hashed yet: a copy saves half of the work
  KeyFingerprint8 fingerprint{};

  Derived() = default;
  Derived(const Derived&) = delete;
  Derived& operator=(const Derived&) = delete;
  ~Derived() {
    sodium_memzero(seal.data(), seal.size());
    sodium_memzero(&digest, sizeof digest);
  }
};

struct KeySeals::Cipher {
  EVP_CIPHER* aes = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  Cipher() = default;
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;
  ~Cipher() { EVP_CIPHER_free(aes); }
};

KeySeals::KeySeals() : cipher_(std::make_unique<Cipher>()) {}
KeySeals::~KeySeals() = default;

Result<std::unique_ptr<KeySeals>> KeySeals::make(const MasterKeys& keys) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium cannot be used on this machine");
  std::unique_ptr<KeySeals> seals(new KeySeals);
  if (seals->cipher_->aes == nullptr) return fail(FailureCode::unavailable, "libcrypto has no AES-256-GCM");
  for (const MasterKey& key : keys) {
    auto derived = std::make_unique<Derived>();
    derived->id = key.id;
    std::array<std::uint8_t, 32> digest_key{};
    for (const auto& [purpose, out] : {std::pair{kSealPurpose, std::span<std::uint8_t>(derived->seal)},
                                       std::pair{kDigestPurpose, std::span<std::uint8_t>(digest_key)},
                                       std::pair{kFingerprintPurpose, std::span<std::uint8_t>(derived->fingerprint)}}) {
      if (const auto done = derive(key.bytes, purpose, out); !done) return tl::unexpected(done.error());
    }
    crypto_auth_hmacsha256_init(&derived->digest, digest_key.data(), digest_key.size());
    sodium_memzero(digest_key.data(), digest_key.size());
    seals->keys_.push_back(std::move(derived));
  }
  return seals;
}

std::string KeySeals::seal(std::string_view context, std::string_view blob) {
  assert(blob.size() <= kMostBytes);
  const Derived& key = *keys_.back();
  std::string out(kOverhead + blob.size(), '\0');
  for (std::size_t i = 0; i < kIdBytes; ++i) out[i] = static_cast<char>((key.id.value >> (24 - 8 * i)) & 0xFFU);
  system::random_bytes({bytes(out, kIdBytes), kNonceBytes});
  const std::string bound = out.substr(0, kIdBytes).append(context);
  EVP_CIPHER_CTX* const aes = context_of_thread();
  const std::size_t text_at = kIdBytes + kNonceBytes;
  int wrote = 0;
  const bool sealed =
      EVP_EncryptInit_ex2(aes, cipher_->aes, key.seal.data(), bytes(out, kIdBytes), nullptr) == 1 &&
      EVP_EncryptUpdate(aes, nullptr, &wrote, bytes(bound), length(bound)) == 1 &&
      (blob.empty() || EVP_EncryptUpdate(aes, bytes(out, text_at), &wrote, bytes(blob), length(blob)) == 1) &&
      EVP_EncryptFinal_ex(aes, bytes(out, text_at + blob.size()), &wrote) == 1 &&
      EVP_CIPHER_CTX_ctrl(aes, EVP_CTRL_AEAD_GET_TAG, int{kTagBytes}, bytes(out, text_at + blob.size())) == 1;
  if (!sealed) std::abort();  // out of memory, or a bug: nothing may be stored in the clear instead
  return out;
}

Result<std::string> KeySeals::open(std::string_view context, std::string_view sealed) {
  const auto damaged = [] { return fail(FailureCode::damaged, "is not what was sealed here"); };
  const std::optional<KeyId> id = key_of(sealed);
  if (!id) return damaged();
  const Derived* const key = find(*id);
  if (key == nullptr) {
    return fail(FailureCode::conflict, fmt::format("is sealed under master key {}, which is not there", id->value));
  }
  const std::string_view text = sealed.substr(kIdBytes + kNonceBytes, sealed.size() - kOverhead);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  const std::string bound = std::string(sealed.substr(0, kIdBytes)).append(context);
  std::string out(text.size(), '\0');
  EVP_CIPHER_CTX* const aes = context_of_thread();
  int wrote = 0;
  unsigned char none = 0;
  const bool opened =
      EVP_DecryptInit_ex2(aes, cipher_->aes, key->seal.data(), bytes(sealed.substr(kIdBytes)), nullptr) == 1 &&
      EVP_DecryptUpdate(aes, nullptr, &wrote, bytes(bound), length(bound)) == 1 &&
      (text.empty() || EVP_DecryptUpdate(aes, bytes(out, 0), &wrote, bytes(text), length(text)) == 1) &&
      EVP_CIPHER_CTX_ctrl(aes, EVP_CTRL_AEAD_SET_TAG, int{kTagBytes}, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(aes, &none, &wrote) == 1;
  if (!opened) {
    sodium_memzero(out.data(), out.size());
    return damaged();
  }
  return out;
}

std::optional<KeyId> KeySeals::key_of(std::string_view sealed) const {
  if (sealed.size() < kOverhead) return std::nullopt;
  KeyId id;
  for (std::size_t i = 0; i < kIdBytes; ++i) id.value = (id.value << 8U) | static_cast<std::uint8_t>(sealed[i]);
  return id;
}

std::optional<Seals::Digest> KeySeals::digest(KeyId key, std::string_view text) {
  const Derived* const derived = find(key);
  if (derived == nullptr) return std::nullopt;
  crypto_auth_hmacsha256_state state = derived->digest;
  crypto_auth_hmacsha256_update(&state, bytes(text), text.size());
  Digest digest{};
  crypto_auth_hmacsha256_final(&state, digest.data());
  return digest;
}

const KeySeals::Derived* KeySeals::find(KeyId key) const {
  const auto found = std::ranges::find(keys_, key, [](const auto& one) { return one->id; });
  return found == keys_.end() ? nullptr : found->get();
}

KeyId KeySeals::current() const { return keys_.back()->id; }

std::vector<KeyId> KeySeals::keys() const {
  std::vector<KeyId> ids;
  ids.reserve(keys_.size());
  for (const auto& key : keys_) ids.push_back(key->id);
  return ids;
}

std::optional<KeyFingerprint8> KeySeals::fingerprint(KeyId key) const {
  const Derived* const derived = find(key);
  return derived == nullptr ? std::nullopt : std::optional(derived->fingerprint);
}

}  // namespace windfall::vault

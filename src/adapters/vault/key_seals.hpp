// Seals under the master keys: AES-256-GCM with random nonces, HMAC-SHA-256 for digests, each with a key of its own,
// derived from the master key. A random nonce is good for 2^32 blobs a key; an installation has some millions.
#pragma once

#include <memory>
#include <vector>

#include "adapters/vault/master_keys.hpp"
#include "application/port/seals.hpp"

namespace windfall::vault {

class KeySeals final : public Seals {
 public:
  /// unavailable: libcrypto lacks what is needed.
  static Result<std::unique_ptr<KeySeals>> make(const MasterKeys& keys);
  ~KeySeals() override;

  std::string seal(std::string_view context, std::string_view blob) override;
  Result<std::string> open(std::string_view context, std::string_view sealed) override;
  [[nodiscard]] std::optional<KeyId> key_of(std::string_view sealed) const override;
  std::optional<Digest> digest(KeyId key, std::string_view text) override;
  [[nodiscard]] KeyId current() const override;
  [[nodiscard]] std::vector<KeyId> keys() const override;
  [[nodiscard]] std::optional<KeyFingerprint8> fingerprint(KeyId key) const override;

 private:
  struct Derived;
  struct Cipher;
  KeySeals();
  [[nodiscard]] const Derived* find(KeyId key) const;

  std::unique_ptr<Cipher> cipher_;
  std::vector<std::unique_ptr<Derived>> keys_;  ///< ascending
};

}  // namespace windfall::vault

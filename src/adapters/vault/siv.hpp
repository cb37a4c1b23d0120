// AES-SIV (RFC 5297): deterministic authenticated encryption. Equal messages give equal bytes, and no altered byte
// opens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "domain/kernel/result.hpp"

struct evp_cipher_ctx_st;

namespace windfall::vault {

/// Thread-safe. A message costs about a microsecond: keying SIV costs three, so it is done once, and each message gets
/// a copy of the keyed context. (libcrypto can use one for many messages, but a message of less than 16 bytes spoils it
/// for the next.)
class Siv {
 public:
  static constexpr std::size_t kTagBytes = 16;
  using Associated = std::span<const std::string_view>;

  /// A key of 32 bytes is AES-128-SIV, one of 64 bytes AES-256-SIV. `associated` is authenticated with every message.
  /// invalid: another length. unavailable: libcrypto lacks it.
  static Result<std::unique_ptr<Siv>> make(std::span<const std::uint8_t> key, Associated associated);
  Siv(const Siv&) = delete;
  Siv& operator=(const Siv&) = delete;
  ~Siv();

  /// Tag and ciphertext. `message` is not empty.
  [[nodiscard]] std::string seal(std::string_view message);
  /// nullopt unless every bit is what seal() made.
  [[nodiscard]] std::optional<std::string> open(std::string_view sealed);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_cipher_ctx_st, Free>;
  Siv(Context sealing, Context opening) : sealing_(std::move(sealing)), opening_(std::move(opening)) {}

  static Context copy_of(const Context& prepared);

  Context sealing_;
  Context opening_;
};

}  // namespace windfall::vault

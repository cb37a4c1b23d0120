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

/// Of one thread. Keying SIV costs three microseconds, so it is done once; a message then costs half of one. A message
/// of less than 16 bytes would spoil libcrypto's context for the next: it gets a copy, which costs as much again.
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

  /// The keyed context, or where the message is too short for it a copy, kept alive by `copy`.
  static evp_cipher_ctx_st* context_for(const Context& keyed, std::size_t message, Context& copy);

  Context sealing_;
  Context opening_;
};

}  // namespace windfall::vault

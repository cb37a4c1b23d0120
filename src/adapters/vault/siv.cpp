#include "adapters/vault/siv.hpp"

#include <openssl/evp.h>

#include <array>
#include <cassert>
#include <cstdlib>

namespace windfall::vault {

namespace {

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
int length(std::string_view text) { return static_cast<int>(text.size()); }

/// A shorter message is padded in the context itself, which is of no use to the next one then.
constexpr std::size_t kShortestThatSpoilsNothing = 16;

/// Keyed, with the associated data taken in, for any number of messages.
bool prepare(EVP_CIPHER_CTX* context, const EVP_CIPHER* cipher, std::span<const std::uint8_t> key, int encrypts,
             Siv::Associated associated) {
  if (context == nullptr || EVP_CipherInit_ex2(context, cipher, key.data(), nullptr, encrypts, nullptr) != 1) {
    return false;
  }
  int wrote = 0;
  for (const std::string_view one : associated) {
    if (EVP_CipherUpdate(context, nullptr, &wrote, bytes(one), length(one)) != 1) return false;
  }
  return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_SET_SPEED, 1, nullptr) == 1;
}

}  // namespace

void Siv::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

Result<std::unique_ptr<Siv>> Siv::make(std::span<const std::uint8_t> key, Associated associated) {
  if (key.size() != 32 && key.size() != 64) return fail(FailureCode::invalid, "an AES-SIV key has 32 or 64 bytes");
  EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, key.size() == 32 ? "AES-128-SIV" : "AES-256-SIV", nullptr);
  Context sealing(EVP_CIPHER_CTX_new());
  Context opening(EVP_CIPHER_CTX_new());
  const bool ready = cipher != nullptr && prepare(sealing.get(), cipher, key, 1, associated) &&
                     prepare(opening.get(), cipher, key, 0, associated);
  EVP_CIPHER_free(cipher);  // the contexts keep it
  if (!ready) return fail(FailureCode::unavailable, "libcrypto has no AES-SIV");
  return std::unique_ptr<Siv>(new Siv(std::move(sealing), std::move(opening)));
}

Siv::~Siv() = default;

evp_cipher_ctx_st* Siv::context_for(const Context& keyed, std::size_t message, Context& copy) {
  if (message >= kShortestThatSpoilsNothing) return keyed.get();
  copy.reset(EVP_CIPHER_CTX_new());
  if (copy == nullptr || EVP_CIPHER_CTX_copy(copy.get(), keyed.get()) != 1) std::abort();  // no memory
  return copy.get();
}

std::string Siv::seal(std::string_view message) {
  assert(!message.empty());
  std::string out(kTagBytes + message.size(), '\0');
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  int wrote = 0;
  Context copy;
  EVP_CIPHER_CTX* const context = context_for(sealing_, message.size(), copy);
  const bool sealed = EVP_EncryptUpdate(context, to + kTagBytes, &wrote, bytes(message), length(message)) == 1 &&
                      EVP_EncryptFinal_ex(context, to + out.size(), &wrote) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, int{kTagBytes}, to) == 1;
  if (!sealed) std::abort();  // no memory
  return out;
}

std::optional<std::string> Siv::open(std::string_view sealed) {
  if (sealed.size() <= kTagBytes) return std::nullopt;
  std::array<char, kTagBytes> tag;
  sealed.copy(tag.data(), tag.size());
  const std::string_view text = sealed.substr(kTagBytes);
  std::string out(text.size(), '\0');
  unsigned char none = 0;
  int wrote = 0;
  Context copy;
  EVP_CIPHER_CTX* const context = context_for(opening_, text.size(), copy);
  const bool opened = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, int{kTagBytes}, tag.data()) == 1 &&
                      EVP_DecryptUpdate(context, reinterpret_cast<unsigned char*>(out.data()), &wrote, bytes(text),
                                        length(text)) == 1 &&
                      EVP_DecryptFinal_ex(context, &none, &wrote) == 1;
  if (!opened) return std::nullopt;
  return out;
}

}  // namespace windfall::vault

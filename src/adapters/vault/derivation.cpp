#include "adapters/vault/derivation.hpp"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <memory>
#include <string>

namespace windfall::vault {

Result<bool> derive(std::span<const std::uint8_t> master, std::string_view purpose, std::span<std::uint8_t> key) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> hkdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr), &EVP_KDF_free);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(hkdf.get()),
                                                                          &EVP_KDF_CTX_free);
  // The interface wants them mutable and does not change them.
  std::string digest = "SHA256";
  auto* secret = const_cast<std::uint8_t*>(master.data());
  auto* info = const_cast<char*>(purpose.data());
  const std::array<OSSL_PARAM, 4> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, master.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, purpose.size()), OSSL_PARAM_construct_end()};
  if (!context || EVP_KDF_derive(context.get(), key.data(), key.size(), parameters.data()) != 1) {
    return fail(FailureCode::unavailable, "libcrypto has no HKDF-SHA-256");
  }
  return true;
}

}  // namespace windfall::vault

#include "adapters/codec/audit_chain.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>

#include "adapters/codec/encoding.hpp"

namespace windfall::codec {

namespace {

/// Hashes fields with their lengths, so that no two rows hash the same bytes.
class FieldHash {
 public:
  FieldHash() { crypto_hash_sha256_init(&state_); }

  void add(std::int64_t number) {
    std::array<unsigned char, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(number) >> (8 * i));
    }
    crypto_hash_sha256_update(&state_, bytes.data(), bytes.size());
  }
  void add(std::string_view text) {
    add(static_cast<std::int64_t>(text.size()));
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  std::string digest() {
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> out{};
    crypto_hash_sha256_final(&state_, out.data());
    return to_hex(out);
  }

 private:
  crypto_hash_sha256_state state_{};
};

}  // namespace

std::string chain_of(std::string_view previous, std::int64_t seq, const AuditEntry& entry) {
  FieldHash hash;
  hash.add(previous);
  hash.add(seq);
  hash.add(entry.at.ms);
  hash.add(entry.actor);
  hash.add(entry.action);
  hash.add(entry.subject);
  hash.add(entry.subject_user ? fmt::format("{:016x}{:016x}", entry.subject_user->hi, entry.subject_user->lo)
                              : std::string{});
  hash.add(entry.before);
  hash.add(entry.after);
  hash.add(entry.reason);
  return hash.digest();
}

}  // namespace windfall::codec

#include "adapters/sqlite/audit_chain.hpp"

#include <sodium.h>

#include <array>

#include "adapters/sqlite/text.hpp"

namespace windfall::sqlite {

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
    return hex(out);
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
  hash.add(entry.subject_user ? hex(*entry.subject_user) : std::string{});
  hash.add(entry.before);
  hash.add(entry.after);
  hash.add(entry.reason);
  return hash.digest();
}

std::optional<std::int64_t> first_broken_row(Connection& connection, std::string_view genesis) {
  std::string chain{genesis};
  std::int64_t seq = 0;
  Rows rows =
      connection(
          "select seq, at, actor, action, subject, subject_user, before, after, reason, chain from audit order by seq")
          .select();
  while (rows.next()) {
    ++seq;
    const std::string actor = rows.text(2);
    const std::string action = rows.text(3);
    const std::string subject = rows.text(4);
    const std::string reason = rows.text(8);
    const AuditEntry entry{.at = Instant{rows.integer(1)},
                           .actor = actor,
                           .action = action,
                           .subject = subject,
                           .subject_user = rows.is_null(5) ? std::nullopt : std::optional{rows.user(5)},
                           .before = rows.text(6),
                           .after = rows.text(7),
                           .reason = reason};
    chain = chain_of(chain, seq, entry);
    if (rows.integer(0) != seq || rows.text(9) != chain) return seq;
  }
  Rows progress = connection("select audit, chain from progress").select();
  if (!progress.next() || progress.integer(0) != seq || progress.text(1) != chain) return seq + 1;
  return std::nullopt;
}

}  // namespace windfall::sqlite

// A gifticon code as a vault keeps it, whatever database that is: sealed, bound to its prize and ordinal, with a digest
// that tells whether the installation has it already. The context is part of the format: a row opens where it was
// sealed and nowhere else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "application/port/code_vault.hpp"
#include "application/port/seals.hpp"

namespace windfall::codec {

struct SealedCode {
  KeyId key;
  std::string sealed;  ///< without the id of its key, which has a column of its own
  Seals::Digest digest{};
};

/// A row as it was read; `key` is whatever stands there.
struct CodeRow {
  std::int64_t key = 0;
  std::string_view sealed;
  std::string_view digest;
};

[[nodiscard]] SealedCode seal_code(Seals& seals, const PrizeOfCodes& prize, std::uint64_t ordinal,
                                   std::string_view code);
/// damaged: the row is not what was written there. conflict: it is under a key that is not there. Messages name the
/// row.
Result<std::string> open_code(Seals& seals, const PrizeOfCodes& prize, std::uint64_t ordinal, const CodeRow& row);

/// That the key file holds the key that rows are recorded to be under. conflict: it does not, or another one of that
/// id; the message names both fingerprints and begins with `place`.
Result<bool> check_code_key(Seals& seals, KeyId id, std::string_view recorded_fingerprint, std::string_view place);

/// For messages: "codes: promotion p, prize q".
[[nodiscard]] std::string name_of(const PrizeOfCodes& prize);

template <class Bytes>
[[nodiscard]] std::string_view view_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace windfall::codec

#include "adapters/codec/sealed_code.hpp"

#include <fmt/format.h>

#include "adapters/codec/encoding.hpp"

namespace windfall::codec {

namespace {

/// A sealed blob starts with its key's id.
constexpr std::size_t kKeyIdBytes = 4;

std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t i = bytes; i-- > 0; value >>= 8U) out[i] = static_cast<char>(value & 0xFFU);
  return out;
}

/// What a row is bound to: put elsewhere, it does not open. Ids hold no NUL, so that no two places read alike.
std::string context_of(const PrizeOfCodes& prize, std::uint64_t ordinal) {
  std::string context = "windfall code";
  context.append(1, '\0').append(prize.promotion_id).append(1, '\0').append(prize.prize_id).append(1, '\0');
  return context + big_endian(ordinal, 8);
}

std::string hex_of(std::string_view bytes) {
  return to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace

std::string name_of(const PrizeOfCodes& prize) {
  return fmt::format("codes: promotion {}, prize {}", prize.promotion_id, prize.prize_id);
}

SealedCode seal_code(Seals& seals, const PrizeOfCodes& prize, std::uint64_t ordinal, std::string_view code) {
  const KeyId key = seals.current();
  return {.key = key,
          .sealed = seals.seal(context_of(prize, ordinal), code).substr(kKeyIdBytes),
          .digest = *seals.digest(key, code)};
}

Result<std::string> open_code(Seals& seals, const PrizeOfCodes& prize, std::uint64_t ordinal, const CodeRow& row) {
  const auto name = [&] { return fmt::format("{}, ordinal {}", name_of(prize), ordinal); };
  const auto damaged = [&] { return fail(FailureCode::damaged, name() + ": is not what was written there"); };
  if (row.key < 1 || row.key > std::int64_t{UINT32_MAX}) return damaged();
  const KeyId id{static_cast<std::uint32_t>(row.key)};
  Result<std::string> code =
      seals.open(context_of(prize, ordinal), big_endian(id.value, kKeyIdBytes).append(row.sealed));
  if (!code && code.error().code == FailureCode::conflict) {
    return fail(FailureCode::conflict, name() + ": " + code.error().message);
  }
  if (!code || view_of(*seals.digest(id, *code)) != row.digest) return damaged();
  return code;
}

Result<bool> check_code_key(Seals& seals, KeyId id, std::string_view recorded_fingerprint, std::string_view place) {
  const auto held = seals.fingerprint(id);
  if (!held) {
    return fail(FailureCode::conflict, fmt::format("{}: codes are sealed under master key {} (fingerprint {}), which "
                                                   "the key file does not hold",
                                                   place, id.value, hex_of(recorded_fingerprint)));
  }
  if (view_of(*held) != recorded_fingerprint) {
    return fail(FailureCode::conflict,
                fmt::format("{}: codes are sealed under master key {} with fingerprint {}; the key file holds another "
                            "one, with fingerprint {}",
                            place, id.value, hex_of(recorded_fingerprint), hex_of(view_of(*held))));
  }
  return true;
}

}  // namespace windfall::codec

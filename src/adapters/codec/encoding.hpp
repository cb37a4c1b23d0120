// Bytes as text and back: hex, base64url, UUID, percent-encoding. Strict: what these write is the one spelling of a
// value that they read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "domain/kernel/ids.hpp"

namespace windfall::codec {

using Bytes = std::span<const std::uint8_t>;

/// Lower-case hex.
[[nodiscard]] std::string to_hex(Bytes bytes);
/// nullopt for an odd length or anything but lower-case hex digits.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);

/// RFC 4648 section 5 without padding.
[[nodiscard]] std::string to_base64url(Bytes bytes);
/// nullopt for padding, other characters, an impossible length or unused bits that are not zero.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

using windfall::Uuid;
/// "0197901e-91a0-7cc5-98c4-2e1f0a8b9c3d"; 36 characters appended.
void append_uuid(std::string& out, const Uuid& uuid);
[[nodiscard]] std::string to_uuid_text(const Uuid& uuid);
/// nullopt unless it is lower-case 8-4-4-4-12 hex digits.
[[nodiscard]] std::optional<Uuid> from_uuid_text(std::string_view text);

/// Undoes percent-encoding; '+' stands for itself. nullopt if a '%' lacks its two hex digits. The result may be any
/// bytes.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
/// Encodes all but RFC 3986 unreserved characters.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// The bytes of a text, for the functions above.
[[nodiscard]] inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace windfall::codec

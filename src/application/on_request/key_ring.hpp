// Keys of operators and gateways. Only SHA-256 digests are kept; the list is the definition of the system partition.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

enum class Role : std::uint8_t { gateway, viewer, operator_, admin };

/// As written in the API: "gateway", "viewer", "operator", "admin".
[[nodiscard]] std::string_view name_of(Role role);
[[nodiscard]] std::optional<Role> role_named(std::string_view name);

struct Key {
  std::string id;
  std::string name;  ///< an operator's words, any text without line breaks
  Role role = Role::viewer;
  std::array<std::uint8_t, 32> digest{};
  Instant created;
};

/// One key a line: id, role, digest in hex, created in ms, name.
[[nodiscard]] std::string encode_keys(std::span<const Key> keys);
/// Failure damaged if the text is no such list.
[[nodiscard]] Result<std::vector<Key>> decode_keys(std::string_view text);

}  // namespace windfall

// Keys of operators and gateways. Only SHA-256 digests are kept.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/kernel/ids.hpp"

namespace windfall {

enum class Role : std::uint8_t { gateway, viewer, operator_, admin };

/// As written in the API: "gateway", "viewer", "operator", "admin".
[[nodiscard]] std::string_view name_of(Role role);
[[nodiscard]] std::optional<Role> role_named(std::string_view name);

struct Key {
  std::string id;
  std::string name;  ///< an operator's words
  Role role = Role::viewer;
  std::array<std::uint8_t, 32> digest{};
  Instant created;
};

}  // namespace windfall

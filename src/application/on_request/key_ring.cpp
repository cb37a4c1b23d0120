#include "application/on_request/key_ring.hpp"

namespace windfall {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::gateway:
      return "gateway";
    case Role::viewer:
      return "viewer";
    case Role::operator_:
      return "operator";
    case Role::admin:
      break;
  }
  return "admin";
}

std::optional<Role> role_named(std::string_view name) {
  for (const Role role : {Role::gateway, Role::viewer, Role::operator_, Role::admin}) {
    if (name_of(role) == name) return role;
  }
  return std::nullopt;
}

}  // namespace windfall

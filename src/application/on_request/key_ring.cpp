#include "application/on_request/key_ring.hpp"

#include <charconv>

namespace windfall {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";

std::optional<std::uint8_t> nibble(char c) {
  const std::size_t at = kHex.find(c);
  return at == std::string_view::npos ? std::nullopt : std::optional{static_cast<std::uint8_t>(at)};
}

std::string_view pop(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view front = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return front;
}

std::optional<Key> decode_line(std::string_view line) {
  Key key;
  key.id = pop(line, ' ');
  const std::optional<Role> role = role_named(pop(line, ' '));
  const std::string_view digest = pop(line, ' ');
  const std::string_view created = pop(line, ' ');
  key.name = line;
  if (key.id.empty() || !role || digest.size() != key.digest.size() * 2) return std::nullopt;
  key.role = *role;
  for (std::size_t i = 0; i < key.digest.size(); ++i) {
    const auto high = nibble(digest[2 * i]);
    const auto low = nibble(digest[(2 * i) + 1]);
    if (!high || !low) return std::nullopt;
    key.digest[i] = static_cast<std::uint8_t>((*high << 4U) | *low);
  }
  const auto [end, error] = std::from_chars(created.data(), created.data() + created.size(), key.created.ms);
  if (error != std::errc{} || end != created.data() + created.size()) return std::nullopt;
  return key;
}

}  // namespace

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

std::string encode_keys(std::span<const Key> keys) {
  std::string out;
  for (const Key& key : keys) {
    out += key.id;
    out += ' ';
    out += name_of(key.role);
    out += ' ';
    for (const std::uint8_t byte : key.digest) {
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
    out += ' ' + std::to_string(key.created.ms) + ' ' + key.name + '\n';
  }
  return out;
}

Result<std::vector<Key>> decode_keys(std::string_view text) {
  std::vector<Key> keys;
  while (!text.empty()) {
    std::optional<Key> key = decode_line(pop(text, '\n'));
    if (!key) return fail(FailureCode::damaged, "line " + std::to_string(keys.size() + 1) + " of the keys cannot be read");
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace windfall

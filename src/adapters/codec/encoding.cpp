#include "adapters/codec/encoding.hpp"

#include <algorithm>
#include <cstddef>

namespace windfall::codec {

namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr char kUpperHex[] = "0123456789ABCDEF";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Values of its characters by character, -1 of all others.
constexpr auto kBase64UrlValues = [] {
  std::array<std::int16_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64Url.size(); ++i) {
    values[static_cast<std::uint8_t>(kBase64Url[i])] = static_cast<std::int16_t>(i);
  }
  return values;
}();
/// Positions of the hyphens in a UUID's text.
constexpr std::array<std::size_t, 4> kHyphens{8, 13, 18, 23};
constexpr std::size_t kUuidText = 36;

/// Value of a lower-case hex digit, -1 if it is none.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

int any_hex_value(char c) { return c >= 'A' && c <= 'F' ? c - 'A' + 10 : hex_value(c); }

char joined(int high, int low) { return static_cast<char>(static_cast<std::uint8_t>((high << 4) | low)); }

}  // namespace

std::string to_hex(Bytes bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += kHex[byte >> 4U];
    out += kHex[byte & 0x0FU];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += joined(high, low);
  }
  return out;
}

std::string to_base64url(Bytes bytes) {
  std::string out;
  out.reserve(((bytes.size() * 4) + 2) / 3);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const std::uint8_t byte : bytes) {
    bits = (bits << 8U) | byte;
    for (held += 8; held >= 6;) {
      held -= 6;
      out += kBase64Url[(bits >> held) & 63U];
    }
  }
  if (held > 0) out += kBase64Url[(bits << (6 - held)) & 63U];
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out(text.size() * 3 / 4, '\0');
  auto to = out.begin();
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const int value = kBase64UrlValues[static_cast<std::uint8_t>(c)];
    if (value < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      *to++ = static_cast<char>(static_cast<std::uint8_t>(bits >> held));
    }
  }
  if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;
  return out;
}

namespace {

std::array<char, kUuidText> uuid_text(const Uuid& uuid) {
  std::array<char, kUuidText> text;
  char* at = text.data();
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    *at++ = kHex[uuid[i] >> 4U];
    *at++ = kHex[uuid[i] & 0x0FU];
  }
  return text;
}

}  // namespace

void append_uuid(std::string& out, const Uuid& uuid) {
  const std::array<char, kUuidText> text = uuid_text(uuid);
  out.append(text.data(), text.size());
}

std::string to_uuid_text(const Uuid& uuid) {
  const std::array<char, kUuidText> text = uuid_text(uuid);
  return {text.data(), text.size()};
}

std::optional<Uuid> from_uuid_text(std::string_view text) {
  if (text.size() != kUuidText) return std::nullopt;
  for (const std::size_t hyphen : kHyphens) {
    if (text[hyphen] != '-') return std::nullopt;
  }
  Uuid uuid{};
  std::size_t at = 0;
  for (std::uint8_t& byte : uuid) {
    if (text[at] == '-') ++at;
    const int high = hex_value(text[at]);
    const int low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    byte = static_cast<std::uint8_t>((high << 4) | low);
    at += 2;
  }
  return uuid;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::size_t i = std::min(text.find('%'), text.size());
  std::string out(text.substr(0, i));
  for (; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = any_hex_value(text[i + 1]);
    const int low = any_hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += joined(high, low);
    i += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    out += '%';
    out += kUpperHex[byte >> 4U];
    out += kUpperHex[byte & 0x0FU];
  }
  return out;
}

}  // namespace windfall::codec

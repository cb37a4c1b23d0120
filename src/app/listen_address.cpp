#include "app/listen_address.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace windfall::app {

namespace {

/// RFC 1035: the longest name, and the longest part between two dots.
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;

bool is_v6(std::string_view text) {
  // Link-local addresses name their interface: fe80::1%eth0.
  const std::string address(text.substr(0, text.find('%')));
  in6_addr bytes{};
  return !text.ends_with('%') && inet_pton(AF_INET6, address.c_str(), &bytes) == 1;
}

bool is_v4(std::string_view text) {
  in_addr bytes{};
  return inet_pton(AF_INET, std::string(text).c_str(), &bytes) == 1;
}

/// A host name, or an IPv4 address: what is made of numbers alone would be found out as none only when it is bound,
/// with a data directory made for nothing. Underscores are no host name's, but container networks use them.
bool is_name(std::string_view text) {
  if (text.size() > kMaxName) return false;
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return is_v4(text);
  std::size_t label = 0;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (c == '.' ? label == 0 : !letter && (c != '-' || label == 0)) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > kMaxLabel) return false;
  }
  return label > 0 && !text.ends_with('-');
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    return fail(FailureCode::invalid, "'" + std::string(text) + "' " + std::string(what));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong("is not HOST:PORT");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.find_first_of("[]:") != std::string_view::npos) {
    if (!host.starts_with('[') || !host.ends_with(']')) return wrong("is not HOST:PORT or [IPv6]:PORT");
    host = host.substr(1, host.size() - 2);
    if (!is_v6(host)) return wrong("has no IPv6 address in its brackets");
  } else if (!is_name(host)) {
    return wrong("has no valid host");
  }
  ListenAddress address{.host = std::string(host)};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return fail(FailureCode::invalid, "'" + std::string(digits) + "' is not a port (0..65535)");
  }
  address.loopback = host == "localhost" || host == "::1" || (is_v4(host) && host.starts_with("127."));
  return address;
}

}  // namespace windfall::app

#include "app/public_url.hpp"

#include <algorithm>

#include "app/listen_address.hpp"

namespace windfall::app {

namespace {

/// Links with more are cut by messengers.
constexpr std::size_t kMaxLength = 512;
/// What a URL's path may hold unescaped beside letters and digits (RFC 3986 pchar, and '/').
constexpr std::string_view kPathMarks = "/-._~!$&'()*+,;=:@%";

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool valid_path(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!is_alphanumeric(path[i]) && kPathMarks.find(path[i]) == std::string_view::npos) return false;
    if (path[i] == '%' && (i + 2 >= path.size() || !is_hex(path[i + 1]) || !is_hex(path[i + 2]))) return false;
  }
  return true;
}

}  // namespace

Result<std::string> parse_public_url(std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    return fail(FailureCode::invalid, "'" + std::string(text) + "' " + std::string(what));
  };
  std::string_view url = text;
  if (url.size() > kMaxLength) return wrong("is longer than " + std::to_string(kMaxLength) + " bytes");
  std::string_view authority;
  if (url.starts_with("https://")) {
    authority = url.substr(8);
  } else if (url.starts_with("http://")) {
    authority = url.substr(7);
  } else {
    return wrong("must begin with https:// (or http://)");
  }
  if (url.find_first_of("?#") != std::string_view::npos) return wrong("must have no query and no fragment");
  const std::size_t slash = authority.find('/');
  const std::string_view path = slash == std::string_view::npos ? std::string_view{} : authority.substr(slash);
  authority = authority.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) return wrong("must name no user");
  // A port is optional here, and 0 names none.
  const bool has_port = authority.rfind(':') != std::string_view::npos && !authority.ends_with(']');
  const Result<ListenAddress> host = parse_listen_address(std::string(authority) + (has_port ? "" : ":443"));
  if (!host || host->port == 0) return wrong("has no valid HOST or HOST:PORT");
  if (!valid_path(path)) return wrong("has a path with characters that must be percent-encoded");
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

}  // namespace windfall::app

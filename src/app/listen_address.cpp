#include "app/listen_address.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace windfall::app {

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return fail(FailureCode::invalid, "'" + std::string(text) + "' is not HOST:PORT");
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  ListenAddress address{.host = std::string(host)};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return fail(FailureCode::invalid, "'" + std::string(digits) + "' is not a port (0..65535)");
  }
  in_addr v4{};
  const bool is_v4 = inet_pton(AF_INET, address.host.c_str(), &v4) == 1;
  address.loopback = host == "localhost" || host == "::1" || (is_v4 && (ntohl(v4.s_addr) >> 24U) == 127);
  return address;
}

}  // namespace windfall::app

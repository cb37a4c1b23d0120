// "HOST:PORT" as flags and files give it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/kernel/result.hpp"

namespace windfall::app {

struct ListenAddress {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
  bool loopback = false;  ///< localhost, 127.0.0.0/8, ::1
  /// As it stands in a URL.
  [[nodiscard]] std::string shown_host() const { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }
};

/// Failure invalid: says what is wrong.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace windfall::app

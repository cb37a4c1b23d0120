// Where requests go: an http URL, resolved once, so that connecting never waits for names.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <string>
#include <string_view>

#include "domain/kernel/result.hpp"

namespace windfall::load {

struct Target {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string authority;  ///< as the Host header has it
  std::string path;       ///< what followed the authority, without a final slash; may be empty
};

/// "http://host[:port][/path]". Failure: invalid (no such URL, or https, which this does not speak), unavailable (the
/// name does not resolve).
Result<Target> resolve(std::string_view url);

/// A connected socket that blocks, with TCP_NODELAY, or -1: refused, or no answer within `patience`.
int connect_to(const Target& target, std::chrono::milliseconds patience);

}  // namespace windfall::load

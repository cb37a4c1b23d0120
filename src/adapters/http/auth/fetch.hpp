// One GET of a small document, for keys that have to come from whom they should come from: over TLS, or from this
// machine.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/kernel/result.hpp"

namespace windfall::http {

/// The URL as it will be fetched. It must be https, or http to a loopback host ("localhost", 127.0.0.0/8, ::1), without
/// user and password. Failure: invalid, naming what is wrong.
Result<std::string> checked_key_url(std::string_view url);

struct FetchLimits {
  std::size_t bytes = 0;                    ///< of the body
  std::int64_t timeout_ms = 0;              ///< of the whole exchange
  const std::atomic<bool>* stop = nullptr;  ///< ends the exchange within a second or so once true; may be null
};

/// The body of a 200. No redirect is followed, no proxy of the environment used. Failure: unavailable. Blocks; safe
/// from any thread.
Result<std::string> fetch(const std::string& checked_url, const FetchLimits& limits);

}  // namespace windfall::http

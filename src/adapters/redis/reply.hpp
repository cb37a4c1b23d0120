// One reply of a Redis server, whole. What the client hands out and what the codecs of commits and streams read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace windfall::redis {

struct Reply {
  enum class Type : std::uint8_t { nil, integer, simple, error, bulk, array };
  Type type = Type::nil;
  std::int64_t number = 0;   ///< of an integer
  std::string text;          ///< of a simple string, an error (with its code, "MOVED 1234 host:port") or a bulk string
  std::vector<Reply> items;  ///< of an array
};

/// A command with its arguments, as bytes; views are read during the call that takes them.
using Arguments = std::vector<std::string>;

}  // namespace windfall::redis

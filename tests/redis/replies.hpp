// Replies as tests write them down, and commands as the client wrote them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "adapters/redis/reply.hpp"

namespace windfall::redis {

inline Reply integer(std::int64_t number) {
  Reply reply;
  reply.type = Reply::Type::integer;
  reply.number = number;
  return reply;
}

inline Reply text(Reply::Type type, std::string content) {
  Reply reply;
  reply.type = type;
  reply.text = std::move(content);
  return reply;
}

inline Reply bulk(std::string content) { return text(Reply::Type::bulk, std::move(content)); }
inline Reply simple(std::string content) { return text(Reply::Type::simple, std::move(content)); }
inline Reply error(std::string content) { return text(Reply::Type::error, std::move(content)); }

inline Reply list(std::vector<Reply> items) {
  Reply reply;
  reply.type = Reply::Type::array;
  reply.items = std::move(items);
  return reply;
}

/// "[:1 $abc -ERR no _]": a reply on one line.
inline std::string show(const Reply& reply) {
  switch (reply.type) {
    case Reply::Type::nil:
      return "_";
    case Reply::Type::integer:
      return ":" + std::to_string(reply.number);
    case Reply::Type::simple:
      return "+" + reply.text;
    case Reply::Type::error:
      return "-" + reply.text;
    case Reply::Type::bulk:
      return "$" + reply.text;
    case Reply::Type::array: {
      std::string line = "[";
      for (const Reply& item : reply.items) line += (line.size() > 1 ? " " : "") + show(item);
      return line + "]";
    }
  }
  return "?";
}

}  // namespace windfall::redis

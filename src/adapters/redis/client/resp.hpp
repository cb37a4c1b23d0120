// The Redis protocol as bytes: replies parsed as they arrive, in pieces of any size, and commands written. RESP2 and
// RESP3 are understood; what RESP3 adds is mapped onto `Reply`, so that nobody behind the client has to know which of
// them was spoken.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/reply.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// Lists within lists. Redis' own deepest answer, COMMAND DOCS, has 9; ours have 4.
inline constexpr std::size_t kMostReplyDepth = 16;
/// One reply with all its parts. Far above a batch of the outbox (a few MB), far below what would hurt the process;
/// the server's own limit of 512 MB would be half of a small machine.
inline constexpr std::size_t kMostReplyBytes = 64 * 1024 * 1024;
/// Elements of one reply, at every depth together: an element is 64 bytes of memory here for 3 bytes on the wire.
inline constexpr std::size_t kMostReplyItems = 1024 * 1024;
/// A line: a simple string, an error or a length. Redis cuts its errors far below.
inline constexpr std::size_t kMostReplyLine = 64 * 1024;

/// What RESP3 adds becomes: booleans 1 and 0; doubles, big numbers and verbatim strings (without their format) bulk
/// strings; blob errors errors; sets arrays; maps arrays of twice the length, key before value, which is what RESP2
/// sends. Attributes and pushes are out of band and dropped: nothing here subscribes to anything.
class ReplyParser {
 public:
  void feed(std::string_view bytes);

  /// The next whole reply; none until more is fed. damaged: these bytes are not the protocol, or a reply is beyond a
  /// limit; nothing after it can be read, and every further call says the same.
  Result<std::optional<Reply>> next();

 private:
  enum class Ends : unsigned char { reply, dropped };
  /// A list that is being filled.
  struct List {
    Reply reply;
    std::size_t missing;
    Ends ends = Ends::reply;
  };
  enum class Step : unsigned char { more, whole, starved };

  Step step();
  bool take_line(std::string_view& line);
  Step take_bulk();
  Step read_line(std::string_view line);
  Step begin_bulk(Reply::Type type, std::string_view length, std::size_t skipped);
  Step begin_list(std::string_view length, std::size_t per_item, Ends ends);
  Step finish(Reply value);
  Step refuse(std::string why);

  std::string buffer_;
  std::size_t position_ = 0;  ///< first byte not read yet
  std::size_t searched_ = 0;  ///< up to here there is no end of the present line
  struct Bulk {
    Reply::Type type;
    std::size_t length;
    std::size_t skipped;  ///< leading bytes that are not content
  };
  std::optional<Bulk> bulk_;  ///< whose length is read, not its bytes
  std::vector<List> open_;    ///< innermost last
  std::size_t bytes_ = 0;     ///< of the present reply
  std::size_t items_ = 0;
  Reply whole_;
  std::optional<Failure> broken_;
};

/// Appends a command as an array of bulk strings.
void append_command(std::string& out, const Arguments& command);

}  // namespace windfall::redis

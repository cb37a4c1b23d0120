// The identity of a command that its caller may repeat.
#pragma once

#include <cstdint>
#include <string_view>

#include "domain/kernel/ids.hpp"

namespace windfall::codec {

/// What an Idempotency-Key is scoped by. `caller` must tell kinds of callers apart as well ("user:42", "key:42").
struct CommandScope {
  std::string_view caller;
  std::string_view method;
  std::string_view path;
  std::string_view key;
};

/// BLAKE2b-128 over the parts, each with its length before it: no caller can make a command that hashes as another's.
[[nodiscard]] CommandHash command_hash(const CommandScope& scope);

/// XXH3-64 of a body: tells an honest repetition from another request under the same key. Not a defence; a caller who
/// makes two of its own bodies collide only gets its first answer again.
[[nodiscard]] std::uint64_t body_fingerprint(std::string_view body);

/// The same of a body that comes in pieces.
class BodyFingerprint {
 public:
  BodyFingerprint();
  ~BodyFingerprint();
  BodyFingerprint(const BodyFingerprint&) = delete;
  BodyFingerprint& operator=(const BodyFingerprint&) = delete;
  void add(std::string_view piece);
  [[nodiscard]] std::uint64_t value() const;

 private:
  void* state_;
};

}  // namespace windfall::codec

// Every fact that Windfall keeps. The hot state is the fold of changes(event) over the log; ledgers, effects and audit
// are projections of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "domain/kernel/ids.hpp"

namespace windfall {

/// A client's command that may be repeated: its identity and the fingerprint of the body it came with.
struct Command {
  CommandHash hash;
  std::uint64_t fingerprint = 0;
};

/// What is remembered of an accepted command for at least 24 hours, enough to give the same answer byte for byte.
struct CommandRecord {
  CommandHash hash;
  std::uint64_t fingerprint = 0;
  Sequence sequence;
  Instant time;
  std::array<std::int64_t, 2> shown{};  ///< what the answer showed and later events may change
};

/// Who changed something, and why. Stands in every event that an operator causes.
struct Audit {
  std::string actor;   ///< id of the key used, or "system"
  std::string action;  ///< the operation's name, as in the API description
  std::string reason;  ///< the operator's words; may be empty where none is asked
};

/// A user joined a daily promotion. One accrual of `amount` follows, unless the promotion is in TEST mode.
struct Participated {
  UserRef user;
  LocalDay day;               ///< date in the promotion's zone
  std::uint32_t day_index{};  ///< days since the promotion's start
  Amount amount = 0;
  bool test = false;
};

/// A promotion was created or its definition changed. The first event of a partition is always this one.
struct DefinitionChanged {
  std::string id;          ///< the promotion's id
  std::string definition;  ///< encoded by the definition codec; opaque here
  Audit audit;
};

/// The red button.
struct PausedAll {
  bool paused = false;
  Audit audit;
};

/// A user was put on, or taken off, the block list.
struct UserBlocked {
  UserRef user;
  bool blocked = false;
  Audit audit;
};

/// A key was made or withdrawn. Secrets are never kept, only their SHA-256.
struct KeyChanged {
  std::string key_id;
  std::string keys;  ///< all keys from now on, encoded; the definition of the system partition
  Audit audit;
};

/// The answer to an operator's command, kept so that its repetition gives the same bytes.
struct AnswerKept {
  int status = 0;
  std::string headers;  ///< as sent: "Name: value\r\n" lines
  std::string body;
};

/// The end of an effect's life; a source of truth, since a rebuilt ledger must not pay again.
struct EffectSettled {
  std::array<std::uint8_t, 16> effect{};  ///< id of the effect = idempotency key at the partner
  enum class Outcome : std::uint8_t { done, dead, redriven } outcome = Outcome::done;
  std::string detail;  ///< last error of a dead effect
};

/// An operator did something that changes no hot state (a repair, an export, a redrive); kept for the audit.
struct Audited {
  Audit audit;
  std::string subject;  ///< what it was done to
};

/// A person was erased: every identity record with this reference reads as zeros from here on.
struct UserErased {
  UserRef user;
  Audit audit;
};

using Event = std::variant<Participated, DefinitionChanged, PausedAll, UserBlocked, KeyChanged, AnswerKept,
                           EffectSettled, Audited, UserErased>;

/// An event as it stands in the log.
struct Recorded {
  PartitionNo partition;
  Epoch epoch;
  Sequence sequence;
  Instant time;
  Revision revision;  ///< of the definition under which it was decided; of itself for a definition
  std::optional<Command> command;
  Event event;
};

}  // namespace windfall

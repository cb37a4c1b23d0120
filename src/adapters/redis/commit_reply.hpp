// What the script answers, as values: verdicts, and the header as it is now.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/commit_call.hpp"
#include "adapters/redis/reply.hpp"
#include "domain/kernel/proposal.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// What a partition knows of itself.
struct Header {
  Epoch epoch;
  Sequence sequence;            ///< of the last event, 0 before the first
  Revision revision;            ///< 0 before the first definition
  std::optional<Instant> time;  ///< of the last event
  Instant created;              ///< of the first definition; 0 before it
  Instant modified;             ///< of the last definition
  std::uint32_t buckets = 1;
  std::map<std::string, std::int64_t, std::less<>> counters;  ///< by counter_name()

  /// Of a counter that in_header() says to stand here.
  [[nodiscard]] std::int64_t counter(const CounterKey& key) const;
};

/// Failure damaged unless it is a header as the script writes it.
[[nodiscard]] Result<Header> read_header(std::string_view text);
/// The reply to GET of a header; nullopt if there is none.
[[nodiscard]] Result<std::optional<Header>> read_header(const Reply& reply);

struct CommitReply {
  enum class Outcome : std::uint8_t {
    decided,
    fenced,      ///< the header is missing, of another epoch, or behind what was seen: no verdict, and never a refusal
    overloaded,  ///< the outbox is full: nothing happened
  } outcome = Outcome::decided;
  std::optional<Header> header;           ///< after the call; nullopt = missing
  std::vector<Result<Verdict>> verdicts;  ///< one per submission, if decided; Failure invalid: a counter would leave
                                          ///< the exact integers, and nothing of this proposal was done
};

/// Reads the reply to commit_call() of these submissions. Failure unavailable for an error reply, after which nothing
/// was written unless the message tells of the connection; damaged if the reply is not of the script's making.
[[nodiscard]] Result<CommitReply> read_commit_reply(const Reply& reply, std::span<const Submission* const> submissions);

/// What the script keeps of an accepted command.
[[nodiscard]] std::string text_of(const CommandRecord& record);
[[nodiscard]] Result<CommandRecord> read_command_record(CommandHash hash, std::string_view text);

}  // namespace windfall::redis

// Reading a partition without deciding: values of counters and sets, accepted commands, the header. Plain commands to
// be sent together on one connection; each of them is atomic, all of them are not, so what they say only prepares a
// proposal, whose guards see to the rest, or is what somebody sees at a moment.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/redis/commit_reply.hpp"
#include "adapters/redis/layout.hpp"
#include "adapters/redis/reply.hpp"
#include "domain/kernel/proposal.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// GET of a partition's header, for read_header().
[[nodiscard]] Arguments header_call(std::string_view prefix);
/// GET of the definition in force in that epoch: a bulk string, or nil before the first one.
[[nodiscard]] Arguments definition_call(const Place& place);

/// Looks at one partition.
class LookCall {
 public:
  /// Failure invalid for a look at another partition, or at what no encoding holds.
  [[nodiscard]] static Result<LookCall> make(const Place& place, PartitionNo partition, std::span<const Look> looks);

  /// To be sent in this order.
  [[nodiscard]] const std::vector<Arguments>& commands() const { return commands_; }

  struct Values {
    Header header;
    std::vector<std::int64_t> values;  ///< in the order of the looks
  };
  /// Replies as commands() stand. Failures: not_found if the partition has no header, conflict if another epoch is in
  /// force (read the header, and ask again there), unavailable for an error reply, damaged.
  [[nodiscard]] Result<Values> read(std::span<const Reply> replies) const;

 private:
  struct Source {
    std::size_t command = 0;  ///< 0 = the header
    std::size_t field = 0;    ///< index of its first field
  };
  struct Wanted {
    Look look;
    Source source;
  };
  Source field_of(const std::string& key, const std::string& field);
  Source source_of(const Place& place, const Look& look);

  Epoch epoch_;
  std::vector<Arguments> commands_;
  std::vector<Wanted> wanted_;
};

/// Whether a command was accepted: what commands to send, and what their replies say.
[[nodiscard]] std::vector<Arguments> accepted_call(const Place& place, CommandHash hash);
/// The record, if it is younger than a day by the partition's time, which is `now` or later. Failures as
/// LookCall::read().
[[nodiscard]] Result<std::optional<CommandRecord>> read_accepted(const Place& place, CommandHash hash, Instant now,
                                                                 std::span<const Reply> replies);

}  // namespace windfall::redis

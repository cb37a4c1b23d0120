// Proposals of one partition as one call of the script. A proposal is prepared when it comes, whatever else its turn
// brings; what a turn has prepared for a partition becomes one FCALL, decided in this order and atomically.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/redis/layout.hpp"
#include "adapters/redis/plan_text.hpp"
#include "adapters/redis/reply.hpp"
#include "domain/kernel/proposal.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// Proposals of one call. Twice of what a busy turn holds; a call of so many joins takes about a millisecond, for which
/// the server does nothing else.
inline constexpr std::size_t kMaxProposalsPerCall = 128;

/// Entries of an outbox above which nothing is accepted any more: the relay has been away for minutes. At sixteen joins
/// an entry these are 1.6 million events, some 250 MB.
inline constexpr std::uint64_t kMaxOutboxEntries = 100'000;

/// A proposal, ready to be sent; needs the proposal no longer.
struct Submission {
  PlanText plan;
  std::optional<Command> command;
  std::string payload;  ///< for the outbox
  Revision revision;
  std::size_t takes = 0;
  std::size_t looks = 0;
  std::size_t events = 0;
};

/// `payload` is outbox_payload() of the proposal. Failure invalid as plan_of() has it.
[[nodiscard]] Result<Submission> prepare(const Proposal& proposal, std::string payload);

struct CommitTerms {
  Sequence seen;  ///< of the partition, as far as this process knows it to be replicated; behind it = fenced
  std::optional<Instant> now;  ///< nullopt: the server's clock
  std::uint64_t outbox_limit = kMaxOutboxEntries;
};

/// FCALL commit_5. At least one submission, at most kMaxProposalsPerCall, all of the place's partition.
[[nodiscard]] Arguments commit_call(const Place& place, std::span<const Submission* const> submissions,
                                    const CommitTerms& terms);

}  // namespace windfall::redis

// One leader among several processes, by a lease in Redis that has to be renewed, with a fencing token that grows with
// every new holder: whoever writes with a token older than one seen before is a leader of the past.
//
// A lease bounds time, not truth: its holder may be stopped for as long as the lease and wake up believing in it. What
// must not be done twice has to be guarded by the token or to be idempotent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "adapters/redis/client/client.hpp"
#include "application/port/clock.hpp"
#include "application/port/task.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// Grows with every holder of a lease; never 0.
struct FencingToken {
  std::uint64_t value = 0;
  auto operator<=>(const FencingToken&) const = default;
};

struct LeaseSettings {
  std::string name;               ///< "batch"; its keys are "{windfall}:lease:batch" and "...:token"
  std::int64_t life_ms = 10'000;  ///< renew about three times within it
};

/// Loop thread only; one call at a time.
class Lease {
 public:
  /// `client` and `clock` outlive it.
  Lease(Client& client, const Clock& clock, LeaseSettings settings);

  /// Takes the lease if nobody has it. The token, or none: somebody else has it. Failure: unavailable; if the lease was
  /// taken unheard, it runs out by itself.
  Task<Result<std::optional<FencingToken>>> acquire();
  /// Lengthens the lease; false: it is not ours any more.
  Task<Result<bool>> renew();
  /// Gives it back, if it is ours still; false: it was not.
  Task<Result<bool>> release();

  /// The token while the lease is certainly ours: its life counts from before the request for it was sent.
  [[nodiscard]] std::optional<FencingToken> held() const;

 private:
  Task<Result<std::int64_t>> run(std::string script, Arguments more);

  Client& client_;
  const Clock& clock_;
  const LeaseSettings settings_;
  const std::string key_;
  std::string owner_;  ///< of the present term: who took it, and the token
  FencingToken token_;
  std::int64_t until_ms_ = 0;  ///< monotonic
};

}  // namespace windfall::redis

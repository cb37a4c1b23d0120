#include "adapters/redis/client/lease.hpp"

#include <fmt/format.h>

#include <utility>

#include "adapters/redis/client/holder.hpp"

namespace windfall::redis {

namespace {

// The value says who holds it and for which term, so that a holder of an earlier term can neither renew nor release.
constexpr const char* kAcquire = R"(
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. token, 'PX', ARGV[2])
return token
)";

constexpr const char* kRenew = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
)";

/// As an end of life: over, whatever the clock says.
constexpr std::int64_t kGivenBack = 0;

}  // namespace

Lease::Lease(Client& client, const Clock& clock, LeaseSettings settings)
    : client_(client), clock_(clock), settings_(std::move(settings)), key_("{windfall}:lease:" + settings_.name) {}

// Confirmed by the replicas: a lease that a failover forgets would have two holders, and a token that it forgets would
// be given out twice.
Task<Result<std::int64_t>> Lease::run(std::string script, Arguments more) {
  Arguments command{"EVAL", std::move(script), "2", key_, key_ + ":token"};
  command.insert(command.end(), more.begin(), more.end());
  Task<Result<Reply>> calling = client_.call_durable(key_, std::move(command));
  const Result<Reply> reply = co_await calling;
  if (!reply) co_return tl::unexpected(reply.error());
  if (reply->type != Reply::Type::integer) {
    co_return fail(FailureCode::unavailable, fmt::format("the lease {}: Redis says {}", settings_.name, reply->text));
  }
  co_return reply->number;
}

Task<Result<std::optional<FencingToken>>> Lease::acquire() {
  const std::int64_t sent_ms = clock_.monotonic_ms();
  const std::string candidate = make_holder();
  Arguments more{candidate, std::to_string(settings_.life_ms)};
  Task<Result<std::int64_t>> running = run(kAcquire, std::move(more));
  const Result<std::int64_t> token = co_await running;
  if (!token) co_return tl::unexpected(token.error());
  if (*token == 0) co_return std::optional<FencingToken>();
  owner_ = fmt::format("{}:{}", candidate, *token);
  token_ = FencingToken{static_cast<std::uint64_t>(*token)};
  until_ms_ = sent_ms + settings_.life_ms;
  co_return std::optional<FencingToken>(token_);
}

Task<Result<bool>> Lease::renew() {
  const std::int64_t sent_ms = clock_.monotonic_ms();
  Arguments more{owner_, std::to_string(settings_.life_ms)};
  Task<Result<std::int64_t>> running = run(kRenew, std::move(more));
  const Result<std::int64_t> renewed = co_await running;
  if (!renewed) co_return tl::unexpected(renewed.error());  // what is left of its life still counts
  // Given back meanwhile: what was renewed before that is not ours.
  const bool ours = *renewed == 1 && until_ms_ != kGivenBack;
  until_ms_ = ours ? sent_ms + settings_.life_ms : kGivenBack;
  co_return ours;
}

Task<Result<bool>> Lease::release() {
  until_ms_ = kGivenBack;
  Arguments more{owner_};
  Task<Result<std::int64_t>> running = run(kGiveBackIfHeld, std::move(more));
  const Result<std::int64_t> released = co_await running;
  if (!released) co_return tl::unexpected(released.error());
  co_return *released == 1;
}

std::optional<FencingToken> Lease::held() const {
  if (clock_.monotonic_ms() >= until_ms_) return std::nullopt;
  return token_;
}

}  // namespace windfall::redis

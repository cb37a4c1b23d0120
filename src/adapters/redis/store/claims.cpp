#include "adapters/redis/store/claims.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace windfall::redis {

namespace {

/// claim: KEYS the claim; ARGV the new one, and the one that it may replace ('' = only where there is none).
/// fence: KEYS a header; ARGV an epoch and a sequence that was confirmed in it.
/// enter: KEYS a header, and the newest epoch that anybody has begun to fill; ARGV an epoch. {'entered', epoch before
/// or
///   ''}, {'fenced', the header that is in force}, or {'late', that newest epoch}.
/// force: KEYS those two and the filled header; ARGV that epoch, and the sequence to which it must have been filled: a
///   failover may have lost some of it. {'forced', header}, or as enter.
constexpr std::string_view kLibrary = R"lua(#!lua name=windfall_claims_3
redis.register_function('claim_3', function(keys, args)
  local there = redis.call('GET', keys[1])
  if there and (args[2] == '' or there ~= args[2]) then return there end
  redis.call('SET', keys[1], args[1])
  return args[1]
end)
redis.register_function('fence_3', function(keys, args)
  local there = redis.call('GET', keys[1])
  if not there then return 1 end
  local epoch, sequence = string.match(there, '^(%S*) (%S*)')
  if epoch ~= args[1] or tonumber(sequence) >= tonumber(args[2]) then return 0 end
  redis.call('DEL', keys[1])
  return 1
end)
redis.register_function('enter_3', function(keys, args)
  local newest = redis.call('GET', keys[2]) or ''
  if newest ~= '' and tonumber(newest) >= tonumber(args[1]) then return {'late', newest} end
  local there = redis.call('GET', keys[1])
  if there then return {'fenced', there} end
  redis.call('SET', keys[2], args[1])
  return {'entered', newest}
end)
redis.register_function('force_3', function(keys, args)
  local newest = redis.call('GET', keys[2]) or ''
  if newest ~= args[1] then return {'late', newest} end
  local there = redis.call('GET', keys[1])
  if there then return {'fenced', there} end
  local filled = redis.call('GET', keys[3])
  if not filled or string.match(filled, '^%S+ (%S+)') ~= args[2] then return {'late', newest} end
  redis.call('RENAME', keys[3], keys[1])
  return {'forced', filled}
end)
)lua";

std::string text_of(const Claim& claim) { return fmt::format("{} {}", claim.at_ms, claim.promotion_id); }

std::optional<Claim> claim_in(std::string_view text) {
  Claim claim;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), claim.at_ms);
  if (error != std::errc{} || end == text.data() + text.size() || *end != ' ') return std::nullopt;
  claim.promotion_id = text.substr(static_cast<std::size_t>(end - text.data()) + 1);
  return claim;
}

}  // namespace

std::string_view claims_library_text() { return kLibrary; }

Task<Result<Claim>> claim(FunctionLibrary& library, UserRef user, std::string promotion_id, std::int64_t now_ms,
                          std::optional<Claim> taken_over) {
  // A tag of the user's own, so that claims spread over all nodes.
  std::string key = fmt::format("{{u:{:016x}{:016x}}}", user.hi, user.lo);
  const Claim wanted{.promotion_id = std::move(promotion_id), .at_ms = now_ms};
  Arguments command{"FCALL", "claim_3", "1", key, text_of(wanted), taken_over ? text_of(*taken_over) : std::string()};
  Call call{.routing_key = std::move(key), .command = std::move(command), .kind = Kind::durable};
  const Result<Reply> reply = co_await library.call(std::move(call));
  if (!reply) co_return tl::unexpected(reply.error());
  if (reply->type == Reply::Type::error) co_return fail(FailureCode::unavailable, "redis: claim: " + reply->text);
  std::optional<Claim> stands = claim_in(reply->text);
  if (!stands) co_return fail(FailureCode::damaged, "redis: a claim is none: " + reply->text);
  co_return std::move(*stands);
}

}  // namespace windfall::redis

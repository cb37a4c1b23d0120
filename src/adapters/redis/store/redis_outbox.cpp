#include "adapters/redis/store/redis_outbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/redis/client/holder.hpp"
#include "adapters/redis/outbox_entry.hpp"

namespace windfall::redis {

namespace {

/// An entry holds what one call accepted: about this many events under load. Asking for few entries at a time bounds
/// what a reply may weigh.
constexpr std::size_t kEventsPerEntry = 8;
/// Through a script a page costs Redis several times what it costs else: leases are renewed with a short one.
constexpr std::size_t kEntriesOfTurn = 16;

// A lone entry is not worth a lease: that would be two more writes to the disk for each. A life that nobody gives is of
// a clock that went back. The lease may fail, for want of memory or of replicas: trimming is what makes room.
constexpr const char* kTakeTurn = R"(
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  local left = redis.call('PTTL', KEYS[1])
  if left >= 0 and left <= tonumber(ARGV[2]) then return false end
end
local waiting, leased = redis.call('XLEN', KEYS[2]), 0
if waiting == 0 then
  if holder then redis.call('DEL', KEYS[1]) end
elseif holder or waiting > 1 then
  if redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]).ok then leased = 1 end
end
return {leased, redis.call('XRANGE', KEYS[2], ARGV[3], '+', 'COUNT', ARGV[4])}
)";

std::string text_of(OutboxId id) { return fmt::format("{}-{}", id.epoch.value, id.sequence.value); }
std::string start_of(std::optional<OutboxId> after) { return after ? "(" + text_of(*after) : "-"; }

/// Of what XRANGE lists: about so many events, one entry at least.
Result<std::vector<windfall::OutboxEntry>> entries_of(const Reply& list, PartitionNo partition,
                                                      std::string_view promotion_id, std::size_t max_events) {
  std::vector<windfall::OutboxEntry> read;
  std::size_t events = 0;
  for (const Reply& one : list.items) {
    if (!read.empty() && events >= max_events) break;
    Result<redis::OutboxEntry> entry = read_outbox_entry(one, partition);
    if (!entry) {
      return fail(entry.error().code, fmt::format("outbox of promotion {}: {}", promotion_id, entry.error().message));
    }
    windfall::OutboxEntry out;
    for (redis::OutboxEntry::Kept& kept : entry->events) {
      out.id = {.epoch = entry->epoch, .sequence = kept.recorded.sequence};
      out.events.push_back(std::move(kept.recorded));
      if (kept.identity) out.identities.push_back(std::move(*kept.identity));
    }
    events += out.events.size();
    read.push_back(std::move(out));
  }
  return read;
}

}  // namespace

RedisOutbox::RedisOutbox(Client& client, const RedisStore& store)
    : client_(client), store_(store), relay_(make_holder()) {}

const Known* RedisOutbox::find(std::string_view promotion_id) const {
  const Mirror& mirror = store_.mirror();
  for (std::uint32_t i = 0; i < mirror.size(); ++i) {
    const Known& known = mirror.at(PartitionNo{i});
    if (known.id == promotion_id && !known.place.prefix.empty()) return &known;
  }
  return nullptr;
}

Task<Result<std::vector<Outbox::Backlog>>> RedisOutbox::backlogs() {
  const Mirror& mirror = store_.mirror();
  std::vector<Call> calls;
  std::vector<std::string> ids;
  for (std::uint32_t i = 0; i < mirror.size(); ++i) {
    const Known& known = mirror.at(PartitionNo{i});
    if (known.place.prefix.empty()) continue;
    calls.push_back({.routing_key = known.place.header(), .command = {"XLEN", known.place.outbox()}});
    ids.push_back(known.id);
  }
  const std::vector<Result<Reply>> replies = co_await client_.pipeline(std::move(calls));
  std::vector<Backlog> backlogs;
  std::optional<Failure> failure;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (!replies[i]) {
      failure = replies[i].error();  // of one shard; the others have their events relayed
      continue;
    }
    if (replies[i]->number > 0) {
      backlogs.push_back({.promotion_id = ids[i], .entries = static_cast<std::uint64_t>(replies[i]->number)});
    }
  }
  if (backlogs.empty() && failure) co_return tl::unexpected(*failure);
  co_return backlogs;
}

Task<Result<std::vector<windfall::OutboxEntry>>> RedisOutbox::read(std::string promotion_id,
                                                                   std::optional<OutboxId> after,
                                                                   std::size_t max_events) {
  const Known* known = find(promotion_id);
  if (known == nullptr) co_return fail(FailureCode::unavailable, "redis: promotion " + promotion_id + " is not known");
  const PartitionNo partition = known->number;
  const std::size_t entries = std::max<std::size_t>(1, max_events / kEventsPerEntry);
  // Confirmed: what could still be lost with its master must not be known to anybody.
  Call range{.routing_key = known->place.header(),
             .command = {"XRANGE", known->place.outbox(), start_of(after), "+", "COUNT", std::to_string(entries)},
             .kind = Kind::confirmed};
  const Result<Reply> reply = co_await client_.call(std::move(range));
  if (!reply) co_return tl::unexpected(reply.error());
  if (reply->type == Reply::Type::error) co_return fail(FailureCode::unavailable, "redis: outbox: " + reply->text);
  co_return entries_of(*reply, partition, promotion_id, max_events);
}

Task<Result<Outbox::Turn>> RedisOutbox::take_turn(std::string promotion_id, std::optional<OutboxId> after,
                                                  std::size_t max_events, std::int64_t lease_ms) {
  const Known* known = find(promotion_id);
  if (known == nullptr) co_return fail(FailureCode::unavailable, "redis: promotion " + promotion_id + " is not known");
  const PartitionNo partition = known->number;
  // Confirmed, as in read(); whoever asks twice for a lease has it.
  Call turn{.routing_key = known->place.header(),
            .command = {"EVAL", kTakeTurn, "2", known->place.relay(), known->place.outbox(), relay_,
                        std::to_string(lease_ms), start_of(after), std::to_string(kEntriesOfTurn)},
            .kind = Kind::confirmed};
  const Result<Reply> reply = co_await client_.call(std::move(turn));
  if (!reply && reply.error().code != FailureCode::overloaded) co_return tl::unexpected(reply.error());
  if (reply && reply->type == Reply::Type::nil) co_return Turn{.elsewhere = true};
  Turn given;
  if (reply && reply->type == Reply::Type::array && reply->items.size() == 2) {
    Result<std::vector<windfall::OutboxEntry>> entries =
        entries_of(reply->items[1], partition, promotion_id, max_events);
    if (!entries) co_return tl::unexpected(entries.error());
    given.leased = reply->items[0].number == 1;
    given.entries = std::move(*entries);
    co_return given;
  }
  // Without a lease then: nothing depends on it.
  Result<std::vector<windfall::OutboxEntry>> entries = co_await read(promotion_id, after, max_events);
  if (!entries) co_return tl::unexpected(entries.error());
  given.entries = std::move(*entries);
  co_return given;
}

Task<Result<bool>> RedisOutbox::give_back(std::string promotion_id) {
  const Known* known = find(promotion_id);
  if (known == nullptr) co_return true;
  Call back{.routing_key = known->place.header(),
            .command = {"EVAL", kGiveBackIfHeld, "1", known->place.relay(), relay_},
            .kind = Kind::write};
  const Result<Reply> reply = co_await client_.call(std::move(back));
  if (!reply) co_return tl::unexpected(reply.error());
  co_return reply->number == 1;
}

Task<Result<bool>> RedisOutbox::trim(std::string promotion_id, OutboxId up_to) {
  const Known* known = find(promotion_id);
  if (known == nullptr) co_return true;
  const OutboxId next{.epoch = up_to.epoch, .sequence = {up_to.sequence.value + 1}};
  Call trim{.routing_key = known->place.header(),
            .command = {"XTRIM", known->place.outbox(), "MINID", text_of(next)},
            .kind = Kind::write};
  const Result<Reply> reply = co_await client_.call(std::move(trim));
  if (!reply) co_return tl::unexpected(reply.error());
  if (reply->type == Reply::Type::error) co_return fail(FailureCode::unavailable, "redis: outbox: " + reply->text);
  co_return true;
}

}  // namespace windfall::redis

#include "adapters/redis/store/redis_outbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/redis/outbox_entry.hpp"

namespace windfall::redis {

namespace {

/// An entry holds what one call accepted: about this many events under load. Asking for few entries at a time bounds
/// what a reply may weigh.
constexpr std::size_t kEventsPerEntry = 8;

std::string text_of(OutboxId id) { return fmt::format("{}-{}", id.epoch.value, id.sequence.value); }

}  // namespace

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
             .command = {"XRANGE", known->place.outbox(), after ? "(" + text_of(*after) : "-", "+", "COUNT",
                         std::to_string(entries)},
             .kind = Kind::confirmed};
  const Result<Reply> reply = co_await client_.call(std::move(range));
  if (!reply) co_return tl::unexpected(reply.error());
  if (reply->type == Reply::Type::error) co_return fail(FailureCode::unavailable, "redis: outbox: " + reply->text);
  std::vector<windfall::OutboxEntry> read;
  std::size_t events = 0;
  for (const Reply& one : reply->items) {
    if (!read.empty() && events >= max_events) break;
    Result<redis::OutboxEntry> entry = read_outbox_entry(one, partition);
    if (!entry) {
      co_return fail(entry.error().code, "outbox of promotion " + promotion_id + ": " + entry.error().message);
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
  co_return read;
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

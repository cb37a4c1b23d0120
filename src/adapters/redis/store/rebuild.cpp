#include "adapters/redis/store/rebuild.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/redis/epoch_call.hpp"
#include "adapters/redis/partition_fill.hpp"
#include "adapters/redis/read_call.hpp"
#include "adapters/redis/store/bucket_plan.hpp"
#include "adapters/redis/store/fence.hpp"

namespace windfall::redis {

namespace {

/// Read from the ledger at once: large enough that its round trip does not count.
constexpr std::size_t kPage = 8192;
/// Calls that are under way at once, behind each other on one connection. Then replicas are waited for: they must not
/// fall behind by what makes the others' decisions, which wait for them as well, late.
constexpr std::size_t kCallsAtOnce = 2;
/// Times that replicas are waited for: as long as they take something, they come to it.
constexpr int kConfirmTries = 20;
/// Times that the ledger may have gone on while the last events were folded.
constexpr int kRounds = 50;

std::uint32_t buckets_of(PartitionNo partition, const std::vector<Recorded>& first_page) {
  if (partition == kSystemPartition) return buckets_of_system();
  if (!first_page.empty()) {
    if (const auto* defined = std::get_if<DefinitionChanged>(&first_page.front().event)) {
      return buckets_of_promotion(defined->definition);
    }
  }
  return 1;
}

/// Every replica has what this connection has written. What was written stands either way, so it may be asked again.
Task<Result<bool>> confirmed(Client* client, std::string routing, std::string key) {
  Result<bool> result = true;
  for (int i = 0; i < kConfirmTries; ++i) {
    Call look{.routing_key = routing, .command = {"EXISTS", key}, .kind = Kind::confirmed};
    const Result<Reply> there = co_await client->call(std::move(look));
    if (there) co_return true;
    result = tl::unexpected(there.error());
  }
  co_return result;
}

/// Makes the calls that are due. Nobody sees any of it before it comes into force, and that waits for the replicas and
/// looks whether it is all there. Failure conflict: another leader has taken over.
Task<Result<bool>> write_out(Client* client, PartitionFill* fill, Place place, bool end) {
  const std::string routing = place.header();
  while (true) {
    std::vector<Call> calls;
    while (calls.size() < kCallsAtOnce) {
      Result<std::optional<Arguments>> call = fill->next(end);
      if (!call) co_return tl::unexpected(call.error());
      if (!*call) break;
      calls.push_back({.routing_key = routing, .command = std::move(**call), .kind = Kind::write});
    }
    if (calls.empty()) co_return true;
    const std::vector<Result<Reply>> replies = co_await client->pipeline(std::move(calls));
    for (const Result<Reply>& filled : replies) {
      if (!filled) co_return tl::unexpected(filled.error());
      if (filled->type == Reply::Type::error) co_return fail(FailureCode::unavailable, "redis: fill: " + filled->text);
      if (filled->type != Reply::Type::array || filled->items.empty() || filled->items[0].text != "filled") {
        co_return fail(FailureCode::conflict, "rebuild: another leader has taken over " + place.prefix);
      }
    }
    std::string key = place.filled_header();
    std::string at = routing;
    const Result<bool> kept = co_await confirmed(client, std::move(at), std::move(key));
    if (!kept) co_return kept;
  }
}

}  // namespace

Task<Result<Rebuilt>> rebuild(Client& client, RebuildScripts scripts, PartitionNo partition, std::string promotion_id,
                              Epoch epoch, LogSource log) {
  const std::string prefix = key_prefix(promotion_id);
  const std::string routing = prefix + ":h";
  const auto write = [&](Arguments command) {
    return scripts.decide.call({.routing_key = routing, .command = std::move(command), .kind = Kind::write});
  };
  Rebuilt done{.epoch = epoch, .last = {}, .last_at = {}, .events = 0};
  Result<std::vector<Recorded>> page = co_await log.events(partition, Sequence{}, kPage);
  if (!page) co_return tl::unexpected(page.error());
  Place place{.prefix = prefix, .epoch = epoch, .buckets = buckets_of(partition, *page)};
  const Result<std::optional<Epoch>> before = co_await enter(scripts.beside, place);
  if (!before) co_return tl::unexpected(before.error());
  if (*before) {
    // A try that came to nothing; without its header whoever still fills it is stopped.
    Place left{.prefix = prefix, .epoch = **before, .buckets = 1};
    const Result<Reply> there = co_await client.call(routing, {"GET", left.filled_header()});
    if (!there) co_return tl::unexpected(there.error());
    const Result<std::optional<Header>> filled = read_header(*there);
    if (filled && *filled) {
      left.buckets = (*filled)->buckets;
      for (Arguments& call : unlink_calls(left)) {
        const Result<Reply> gone = co_await write(std::move(call));
        if (!gone) co_return tl::unexpected(gone.error());
      }
    }
  }
  const Result<Reply> opened = co_await write(open_call(place, place.filled_header()));
  if (!opened) co_return tl::unexpected(opened.error());
  if (const Result<Header> header = read_open_reply(*opened); !header) co_return tl::unexpected(header.error());

  PartitionFill fill(place, partition, log.last_at);
  bool begun = false;
  for (int round = 0; round < kRounds && !begun; ++round) {
    while (!page->empty()) {
      for (const Recorded& recorded : *page) {
        const Result<bool> taken = fill.take(recorded);
        if (!taken) co_return fail(FailureCode::damaged, "rebuild: " + taken.error().message);
      }
      Place of = place;
      const Result<bool> written = co_await write_out(&client, &fill, std::move(of), false);
      if (!written) co_return tl::unexpected(written.error());
      page = co_await log.events(partition, fill.state().sequence(), kPage);
      if (!page) co_return tl::unexpected(page.error());
    }
    Place of = place;
    const Result<bool> written = co_await write_out(&client, &fill, std::move(of), true);
    if (!written) co_return tl::unexpected(written.error());
    done.last = fill.state().sequence();
    done.last_at = fill.state().time().value_or(Instant{});
    done.events = done.last.value;
    const Result<bool> entered = co_await log.begin_epoch(partition, epoch, done.last);
    if (!entered) co_return tl::unexpected(entered.error());
    begun = *entered;
    if (begun) break;
    page = co_await log.events(partition, done.last, kPage);
    if (!page) co_return tl::unexpected(page.error());
  }
  if (!begun) co_return fail(FailureCode::unavailable, "rebuild: the ledger does not come to rest; it is tried again");
  const Result<bool> forced = co_await force(scripts.beside, place, done.last);
  if (!forced) {
    if (forced.error().code != FailureCode::unavailable) co_return tl::unexpected(forced.error());
    // It may have happened all the same.
    const Result<Reply> again = co_await client.call(routing, header_call(prefix));
    if (!again) co_return tl::unexpected(forced.error());
    const Result<std::optional<Header>> now = read_header(*again);
    if (!now || !*now || (*now)->epoch != epoch) co_return tl::unexpected(forced.error());
  }
  co_return done;
}

}  // namespace windfall::redis

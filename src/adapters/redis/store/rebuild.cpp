#include "adapters/redis/store/rebuild.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/redis/commit_call.hpp"
#include "adapters/redis/epoch_call.hpp"
#include "adapters/redis/read_call.hpp"
#include "adapters/redis/store/bucket_plan.hpp"

namespace windfall::redis {

namespace {

/// Read from the ledger at once: large enough that its round trip does not count.
constexpr std::size_t kPage = 8192;
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

}  // namespace

Task<Result<Rebuilt>> rebuild(Client& client, FunctionLibrary& script, PartitionNo partition, std::string promotion_id,
                              std::optional<Header> known, Epoch last_epoch, LogSource log) {
  const std::string prefix = key_prefix(promotion_id);
  const std::string routing = prefix + ":h";
  const auto durable = [&](Arguments command) {
    return script.call({.routing_key = routing, .command = std::move(command), .kind = Kind::durable});
  };
  const Result<Reply> read = co_await client.call(routing, header_call(prefix));
  if (!read) co_return tl::unexpected(read.error());
  const Result<std::optional<Header>> in_force = read_header(*read);
  if (!in_force) co_return tl::unexpected(in_force.error());

  Epoch before = last_epoch;
  if (known) before = std::max(before, known->epoch);
  if (*in_force) before = std::max(before, (*in_force)->epoch);
  Rebuilt done{.epoch = Epoch{before.value + 1}, .last = {}, .events = 0, .lost = 0};

  Result<std::vector<Recorded>> page = co_await log.events(partition, Sequence{}, kPage);
  if (!page) co_return tl::unexpected(page.error());
  Place place{.prefix = prefix, .epoch = done.epoch, .buckets = buckets_of(partition, *page)};
  // What an earlier try has left is filled from the start: it may be of any length.
  for (Arguments& call : unlink_calls(place)) {
    const Result<Reply> gone = co_await durable(std::move(call));
    if (!gone) co_return tl::unexpected(gone.error());
  }
  const Result<Reply> opened = co_await durable(open_call(place, place.filled_header()));
  if (!opened) co_return tl::unexpected(opened.error());
  if (const Result<Header> header = read_open_reply(*opened); !header) co_return tl::unexpected(header.error());

  for (int round = 0; round < kRounds; ++round) {
    while (!page->empty()) {
      const std::span<const Recorded> all(*page);
      for (std::size_t at = 0; at < all.size(); at += kMaxProposalsPerCall) {
        const auto some = all.subspan(at, std::min(kMaxProposalsPerCall, all.size() - at));
        Result<Arguments> fill = fill_call(place, done.last, some);
        if (!fill) co_return fail(FailureCode::damaged, "rebuild: " + fill.error().message);
        const Result<Reply> filled = co_await durable(std::move(*fill));
        if (!filled) co_return tl::unexpected(filled.error());
        if (filled->type != Reply::Type::array || filled->items.empty() || filled->items[0].text != "decided") {
          co_return fail(FailureCode::conflict, "rebuild: somebody else fills partition " + promotion_id);
        }
        done.last = some.back().sequence;
        done.events += some.size();
      }
      page = co_await log.events(partition, done.last, kPage);
      if (!page) co_return tl::unexpected(page.error());
    }
    const Result<bool> begun = co_await log.begin_epoch(partition, done.epoch, done.last);
    if (!begun) co_return tl::unexpected(begun.error());
    if (*begun) {
      const Result<Reply> flipped = co_await durable(flip_call(place, *in_force));
      if (!flipped) co_return tl::unexpected(flipped.error());
      const Result<bool> in = read_flip_reply(*flipped);
      if (!in) co_return tl::unexpected(in.error());
      if (!*in) co_return fail(FailureCode::conflict, "rebuild: partition " + promotion_id + " has another header now");
      if (known && known->sequence > done.last) done.lost = known->sequence.value - done.last.value;
      break;
    }
    page = co_await log.events(partition, done.last, kPage);
    if (!page) co_return tl::unexpected(page.error());
  }
  // The old epoch's keys, where there are any; a crash leaves them to the next rebuild's operator.
  if (*in_force) {
    const Place old{.prefix = prefix, .epoch = (*in_force)->epoch, .buckets = (*in_force)->buckets};
    for (Arguments& call : unlink_calls(old)) {
      const Result<Reply> gone = co_await durable(std::move(call));
      if (!gone) co_return tl::unexpected(gone.error());
    }
  }
  co_return done;
}

}  // namespace windfall::redis

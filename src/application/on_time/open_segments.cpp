#include "application/on_time/open_segments.hpp"

#include <utility>
#include <vector>

#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall {

Task<Result<bool>> OpenSegments::look_at(DefinitionPtr definition, bool paused_all) {
  const PartitionNo partition = definition->partition;
  const Instant now = store_.now(partition);
  const Status status = status_at(definition->promotion, definition->zone.day_at(now), paused_all);
  if (status != Status::active && status != Status::paused) co_return false;
  const SegmentNo segment = segment_at(*definition, now);
  std::vector<Look> looks{keys::segment(partition), keys::paused_in(partition, segment.value), keys::closed(partition)};
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::decided);
  if (!values) co_return tl::unexpected(values.error());
  if ((*values)[2] != 0) co_return false;
  if (status == Status::active) {
    if ((*values)[0] > std::int64_t{segment.value}) co_return false;
    const Result<SegmentNo> opened = co_await book_.open_segment(definition, now);
    if (!opened) co_return tl::unexpected(opened.error());
    co_return true;
  }
  if ((*values)[1] != 0) co_return false;
  Proposal proposal;
  proposal.partition = partition;
  proposal.revision = definition->revision;
  proposal.window = definition->zone.stretch_window(now, definition->promotion.lottery->segment_minutes);
  proposal.guards.emplace_back(Equals{.counter = keys::closed(partition), .value = 0});
  proposal.guards.emplace_back(Equals{.counter = keys::paused_in(partition, segment.value), .value = 0});
  proposal.events.emplace_back(SegmentPaused{.segment = segment.value});
  const Result<Verdict> verdict = co_await store_.commit(std::move(proposal), Identity{});
  if (!verdict) co_return tl::unexpected(verdict.error());
  co_return std::holds_alternative<Accepted>(*verdict);
}

Task<Result<std::string>> OpenSegments::operator()() {
  std::vector<Look> button{keys::paused_all()};
  const Result<std::vector<std::int64_t>> paused = co_await store_.read(std::move(button), Freshness::decided);
  if (!paused) co_return tl::unexpected(paused.error());
  const bool paused_all = paused->front() != 0;
  const std::vector<DefinitionPtr> promotions = store_.all();
  int done = 0;
  std::optional<Failure> failure;
  for (const DefinitionPtr& listed : promotions) {
    // It may have been changed meanwhile, or taken back because it could not be stored.
    const DefinitionPtr definition = store_.find(listed->promotion.id);
    if (!definition || !definition->promotion.lottery) continue;
    const Result<bool> turned = co_await look_at(definition, paused_all);
    // The others do not wait for the one that cannot be helped now.
    if (!turned) {
      failure = turned.error();
    } else if (*turned) {
      ++done;
    }
  }
  if (failure) co_return tl::unexpected(*failure);
  if (done == 0) co_return "nothing due";
  co_return std::to_string(done) + " lotteries turned";
}

}  // namespace windfall

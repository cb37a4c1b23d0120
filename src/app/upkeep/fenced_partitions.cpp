#include "app/upkeep/fenced_partitions.hpp"

#include <algorithm>
#include <utility>

#include "adapters/redis/store/fence.hpp"

namespace windfall::app {

namespace {

/// No sequence is above it: numbers in Redis are exact up to here.
constexpr Sequence kEverySequence{(std::uint64_t{1} << 53U) - 1};

PartitionState::Kind kind_of(const PartitionState& state) {
  using Kind = PartitionState::Kind;
  if (!state.header) return Kind::missing;
  if (state.header->epoch < state.epoch) return Kind::epoch_of_old;
  if (state.header->epoch == state.epoch && state.header->sequence < state.sequence) return Kind::gone_back;
  return Kind::sound;
}

}  // namespace

const char* words_of(PartitionState::Kind kind) {
  switch (kind) {
    case PartitionState::Kind::sound:
      return "decides";
    case PartitionState::Kind::missing:
      return "fenced: it has no header";
    case PartitionState::Kind::gone_back:
      return "has gone back behind its log";
    case PartitionState::Kind::epoch_of_old:
      return "is in an epoch that the ledger has ended";
  }
  return "";
}

std::string name_of(const PartitionState& state) {
  return state.promotion_id.empty() ? "the system partition" : "promotion " + state.promotion_id;
}

Task<Result<std::vector<PartitionState>>> look_at_partitions(OpenedInstallation* installation) {
  // The ledger first: it follows, so a header that is behind it is truly behind.
  const auto places = co_await installation->reads().run([installation] { return installation->ledger().places(); });
  if (!places) co_return tl::unexpected(places.error());
  const auto promotions =
      co_await installation->reads().run([installation] { return installation->ledger().promotions(); });
  if (!promotions) co_return tl::unexpected(promotions.error());
  std::vector<PartitionNo> of = installation->store().partitions();
  const auto headers = co_await installation->store().headers(std::move(of));
  if (!headers) co_return tl::unexpected(headers.error());

  std::vector<PartitionState> all;
  for (const KeptLedger::Place& place : *places) {
    PartitionState state{.partition = place.partition,
                         .promotion_id = {},
                         .header = {},
                         .epoch = place.epoch,
                         .sequence = place.sequence};
    for (const auto& [number, id] : *promotions) {
      if (number == place.partition) state.promotion_id = id;
    }
    for (const auto& [number, header] : *headers) {
      if (number == place.partition) state.header = header;
    }
    state.kind = kind_of(state);
    all.push_back(std::move(state));
  }
  // What was never decided in leaves no event; without its header nothing can be decided at all.
  const bool has_system =
      std::ranges::any_of(*headers, [](const auto& known) { return known.first == kSystemPartition; });
  const bool known_system =
      std::ranges::any_of(all, [](const auto& state) { return state.partition == kSystemPartition; });
  if (!has_system && !known_system) {
    all.insert(all.begin(), {.kind = PartitionState::Kind::missing,
                             .partition = kSystemPartition,
                             .promotion_id = {},
                             .header = {},
                             .epoch = Epoch{0},
                             .sequence = {}});
  }
  co_return all;
}

Task<Result<bool>> take_out_of_force(OpenedInstallation* installation, PartitionState state) {
  if (!state.header) co_return true;
  std::string key = installation->store().mirror().at(state.partition).place.header();
  co_return co_await redis::fence(installation->claims(), std::move(key), state.header->epoch, kEverySequence);
}

}  // namespace windfall::app

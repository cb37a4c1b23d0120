#include "app/wiring/apply_tail.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "adapters/codec/event_json.hpp"
#include "adapters/codec/event_message.hpp"
#include "adapters/kafka/sequence_gate.hpp"
#include "adapters/system/log.hpp"
#include "application/on_event/project_ledger.hpp"

namespace windfall::app {

Result<std::uint64_t> apply_tail(const kafka::Tail& tail, KeptLedger& ledger,
                                 const std::vector<std::string>& promotion_ids) {
  using Gate = kafka::SequenceGate<codec::ReadEvent>;
  const auto places = ledger.places();
  if (!places) return tl::unexpected(places.error());
  Gate gate;
  std::set<PartitionNo> met;
  LogBatch batch{.events = {}, .identities = {}, .position = 0};
  const auto add = [&batch](codec::ReadEvent& event) {
    batch.events.push_back(std::move(event.recorded));
    std::ranges::move(event.identities, std::back_inserter(batch.identities));
  };
  const auto flush = [&]() -> Result<bool> {
    Result<bool> applied = ledger.apply(batch);
    batch = {.events = {}, .identities = {}, .position = 0};
    return applied;
  };
  const auto meet = [&](PartitionNo partition) {
    if (!met.insert(partition).second) return;
    kafka::LastSeen last;
    for (const KeptLedger::Place& place : *places) {
      if (place.partition == partition) last = {.epoch = place.epoch, .sequence = place.sequence};
    }
    gate.start(partition, last);
  };
  const auto take = [&](const kafka::Message& message) -> Result<bool> {
    const std::string_view key = message.key == codec::kSystemSubject ? std::string_view{} : message.key;
    if (std::ranges::find(promotion_ids, key) == promotion_ids.end()) return true;
    Result<codec::ReadEvent> event = codec::read_event_json(message.value);
    if (!event) return true;  // a dead letter, for whoever reads it as one of the group
    const PartitionNo partition = event->recorded.partition;
    const Epoch epoch = event->recorded.epoch;
    const Sequence sequence = event->recorded.sequence;
    meet(partition);
    switch (gate.judge(partition, epoch, sequence)) {
      case Gate::Verdict::known:
        return true;
      case Gate::Verdict::early:
        gate.hold(partition, epoch, sequence, std::move(*event));
        return true;
      case Gate::Verdict::next:
        add(*event);
    }
    std::vector<codec::ReadEvent> known;
    for (codec::ReadEvent& next : gate.release(partition, known)) add(next);
    return batch.events.size() < ProjectLedger::kBatch ? Result<bool>(true) : flush();
  };
  Result<std::uint64_t> read = kafka::read_tail(tail, take);
  if (!read) return read;
  const Result<bool> applied = flush();
  if (!applied) return tl::unexpected(applied.error());
  for (const PartitionNo partition : met) {
    if (gate.held(partition) == 0) continue;
    // Published by a process that has died in the middle of a page; what was before them is lost, and they with it.
    system::log(system::LogLevel::error, "log_gap",
                {{"partition", static_cast<std::int64_t>(partition.value)},
                 {"beyond", static_cast<std::int64_t>(gate.held(partition))}});
  }
  return read;
}

}  // namespace windfall::app

#include "application/memory_store.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "domain/builders.hpp"

namespace windfall::test {

std::string MemoryStore::encode(const Promotion& promotion) {
  encoded_.push_back(promotion);
  return std::to_string(encoded_.size() - 1);
}

PartitionNo MemoryStore::add(const Promotion& promotion) {
  const PartitionNo partition = next_partition();
  Proposal creating = creation(partition, promotion.id);
  creating.events = {DefinitionChanged{.id = promotion.id, .definition = encode(promotion), .audit = {}}};
  decide(creating);
  return partition;
}

void MemoryStore::redefine(PartitionNo partition, const Promotion& promotion) {
  Proposal change =
      proposal(DefinitionChanged{.id = promotion.id, .definition = encode(promotion), .audit = {}}, partition);
  change.revision = state_.header(partition).revision;
  decide(change);
}

Accepted MemoryStore::decide(const Proposal& proposal) {
  const Verdict verdict = state_.commit(proposal, clock_.now());
  const auto* accepted = std::get_if<Accepted>(&verdict);
  if (accepted == nullptr) std::abort();  // the test is wrong
  return *accepted;
}

Verdict MemoryStore::interrupted_commit(const Proposal& proposal) {
  if (before_commit) before_commit();
  ++commits;
  return state_.commit(proposal, clock_.now());
}

Task<Result<Verdict>> MemoryStore::commit(Proposal proposal, Identity) {
  Verdict verdict = interrupted_commit(proposal);
  if (broken) co_return tl::unexpected(*broken);
  co_return verdict;
}

Task<Result<Verdict>> MemoryStore::commit_answering(Proposal proposal, KeepAnswer keep) {
  Verdict verdict = interrupted_commit(proposal);
  if (const auto* accepted = std::get_if<Accepted>(&verdict)) {
    AnswerKept answer = keep.render(*accepted);
    if (keep.command) {
      kept_[keep.command->hash] = {.fingerprint = keep.command->fingerprint, .answer = std::move(answer)};
    }
  }
  if (broken) co_return tl::unexpected(*broken);
  co_return verdict;
}

Task<Result<std::vector<std::int64_t>>> MemoryStore::read(std::vector<Look> looks, Freshness freshness) {
  if (before_read) before_read();
  if (hold_reads) co_await held_reads.emplace_back();
  std::vector<std::int64_t> values;
  for (const Look& look : looks) values.push_back(state_.look(look));
  reads += static_cast<int>(looks.size());
  if (freshness == Freshness::durable && broken) co_return tl::unexpected(*broken);
  co_return values;
}

Task<Result<bool>> MemoryStore::look_again() {
  if (unreachable) co_return tl::unexpected(*unreachable);
  elsewhere.clear();
  co_return true;
}

DefinitionPtr MemoryStore::find(std::string_view promotion_id) {
  if (elsewhere.contains(promotion_id)) return nullptr;
  for (const DefinitionPtr& definition : all()) {
    if (definition->promotion.id == promotion_id) return definition;
  }
  return nullptr;
}

const std::vector<DefinitionPtr>& MemoryStore::all() {
  definitions_.resize(state_.partitions() - 1);
  for (std::uint32_t i = 0; i < definitions_.size(); ++i) {
    const PartitionHeader& header = state_.header(PartitionNo{i + 1});
    if (definitions_[i] && definitions_[i]->revision == header.revision) continue;
    const Promotion& promotion = encoded_.at(std::stoul(header.definition));
    const auto zone = zones.find(promotion.timezone);
    definitions_[i] = std::make_shared<Definition>(Definition{.partition = PartitionNo{i + 1},
                                                              .revision = header.revision,
                                                              .created = header.created,
                                                              .modified = header.modified,
                                                              .promotion = promotion,
                                                              .zone = zone == zones.end() ? seoul() : zone->second});
  }
  return definitions_;
}

PartitionNo MemoryStore::next_partition() const { return PartitionNo{static_cast<std::uint32_t>(state_.partitions())}; }

Instant MemoryStore::now(PartitionNo partition) const { return std::max(clock_.now(), state_.header(partition).time); }

Task<Result<std::optional<CommandRecord>>> MemoryStore::accepted(PartitionNo partition, CommandHash hash) {
  const std::optional<CommandRecord> record = state_.accepted(partition, hash, now(partition));
  if (record && broken) co_return tl::unexpected(*broken);
  co_return record;
}

std::optional<PromotionStore::KeptAnswer> MemoryStore::kept_answer(CommandHash hash) {
  const auto found = kept_.find(hash);
  return found == kept_.end() ? std::nullopt : std::optional(found->second);
}

Task<Result<bool>> MemoryStore::durable() {
  if (broken) co_return tl::unexpected(*broken);
  co_return true;
}

PromotionStore::EventIds MemoryStore::event_ids(std::string_view promotion_id, Epoch, Sequence sequence) const {
  EventIds ids{.event = {}, .effect = {}};
  const std::string id = std::to_string(sequence.value) + "-" + std::string(promotion_id);
  std::copy_n(id.begin(), std::min(id.size(), ids.event.size() - 1), ids.event.begin());
  ids.effect = ids.event;
  ids.effect.back() = 1;
  return ids;
}

}  // namespace windfall::test

// The store as one request uses it: notes what had been decided at the moment the request was. Since the log keeps the
// order of decision, that number names the prefix of the log which explains the answer.
#pragma once

#include <utility>
#include <vector>

#include "adapters/embedded/embedded_store.hpp"
#include "simulation/mutant.hpp"

namespace windfall::simulation {

/// What a request had seen when it was decided.
struct Sight {
  std::uint64_t events = 0;  ///< decided before, in all partitions
  Instant clock;
};

class ObservingStore final : public PromotionStore {
 public:
  ObservingStore(embedded::EmbeddedStore& store, const Clock& clock, Mutant mutant)
      : store_(store), clock_(clock), mutant_(mutant) {}

  [[nodiscard]] const Sight& sight() const { return sight_; }

  [[nodiscard]] std::int64_t peek(const Look& look) const override { return store_.peek(look); }
  Task<Result<Verdict>> commit(Proposal proposal, Identity identity) override {
    look_now();
    spoil(proposal);
    return store_.commit(std::move(proposal), identity);
  }
  Task<Result<Verdict>> commit_answering(Proposal proposal, KeepAnswer keep) override {
    look_now();
    spoil(proposal);
    return store_.commit_answering(std::move(proposal), std::move(keep));
  }
  Task<Result<std::vector<std::int64_t>>> read(std::vector<Look> looks, Freshness freshness) override {
    look_now();
    if (mutant_ == Mutant::reads_undurable) freshness = Freshness::decided;
    return store_.read(std::move(looks), freshness);
  }
  bool read_now(std::span<const Look> looks, std::span<std::int64_t> values) override {
    look_now();
    return store_.read_now(looks, values);
  }
  DefinitionPtr find(std::string_view promotion_id) override { return store_.find(promotion_id); }
  const std::vector<DefinitionPtr>& all() override { return store_.all(); }
  [[nodiscard]] PartitionNo next_partition() const override { return store_.next_partition(); }
  [[nodiscard]] Instant now(PartitionNo partition) const override { return store_.now(partition); }
  [[nodiscard]] Sequence sequence(PartitionNo partition) const override { return store_.sequence(partition); }
  Task<Result<std::optional<CommandRecord>>> accepted(PartitionNo partition, CommandHash hash) override {
    look_now();
    return store_.accepted(partition, hash);
  }
  const std::string& system_definition() override { return store_.system_definition(); }
  [[nodiscard]] Revision system_revision() const override { return store_.system_revision(); }
  Task<Result<std::optional<KeptAnswer>>> answer_to(CommandHash hash) override { return store_.answer_to(hash); }
  Task<Result<bool>> durable() override {
    look_now();
    return store_.durable();
  }
  [[nodiscard]] EventIds event_ids(std::string_view promotion_id, Epoch epoch, Sequence sequence) const override {
    return store_.event_ids(promotion_id, epoch, sequence);
  }
  [[nodiscard]] std::uint64_t decisions() const override { return store_.decisions(); }

 private:
  void look_now() {
    sight_ = {.events = 0, .clock = clock_.now()};
    const State& state = store_.state();
    for (std::uint32_t p = 0; p < state.partitions(); ++p) sight_.events += state.header({p}).sequence.value;
  }
  void spoil(Proposal& proposal) const {
    if (mutant_ == Mutant::stock_not_guarded) {
      // The third guard of a join is the total stock; its place is kept, its limit lost.
      if (proposal.guards.size() > 3) {
        if (auto* stock = std::get_if<Below>(&proposal.guards[2])) stock->limit = INT64_MAX;
      }
    }
    if (mutant_ == Mutant::ticket_not_guarded) {
      for (Guard& guard : proposal.guards) {
        if (auto* ticket = std::get_if<AtLeast>(&guard)) ticket->amount = INT64_MIN;
      }
    }
    if (mutant_ == Mutant::visit_not_guarded && !proposal.events.empty()) {
      const bool visits = std::holds_alternative<Visited>(proposal.events.front());
      if (visits) std::erase_if(proposal.guards, [](const Guard& g) { return std::holds_alternative<Absent>(g); });
    }
    if (mutant_ == Mutant::audit_dropped) {
      for (Event& event : proposal.events) {
        if (auto* blocked = std::get_if<UserBlocked>(&event)) blocked->audit = {};
      }
    }
  }

  embedded::EmbeddedStore& store_;
  const Clock& clock_;
  Mutant mutant_;
  Sight sight_;
};

}  // namespace windfall::simulation

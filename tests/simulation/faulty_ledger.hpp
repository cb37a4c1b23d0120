// The real ledger, out of order now and then: busy, or down for a while. What it says it did not do, it has not done;
// the exceptions are the planted bugs.
#pragma once

#include <utility>
#include <vector>

#include "adapters/sqlite/sqlite_ledger.hpp"
#include "simulation/agenda.hpp"
#include "simulation/mutant.hpp"

namespace windfall::simulation {

struct LedgerWeather {
  bool down = false;
  bool healed = false;
};

class FaultyLedger final : public Ledger, public Effects {
 public:
  FaultyLedger(sqlite::SqliteLedger& real, const LedgerWeather& weather, Dice& dice, Mutant mutant)
      : real_(real), weather_(weather), dice_(dice), mutant_(mutant) {}

  Result<bool> apply(const LogBatch& batch) override {
    if (fails()) return busy();
    const Result<std::uint64_t> at = real_.position();
    if (mutant_ == Mutant::batch_projected_twice && at && batch.position > *at + 1) {
      LogBatch first = batch;
      first.position = batch.position - 1;
      if (Result<bool> once = real_.apply(first); !once) return once;
    }
    Result<bool> applied = real_.apply(batch);
    if (!applied || weather_.healed || !dice_.percent(2)) return applied;
    return busy();  // done, but nobody heard: it will come again
  }
  Result<std::uint64_t> position() override { return real_.position(); }
  Result<bool> sync(const std::vector<Sync>& documents) override { return fails() ? busy() : real_.sync(documents); }
  Result<bool> add_refusals(const std::vector<std::pair<UserRef, RefusalRow>>& refusals) override {
    return fails() ? busy() : real_.add_refusals(refusals);
  }
  Result<std::int64_t> drop_older_than(Instant limit) override { return real_.drop_older_than(limit); }
  Result<std::vector<ParticipationRow>> participations(const ParticipationQuery& query) override {
    return real_.participations(query);
  }
  Result<std::vector<RewardRow>> rewards(UserRef user, std::optional<PartitionNo> partition) override {
    return real_.rewards(user, partition);
  }
  Result<std::vector<RefusalRow>> refusals(UserRef user) override { return real_.refusals(user); }
  Result<std::vector<AuditRow>> audit(std::int64_t after, int limit) override { return real_.audit(after, limit); }
  Result<std::vector<LedgerTotals>> totals() override { return real_.totals(); }
  Result<std::optional<LedgerTotals>> totals(PartitionNo partition) override { return real_.totals(partition); }

  Result<std::vector<DueEffect>> take_due(Instant due, int limit) override {
    if (fails()) return busy();
    Result<std::vector<DueEffect>> taken = real_.take_due(due, limit);
    if (mutant_ == Mutant::resends_unknown && taken) {
      for (DueEffect& effect : *taken) effect.unknown = false;
    }
    return taken;
  }
  Result<Instant> next_due() override {
    if (fails()) return busy();
    return real_.next_due();
  }
  Result<bool> retry_later(const std::vector<Retry>& retries) override {
    return fails() ? busy() : real_.retry_later(retries);
  }
  Result<std::int64_t> recover() override {
    if (fails()) return busy();
    return real_.recover();
  }
  Result<Gauges> gauges() override { return real_.gauges(); }
  Result<std::vector<DeadLetter>> dead_letters(std::int64_t after, int limit) override {
    return real_.dead_letters(after, limit);
  }
  Result<std::optional<DeadLetter>> dead_letter(std::int64_t id) override { return real_.dead_letter(id); }
  Result<bool> open_for(UserRef user) override { return real_.open_for(user); }

 private:
  [[nodiscard]] bool fails() { return weather_.down || (!weather_.healed && dice_.percent(1)); }
  static tl::unexpected<Failure> busy() { return fail(FailureCode::unavailable, "the ledger is busy"); }

  sqlite::SqliteLedger& real_;
  const LedgerWeather& weather_;
  Dice& dice_;
  Mutant mutant_;
};

}  // namespace windfall::simulation

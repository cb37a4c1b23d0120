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

class FaultyLedger final : public Ledger, public Effects, public LotteryLedger {
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
  Result<std::int64_t> drop_older_than(const Retention& limits) override { return real_.drop_older_than(limits); }
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

  Result<std::vector<DueEffect>> take_due(PartnerEndpoint of, Instant due, int limit) override {
    if (fails()) return busy();
    Result<std::vector<DueEffect>> taken = real_.take_due(of, due, limit);
    if (mutant_ == Mutant::resends_unknown && taken) {
      for (DueEffect& effect : *taken) effect.unknown = false;
    }
    return taken;
  }
  Result<Instant> next_due(PartnerEndpoint of) override {
    if (fails()) return busy();
    return real_.next_due(of);
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

  Result<std::vector<TicketEntry>> tickets(const Page& page) override { return real_.tickets(page); }
  Result<std::vector<DrawRow>> draws(const Page& page) override { return real_.draws(page); }
  Result<std::vector<DrawRow>> winners(const LatestPage& page) override { return real_.winners(page); }
  Result<std::vector<CouponRow>> coupons(const Page& page) override {
    if (fails()) return busy();
    return real_.coupons(page);
  }
  Result<std::optional<DrawRow>> draw_of(const EffectId& event_id) override {
    if (fails()) return busy();
    return real_.draw_of(event_id);
  }
  Result<std::optional<CouponRow>> coupon_of(const EffectId& event_id) override {
    if (fails()) return busy();
    return real_.coupon_of(event_id);
  }
  Result<std::vector<CouponRow>> pending_coupons(PartitionNo partition, std::uint32_t prize, int limit) override {
    if (fails()) return busy();
    return real_.pending_coupons(partition, prize, limit);
  }
  Result<std::vector<UserRef>> second_chance_pool(PartitionNo partition, std::int64_t allowed) override {
    if (fails()) return busy();
    return real_.second_chance_pool(partition, allowed);
  }
  Result<std::vector<std::uint32_t>> voided_items(PartitionNo partition) override {
    if (fails()) return busy();
    return real_.voided_items(partition);
  }
  Result<LotteryTotals> lottery_totals(PartitionNo partition) override { return real_.lottery_totals(partition); }
  Result<std::vector<DailyWins>> wins_by_day(PartitionNo partition) override { return real_.wins_by_day(partition); }
  Result<std::vector<SegmentRow>> segments(PartitionNo partition) override { return real_.segments(partition); }
  Result<bool> each_draw(PartitionNo partition, const std::function<bool(const DrawRow&)>& row) override {
    return real_.each_draw(partition, row);
  }
  Result<bool> cancel_effect(const EffectId& effect) override {
    if (mutant_ == Mutant::void_holds_nothing_back) return true;
    if (fails()) return busy();
    return real_.cancel_effect(effect);
  }

 private:
  [[nodiscard]] bool fails() { return weather_.down || (!weather_.healed && dice_.percent(1)); }
  static tl::unexpected<Failure> busy() { return fail(FailureCode::unavailable, "the ledger is busy"); }

  sqlite::SqliteLedger& real_;
  const LedgerWeather& weather_;
  Dice& dice_;
  Mutant mutant_;
};

}  // namespace windfall::simulation

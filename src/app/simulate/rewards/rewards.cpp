#include "app/simulate/rewards/rewards.hpp"

#include <algorithm>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_ids.hpp"
#include "app/simulate/rewards/check.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::simulate {

namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;
/// Where the first outage begins, in parts of the campaign; it lasts an hour.
constexpr double kFirstOutage = 0.3;
/// The second one begins with the end and lasts until the second chance has given out all at once.
constexpr std::int64_t kLastOutageMs = 15 * kMinuteMs;
/// Longest time that anything is owed once the partner is well: a day, the longest life of an effect.
constexpr std::int64_t kPatienceMs = 24 * kHourMs;
/// Turns of the loop without a timer, after which nothing more will come.
constexpr int kIdleTurns = 3;

std::vector<SimulatedPartner::Outage> outages_of(const Definition& definition) {
  const Instant start = definition.zone.start_of(definition.promotion.start);
  const Instant end = definition.zone.start_of(LocalDay{definition.promotion.end.days + 1});
  const Instant first{start.ms + static_cast<std::int64_t>(kFirstOutage * static_cast<double>(end.ms - start.ms))};
  return {{.from = first, .until = Instant{first.ms + kHourMs}},
          {.from = end, .until = Instant{end.ms + kLastOutageMs}}};
}

}  // namespace

class Rewards::Meter final : public FulfilReward::Meter {
 public:
  void called(FulfilReward::Call, const PartnerAnswer&, std::int64_t) override {}
  void settled(EffectSettled::Outcome, std::size_t) override {}
  void breaker(PartnerEndpoint, CircuitBreaker::State) override {}
};

/// The rows, as they are or as a test has them be.
class Rewards::Altered final : public Effects {
 public:
  Altered(EffectRows& rows, Corrupt corrupt) : rows_(rows), corrupt_(std::move(corrupt)) {}
  Result<std::vector<DueEffect>> take_due(PartnerEndpoint of, Instant due, int limit) override {
    Result<std::vector<DueEffect>> taken = rows_.take_due(of, due, limit);
    if (corrupt_ && taken) std::ranges::for_each(*taken, corrupt_);
    return taken;
  }
  Result<Instant> next_due(PartnerEndpoint of) override { return rows_.next_due(of); }
  Result<bool> retry_later(const std::vector<Retry>& retries) override { return rows_.retry_later(retries); }
  Result<std::int64_t> recover() override { return rows_.recover(); }
  Result<Gauges> gauges() override { return rows_.gauges(); }
  Result<std::vector<DeadLetter>> dead_letters(std::int64_t after, int limit) override {
    return rows_.dead_letters(after, limit);
  }
  Result<std::optional<DeadLetter>> dead_letter(std::int64_t id) override { return rows_.dead_letter(id); }
  Result<bool> open_for(UserRef user) override { return rows_.open_for(user); }

 private:
  EffectRows& rows_;
  Corrupt corrupt_;
};

Rewards::Rewards(World& world, const Campaign& campaign, DefinitionPtr definition, Corrupt corrupt)
    : world_(world),
      definition_(std::move(definition)),
      timers_(world.timers()),
      rows_(std::make_unique<EffectRows>(definition_)),
      effects_(std::make_unique<Altered>(*rows_, std::move(corrupt))),
      meter_(std::make_unique<Meter>()),
      partner_(timers_, world.clock(), campaign.seed, campaign.partner_faults, outages_of(*definition_)),
      random_(campaign.seed),
      fulfil_(std::make_unique<FulfilReward>(
          FulfilReward::Ports{
              .effects = *effects_,
              .blocking = world.blocking(),
              .gateway = partner_,
              .notifier = partner_,
              .clock = world.clock(),
              .meter = *meter_,
              .settle = [this](std::vector<EffectSettled> settled) { return settle(std::move(settled)); },
              .after = [this](std::int64_t ms, std::function<void()> call) { timers_.after(ms, std::move(call)); },
              .random = [this] { return keys::mixed(++random_); },
              .log = [](const FulfilReward::LogLine&) {}},
          FulfilReward::live())) {
  detach([](FulfilReward* fulfil) -> Task<void> {
    auto starting = fulfil->start();
    (void)co_await starting;
  }(fulfil_.get()));
}

Rewards::~Rewards() = default;

void Rewards::won(const Recorded& recorded, const LotteryFold::Given& given) {
  rows_->won(recorded, given.user, given.prize);
  fresh_ = true;
}

void Rewards::apply(const Recorded& recorded) {
  if (const auto* settled = std::get_if<EffectSettled>(&recorded.event)) rows_->settled(*settled, recorded.time);
}

void Rewards::poke() {
  if (std::exchange(fresh_, false)) fulfil_->poke();
}

Task<Result<bool>> Rewards::settle(std::vector<EffectSettled> settled) {
  std::vector<Event> events;
  events.reserve(settled.size());
  for (EffectSettled& one : settled) events.emplace_back(std::move(one));
  auto recording = world_.manage().record(std::move(events), std::nullopt, Identity{});
  co_return co_await recording;
}

bool Rewards::quiet() const {
  const auto none_open = [this](bool accruals) {
    const EffectRows::Counts counts = rows_->counts(accruals);
    return counts.open == 0 && counts.unknown == 0;
  };
  return fulfil_->in_flight() == 0 && fulfil_->unsettled() == 0 && none_open(true) && none_open(false);
}

void Rewards::run_until_quiet() {
  const Instant until{world_.clock().now().ms + kPatienceMs};
  int idle = 0;
  fulfil_->poke();
  while (world_.clock().now() < until && idle < kIdleTurns) {
    const bool decided = world_.settle();
    if (timers_.next() < until) {
      world_.clock().move_to(timers_.next());
      timers_.run_due();
      idle = 0;
    } else {
      idle = decided ? 0 : idle + 1;
    }
  }
}

void Rewards::finish() {
  partner_.heal();
  run_until_quiet();
  constexpr int kAll = 1'000'000;
  const Result<std::vector<DeadLetter>> letters = rows_->dead_letters(0, kAll);
  if (!letters || letters->empty()) return;
  redriven_ += std::ssize(*letters);
  std::vector<Event> events;
  for (const DeadLetter& letter : *letters) {
    events.emplace_back(
        EffectSettled{.effect = letter.effect, .outcome = EffectSettled::Outcome::redriven, .detail = "simulate"});
  }
  detach([](World* world, std::vector<Event> redrives) -> Task<void> {
    auto recording = world->manage().record(std::move(redrives), std::nullopt, Identity{});
    (void)co_await recording;
  }(&world_, std::move(events)));
  world_.settle();
  run_until_quiet();
}

std::vector<InvariantResult> Rewards::check(LotteryFold& fold) const {
  Check booked{
      {.id = "I4", .what = "the partner's book has the points of each standing win once, and no others", .first = {}}};
  Check told{{.id = "I10", .what = "each winner is told once of a win, and nobody else", .first = {}}};
  Check over{{.id = "I17", .what = "nothing is owed in the end, and nothing unknown", .first = {}}};
  const Lottery& lottery = *definition_->promotion.lottery;
  std::size_t points = 0;
  std::size_t notices = 0;
  const Result<bool> all = fold.each_draw(definition_->partition, [&](const DrawRow& row) {
    if (!row.prize || row.voided) return true;
    const Prize& prize = lottery.prizes[*row.prize];
    const auto key = [&](std::uint32_t index) {
      return codec::to_uuid_text(codec::event_ids({.lineage = kSimulatedLineage,
                                                   .promotion = definition_->promotion.id,
                                                   .epoch = row.epoch,
                                                   .sequence = row.sequence,
                                                   .index = index})
                                     .effect);
    };
    const std::string who = rows_->id_of(row.user);
    if (prize.kind == PrizeKind::points && prize.value > 0) {
      ++points;
      const auto entry = partner_.book().find(key(kAccrualIndex));
      const bool right = entry != partner_.book().end() && entry->second.times == 1 &&
                         entry->second.amount == prize.value && entry->second.user_id == who;
      booked.expect(right, [&] {
        if (entry == partner_.book().end())
          return "the points of event " + std::to_string(row.sequence.value) + " are not booked";
        return entry->second.user_id + " got " + std::to_string(entry->second.amount) + " points in " +
               std::to_string(entry->second.times) + " bookings, owed were " + std::to_string(prize.value) + " to " +
               who;
      });
    }
    if (lottery.notifications.win) {
      ++notices;
      const auto entry = partner_.told().find(key(kNotificationIndex));
      told.expect(entry != partner_.told().end() && entry->second == who,
                  [&] { return who + " was not told of event " + std::to_string(row.sequence.value); });
    }
    return true;
  });
  booked.expect(all.has_value(), [&] { return all.error().message; });
  booked.expect(partner_.book().size() == points, [&] {
    return std::to_string(partner_.book().size()) + " accruals are booked, " + std::to_string(points) + " were owed";
  });
  told.expect(partner_.told().size() == notices, [&] {
    return std::to_string(partner_.told().size()) + " notices were given, " + std::to_string(notices) + " were due";
  });
  for (const bool accruals : {true, false}) {
    const EffectRows::Counts counts = rows_->counts(accruals);
    over.expect(counts.open == 0 && counts.unknown == 0 && counts.dead == 0, [&] {
      return std::to_string(counts.open) + " are open, " + std::to_string(counts.unknown) + " unknown, " +
             std::to_string(counts.dead) + " dead";
    });
  }
  over.expect(quiet(), [] { return std::string("the fulfilment still works"); });
  return {booked.result, told.result, over.result};
}

RewardFigures Rewards::figures() const {
  RewardFigures figures{.accruals = rows_->counts(true),
                        .notifications = rows_->counts(false),
                        .redriven = redriven_,
                        .spend = partner_.spend(),
                        .partner = partner_.figures()};
  for (const SimulatedPartner::Outage& outage : partner_.outages()) figures.down_ms += outage.until.ms - outage.from.ms;
  return figures;
}

}  // namespace windfall::simulate

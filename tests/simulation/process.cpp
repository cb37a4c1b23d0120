#include "simulation/process.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/event_ids.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/system/time_zone.hpp"

namespace windfall::simulation {

namespace {

constexpr std::int64_t kRetrySweepMs = 200;

/// The frame as a mutant recovers it: without its commands.
std::string without_commands(std::string_view body) {
  std::string out;
  while (!body.empty()) {
    Result<Recorded> recorded = codec::decode(body);
    recorded->command.reset();
    codec::encode(*recorded, out);
  }
  return out;
}

/// The batch as a mutant journals it: with the wall clock's time.
std::string with_time(std::string_view body, Instant time) {
  std::string out;
  while (!body.empty()) {
    Result<Recorded> recorded = codec::decode(body);
    recorded->time = time;
    codec::encode(*recorded, out);
  }
  return out;
}

}  // namespace

FulfilReward::Settings reward_settings() {
  FulfilReward::Settings settings = FulfilReward::live();
  settings.parallel = 8;
  settings.batch = 16;
  settings.first_retry_ms = 200;
  settings.max_retry_ms = 5'000;
  settings.call_timeout_ms = 1'000;
  settings.breaker.open_ms = 1'000;
  return settings;
}

Process::Process(const Surroundings& around)
    : around_(around),
      loop(around.agenda, around.dice),
      ledger_writer(around.agenda, around.dice, loop),
      ledger_reads(around.agenda, around.dice, loop),
      codes_writer(around.agenda, around.dice, loop),
      journal(around.disk, around.agenda, around.dice, loop, around.mutant, journal_hooks()),
      store(around.clock, store_log()),
      event_log(around.disk, around.dice),
      jobs(around.clock, loop) {}

SimulatedJournal::Hooks Process::journal_hooks() {
  return {.on_durable =
              [this](std::uint64_t ticket, std::uint64_t sequence) {
                unsettled_ = last_ticket_ - ticket;
                store.on_durable(ticket, sequence);
                projection->poke(sequence);
              },
          .on_failed =
              [this](std::uint64_t from, Failure why) {
                unsettled_ = 0;
                if (around_.mutant == Mutant::failed_batch_not_undone) ++from;
                store.on_failed(from, std::move(why));
                if (around_.mutant != Mutant::never_resumes) journal.resume();
              },
          .on_fatal = [this] { around_.die(); }};
}

embedded::EmbeddedStore::Log Process::store_log() {
  return {.submit = [this](const embedded::TurnBatch& batch) -> Result<std::uint64_t> {
            Result<std::uint64_t> ticket(0);
            if (around_.mutant == Mutant::time_goes_back) {
              embedded::TurnBatch spoilt = batch;
              spoilt.body = with_time(batch.body, around_.clock.now());
              ticket = journal.submit(spoilt, store.state().digest());
            } else {
              ticket = journal.submit(batch, store.state().digest());
            }
            if (ticket) {
              last_ticket_ = *ticket;
              ++unsettled_;
            }
            return ticket;
          },
          .at_turn_end =
              [this] {
                turn_open_ = true;
                // What comes in meanwhile belongs to the same turn.
                around_.agenda.after(around_.dice.between(0, 1), Owner::process, [this] {
                  turn_open_ = false;
                  store.end_of_turn();
                });
              }};
}

Result<bool> Process::start() {
  for (const auto step : {&Process::replay, &Process::open_ledger, &Process::open_lottery}) {
    if (const Result<bool> done = (this->*step)(); !done) return done;
  }
  open_partner();
  start_work();
  return true;
}

Result<bool> Process::replay() {
  store.set_lineage(kLineage);
  const bool forgets = around_.mutant == Mutant::command_not_replayed;
  for (std::size_t i = 0; i < around_.disk.frames.size(); ++i) {
    const Frame& frame = around_.disk.frames[i];
    const std::string body = forgets ? without_commands(frame.body) : frame.body;
    const auto id_of = [&](UserRef user) {
      const auto named = std::ranges::find(frame.identities, user, &embedded::NamedUser::user);
      const bool known = named != frame.identities.end() && around_.mutant != Mutant::inbound_forgotten;
      return known ? named->id : std::string();
    };
    if (Result<bool> replayed = store.replay(body, i + 1, id_of); !replayed) return replayed;
    if (!forgets && store.state().digest() != frame.digest) {
      return fail(FailureCode::damaged,
                  "I14: the fold of frames 1.." + std::to_string(i + 1) + " is not what the process had decided");
    }
  }
  recovered_ = around_.disk.frames.size();
  return true;
}

Result<bool> Process::open_ledger() {
  const bool is_new = !std::filesystem::exists(around_.ledger_path);
  sqlite::Options options{
      .path = around_.ledger_path,
      .lineage = kLineage,
      .event_ids =
          [](std::string_view promotion, Epoch epoch, Sequence sequence, std::uint32_t effect) {
            const codec::EventIds ids = codec::event_ids(
                {.lineage = kLineage, .promotion = promotion, .epoch = epoch, .sequence = sequence, .index = effect});
            return sqlite::EventIds{.event = ids.event, .effect = ids.effect};
          },
      .open_seed = [seeds = SimulatedSeeds()](
                       std::string_view promotion,
                       std::string_view sealed) mutable { return seeds.open(promotion, sealed); }};
  if (is_new && around_.mutant != Mutant::rebuilt_counts_as_unsent) options.rebuild_until_position = recovered_;
  Result<std::unique_ptr<sqlite::SqliteLedger>> opened = sqlite::SqliteLedger::open(std::move(options));
  if (!opened) return tl::unexpected(opened.error());
  sqlite = std::move(*opened);
  ledger = std::make_unique<FaultyLedger>(*sqlite, around_.weather, around_.dice, around_.mutant);
  const Result<std::uint64_t> position = ledger->position();
  if (!position) return tl::unexpected(position.error());
  if (*position > recovered_) {
    return fail(FailureCode::damaged, "I11: the ledger has seen frame " + std::to_string(*position) +
                                          ", but the journal ends with frame " + std::to_string(recovered_));
  }
  projection = std::make_unique<ProjectLedger>(event_log, *ledger, ledger_writer, loop,
                                               ProjectLedger::Hooks{.applied =
                                                                        [this] {
                                                                          if (fulfil) fulfil->poke();
                                                                          if (lottery) lottery->applied();
                                                                        },
                                                                    .trouble = [](const std::string&) {}});
  projection->start_at(*position);
  refusals = std::make_unique<Refusals>(*ledger, ledger_writer, loop);
  return true;
}

Result<bool> Process::open_lottery() {
  auto opened = LotteryWork::open({.store = store,
                                   .ledger = *ledger,
                                   .ledger_writer = ledger_writer,
                                   .ledger_reads = ledger_reads,
                                   .codes_writer = codes_writer,
                                   .timer = loop,
                                   .projection = *projection,
                                   .refusals = *refusals,
                                   .dice = around_.dice,
                                   .weather = around_.weather,
                                   .folder = around_.codes_folder,
                                   .mutant = around_.mutant});
  if (!opened) return tl::unexpected(opened.error());
  lottery = std::move(*opened);
  return true;
}

void Process::open_partner() {
  fulfil = std::make_unique<FulfilReward>(
      FulfilReward::Ports{
          .effects = *ledger,
          .blocking = ledger_writer,
          .gateway = around_.partner,
          .notifier = around_.partner,
          .clock = around_.real_clock,
          .meter = meter_,
          .settle = [this](std::vector<EffectSettled> settled) -> Task<Result<bool>> {
            std::vector<Event> events;
            events.reserve(settled.size());
            for (EffectSettled& one : settled) events.emplace_back(std::move(one));
            Manage manage = manage_with(store);
            auto recording = manage.record(std::move(events), std::nullopt, Identity{});
            co_return co_await recording;
          },
          .after = [this](std::int64_t ms, std::function<void()> call) { loop.after(ms, std::move(call)); },
          .random = [this] { return around_.dice.next(); },
          .log = [](const FulfilReward::LogLine&) {}},
      reward_settings());
}

Manage Process::manage_with(PromotionStore& through) const {
  return Manage(through,
                Manage::Tools{.encode = codec::encode_definition,
                              .load_zone = [](const std::string& name) { return system::load_zone(name); },
                              .make_id = [] { return std::string("made"); },
                              .make_seed = [seeds = SimulatedSeeds()](
                                               std::string_view promotion) mutable { return seeds.make(promotion); }});
}

void Process::start_work() {
  projection->poke(around_.disk.frames.size());
  detach([](Process* self) -> Task<void> {
    while (true) {
      auto reaching = self->projection->reached(self->recovered_);
      if (co_await reaching) break;
    }
    while (true) {
      auto starting = self->fulfil->start();
      if (co_await starting) break;
      auto sleeping = sleep_for(self->loop, kRetrySweepMs);
      co_await sleeping;
    }
    self->fulfilling = true;
  }(this));

  sync = std::make_unique<SyncLedger>(store, *ledger, ledger_writer);
  turn_status = std::make_unique<TurnStatus>(store, *sync, [](const Definition&, Status, Status) {});
  drop_old = std::make_unique<DropOld>(around_.clock, *ledger, ledger_writer,
                                       DropOld::Days{.refusals = 30, .rejections = 30, .attempts = 30});
  jobs.add({.name = "sync-ledger", .interval_ms = SyncLedger::kIntervalMs, .on_clock_change = false, .run = [this] {
              return (*sync)();
            }});
  jobs.add({.name = "turn-status", .interval_ms = TurnStatus::kIntervalMs, .run = [this] { return (*turn_status)(); }});
  jobs.add({.name = "drop-old", .interval_ms = DropOld::kIntervalMs, .on_clock_change = false, .run = [this] {
              return (*drop_old)();
            }});
  jobs.add({.name = "retry-effects",
            .interval_ms = kRetrySweepMs,
            .on_clock_change = false,
            .run = [this]() -> Task<Result<std::string>> {
              fulfil->poke();
              co_return std::to_string(fulfil->in_flight()) + " calls in flight";
            }});
  lottery->add_jobs(jobs);
  jobs.start();
  lottery->assign->poke();
  loop.post([this] { lottery->judge->poke(); });
}

bool Process::quiet() const {
  if (!lottery->quiet()) return false;
  if (!all_durable() || !fulfilling || fulfil->in_flight() != 0 || fulfil->unsettled() != 0) return false;
  if (projection->running() || projection->position() != around_.disk.frames.size()) return false;
  const Result<Effects::Gauges> gauges = ledger->gauges();
  return gauges && gauges->pending == 0 && gauges->unknown == 0;
}

}  // namespace windfall::simulation

#include "simulation/world.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall::simulation {

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 86'400'000;
/// 2026-03-10T09:00:00+09:00
constexpr Instant kStart{1'773'100'800'000};
/// Participants: few, so that they meet.
constexpr std::size_t kPeople = 30;
/// Longest time that anything may take once all faults have healed: the longest outage's back-off, several times over.
constexpr std::int64_t kHealMs = 600'000;

/// Files in memory where the system has such a folder: a run syncs its ledger some hundred times.
std::string make_folder() {
  std::error_code none;
  const bool in_memory = std::filesystem::is_directory("/dev/shm", none) && access("/dev/shm", W_OK) == 0;
  const std::filesystem::path base = in_memory ? "/dev/shm" : std::filesystem::temp_directory_path();
  std::string pattern = (base / "windfall-simulation-XXXXXX").string();
  return mkdtemp(pattern.data()) == nullptr ? std::string{} : pattern;
}

/// Rows of a query on the ledger's file, the way anybody may ask; columns joined by blanks.
std::vector<std::string> rows_of(const std::string& path, const char* query) {
  std::vector<std::string> rows;
  sqlite3* database = nullptr;
  const auto collect = [](void* out, int columns, char** values, char**) {
    std::string row;
    for (int i = 0; i < columns; ++i)
      row += fmt::format("{}{}", i == 0 ? "" : " ", values[i] == nullptr ? "-" : values[i]);
    static_cast<std::vector<std::string>*>(out)->push_back(std::move(row));
    return 0;
  };
  if (sqlite3_open(path.c_str(), &database) == SQLITE_OK) sqlite3_exec(database, query, collect, &rows, nullptr);
  sqlite3_close(database);
  return rows;
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  accepted += other.accepted;
  refused += other.refused;
  replayed += other.replayed;
  reused += other.reused;
  failed += other.failed;
  created += other.created;
  changed += other.changed;
  views += other.views;
  ledger_reads += other.ledger_reads;
  crashes += other.crashes;
  rebuilds += other.rebuilds;
  clock_jumps += other.clock_jumps;
  redriven += other.redriven;
  partner_calls += other.partner_calls;
  visits += other.visits;
  opens += other.opens;
  draws += other.draws;
  wins += other.wins;
  play_refusals += other.play_refusals;
  play_repeats += other.play_repeats;
  imports += other.imports;
  codes_read += other.codes_read;
  voided += other.voided;
  reissued += other.reissued;
  used += other.used;
  adjusted += other.adjusted;
  taken_in += other.taken_in;
  closed += other.closed;
  second_wins += other.second_wins;
  shortfalls += other.shortfalls;
  notices += other.notices;
  return *this;
}

World::World(const Settings& settings)
    : settings_(settings),
      dice_(settings.seed),
      rates_(rates(dice_)),
      folder_(make_folder()),
      codes_folder_(make_folder()),
      clock_(agenda_, kStart),
      real_clock_(agenda_, kStart),
      history_(people(kPeople)) {
  const bool honours_key = dice_.percent(50);
  partner_ =
      std::make_unique<Partner>(agenda_, dice_, honours_key, reward_settings().call_timeout_ms, settings_.mutant);
  crash_in_ = 200 + dice_.below(3'000);
  if (settings_.crash_at > 0) {
    rates_ = {};
    crash_in_ = settings_.crash_at;
  }
  if (folder_.empty() || codes_folder_.empty()) fail_with("there is no room for a temporary folder");
  start();
}

World::~World() {
  process_.reset();
  std::error_code none;
  for (const std::string& folder : {folder_, codes_folder_}) {
    if (!folder.empty()) std::filesystem::remove_all(folder, none);
  }
}

void World::fail_with(std::string wrong) {
  if (wrong_.empty()) wrong_ = std::move(wrong);
}

bool World::step() {
  if (wrong_.empty()) {
    act();
    accident();
    run_for(dice_.percent(2) ? dice_.between(500, 4'000) : dice_.between(0, 30));
  }
  if (wrong_.empty()) check_cheaply();
  return wrong_.empty();
}

World::Rates World::rates(Dice& dice) {
  const auto some = [&dice](std::uint64_t usual, std::uint64_t many) {
    const std::uint64_t how = dice.below(4);
    return how == 0 ? 0 : how == 3 ? many : usual;
  };
  return {.disk_full = some(10, 60),
          .disk_slow = some(5, 20),
          .sync_fails = some(2, 10),
          .partner_down = some(6, 30),
          .ledger_down = some(6, 30),
          .clock_jumps = some(15, 60),
          .crashes = some(6, 40)};
}

void World::accident() {
  const auto happens = [this](std::uint64_t rate) { return dice_.below(1'000) < rate; };
  // What is broken is mended within some ten steps.
  disk_.full = disk_.full ? !happens(150) : happens(rates_.disk_full);
  disk_.slow = disk_.slow ? !happens(50) : happens(rates_.disk_slow);
  weather_.down = weather_.down ? !happens(100) : happens(rates_.ledger_down);
  if (happens(rates_.sync_fails)) disk_.sync_fails = true;
  if (happens(rates_.partner_down)) partner_->down_for(dice_.percent(5) ? kHourMs : dice_.between(100, 30'000));
  if (happens(rates_.clock_jumps)) jump_somewhere();
  if (happens(rates_.crashes)) dying_ = true;
}

void World::jump_somewhere() {
  const std::uint64_t how = dice_.below(10);
  if (how < 2) return jump(dice_.percent(50) ? kHourMs : -kHourMs);
  if (how < 4) return jump(dice_.between(-kDayMs, kDayMs));
  if (how < 5) return real_clock_.jump(dice_.percent(50) ? kHourMs : -kHourMs);
  // To the next midnight in Seoul, or just beside it.
  constexpr std::int64_t kSeoulMs = 9 * kHourMs;
  const std::int64_t today = (clock_.now().ms + kSeoulMs) / kDayMs;
  jump((today + 1) * kDayMs - kSeoulMs - clock_.now().ms + dice_.between(-20, 1));
}

void World::jump(std::int64_t by_ms) {
  clock_.jump(by_ms);
  ++tally_.clock_jumps;
  if (process_) process_->clock_changed();
}

void World::run_for(std::int64_t ms) {
  const std::int64_t until = agenda_.now() + ms;
  while (wrong_.empty()) {
    if (dying_ || (crash_in_ > 0 && --crash_in_ == 0)) crash();
    if (!agenda_.step(until)) return;
  }
}

void World::crash() {
  dying_ = false;
  crash_in_ = healed_ || settings_.crash_at > 0 ? 0 : 200 + dice_.below(6'000);
  if (!process_) return;
  ++tally_.crashes;
  process_->crash();
  process_.reset();
  agenda_.drop_process();
  if (!healed_ && settings_.crash_at == 0 && dice_.percent(10)) {
    // Somebody deletes the ledger; how effects were tried goes with it.
    std::error_code none;
    std::filesystem::remove_all(folder_, none);
    std::filesystem::create_directory(folder_, none);
    ++tally_.rebuilds;
  }
  check_log();
  agenda_.after(dice_.between(0, 500), Owner::world, [this] { start(); });
}

void World::start() {
  if (process_ || !wrong_.empty()) return;
  process_ = std::make_unique<Process>(Surroundings{.agenda = agenda_,
                                                    .dice = dice_,
                                                    .clock = clock_,
                                                    .real_clock = real_clock_,
                                                    .disk = disk_,
                                                    .partner = *partner_,
                                                    .weather = weather_,
                                                    .ledger_path = folder_ + "/ledger.db",
                                                    .codes_folder = codes_folder_,
                                                    .mutant = settings_.mutant,
                                                    .die = [this] { dying_ = true; }});
  if (healed_) process_->heal();
  if (const Result<bool> started = process_->start(); !started) return fail_with(started.error().message);
  // I12 for operators: the answers kept for their commands have come back with the log.
  const Instant now = process_->store.now(kSystemPartition);
  for (const History::Folded::Kept& kept : history_.folded().kept) {
    if (now.ms - kept.at.ms >= State::kCommandLifeMs) continue;
    const auto found = process_->store.kept_answer(kept.command);
    if (!found || found->answer.body != kept.body)
      return fail_with("I12: recovery has lost the answer '" + kept.body + "'");
  }
  retry_unanswered();
}

/// Clients whose connection broke come back.
void World::retry_unanswered() {
  for (std::size_t i = 0; i < history_.joins.size(); ++i) {
    JoinOp& op = history_.joins[i];
    if (!op.waiting) continue;
    op.waiting = false;
    op.uncertain = true;
    if (op.command || dice_.percent(50)) send_later(i, dice_.between(1, 400));
  }
  for (OperatorOp& op : history_.operations) op.waiting = false;
  for (std::size_t i = 0; i < history_.plays.size(); ++i) {
    PlayOp& op = history_.plays[i];
    if (op.waiting == 0) continue;
    op.waiting = 0;
    op.uncertain = true;
    if (op.command || dice_.percent(50)) send_play_later(i, dice_.between(1, 400));
  }
}

/// I1 as it stands, and I4 so far.
void World::check_cheaply() {
  if (!process_) return;
  const State& state = process_->store.state();
  for (const DefinitionPtr& d : process_->store.all()) {
    const std::int64_t taken = state.look(keys::taken(d->partition));
    if (taken > d->promotion.limit_join_count) {
      return fail_with(fmt::format("I1: {} has {} of {} taken", d->promotion.id, taken, d->promotion.limit_join_count));
    }
  }
  for (const auto& [id, booking] : partner_->book()) {
    if (booking.times != 1) return fail_with(fmt::format("I4: {} was booked {} times", id, booking.times));
  }
}

void World::check_log() {
  if (std::string wrong = history_.judge(disk_.frames); !wrong.empty()) return fail_with(std::move(wrong));
  if (std::string wrong = history_.judge_partner(partner_->book(), false); !wrong.empty())
    return fail_with(std::move(wrong));
  if (std::string wrong = history_.judge_notices(*partner_, false); !wrong.empty()) fail_with(std::move(wrong));
}

bool World::finish() {
  healed_ = true;
  disk_.full = disk_.slow = disk_.sync_fails = false;
  weather_ = {.down = false, .healed = true};
  partner_->heal();
  real_clock_.correct();
  if (process_) process_->heal();
  // A crash that is still to come comes while the lotteries close.
  if (settings_.crash_at == 0) crash_in_ = 0;
  end_lotteries();
  crash_in_ = 0;
  // Second chances wait while everything is paused; nobody leaves it so for good.
  if ((process_ || wait_until_quiet()) && process_->store.peek(keys::paused_all()) != 0) pause_all();
  // What was given up is taken up by an operator.
  for (int round = 0; round < 5 && wrong_.empty(); ++round) {
    if (!wait_until_quiet()) break;
    const Result<Effects::Gauges> gauges = process_->ledger->gauges();
    if (!gauges || gauges->dead == 0) break;
    tally_.redriven += static_cast<int>(gauges->dead);
    detach(redrive(this, process_.get(), begin("redriveDeadLetters", false)));
    run_for(5'000);
  }
  tally_.partner_calls = partner_->calls();
  if (wrong_.empty()) check_log();
  if (wrong_.empty()) check_ledger();
  if (wrong_.empty()) check_tickets();
  if (wrong_.empty()) check_lottery_ledger();
  if (wrong_.empty()) check_vault();
  if (wrong_.empty()) check_documents();
  return wrong_.empty();
}

bool World::quiet() const {
  const bool answered = std::ranges::none_of(history_.joins, &JoinOp::waiting) &&
                        std::ranges::none_of(history_.operations, &OperatorOp::waiting) &&
                        std::ranges::all_of(history_.plays, [](const PlayOp& op) { return op.waiting == 0; });
  return process_ && to_be_sent_ == 0 && answered && process_->quiet();
}

bool World::wait_until_quiet() {
  const std::int64_t until = agenda_.now() + kHealMs;
  while (wrong_.empty() && agenda_.now() < until) {
    run_for(500);
    if (quiet()) return true;
  }
  if (!process_) {
    fail_with("I17: the application does not start");
  } else {
    const Result<Effects::Gauges> gauges = process_->ledger->gauges();
    fail_with(fmt::format(
        "I17: {} s after everything healed: durable {}, fulfilling {}, in flight {}, unsettled {}, ledger at {} of {}, "
        "pending {}, unknown {}, unanswered joins {}, unanswered operations {}, lotteries quiet {}",
        kHealMs / 1000, process_->all_durable(), process_->fulfilling, process_->fulfil->in_flight(),
        process_->fulfil->unsettled(), process_->projection->position(), disk_.frames.size(),
        gauges ? gauges->pending : -1, gauges ? gauges->unknown : -1,
        std::ranges::count_if(history_.joins, &JoinOp::waiting),
        std::ranges::count_if(history_.operations, &OperatorOp::waiting), process_->lottery->quiet()));
  }
  return false;
}

/// I13, I14 and I4 in full: everything is quiet.
void World::check_ledger() {
  if (std::string wrong = history_.judge_partner(partner_->book(), true); !wrong.empty())
    return fail_with(std::move(wrong));
  if (std::string wrong = history_.judge_notices(*partner_, true); !wrong.empty()) return fail_with(std::move(wrong));
  const History::Folded& folded = history_.folded();
  sqlite::SqliteLedger& ledger = *process_->sqlite;

  // Recovered once more, in a time of its own that stands still, with the vault that is there.
  std::error_code none;
  std::filesystem::copy(codes_folder_, folder_ + "/again", std::filesystem::copy_options::recursive, none);
  Disk copy = disk_;
  Agenda still;
  Process again({.agenda = still,
                 .dice = dice_,
                 .clock = clock_,
                 .real_clock = real_clock_,
                 .disk = copy,
                 .partner = *partner_,
                 .weather = weather_,
                 .ledger_path = folder_ + "/again.db",
                 .codes_folder = folder_ + "/again",
                 .mutant = Mutant::none,
                 .die = [] {}});
  if (const Result<bool> replayed = again.start(); !replayed) return fail_with(replayed.error().message);
  if (again.store.state().digest() != process_->store.state().digest())
    return fail_with("I14: replay gives another state");

  std::map<std::uint32_t, ParticipationDigest> expected;
  for (const auto& p : folded.participations) expected[p.partition.value].add(p.ref, p.day, p.amount, p.sequence);
  for (const auto& [partition, promotion] : folded.promotions) {
    const Result<ParticipationDigest> digest = ledger.digest(PartitionNo{partition});
    if (!digest || *digest != expected[partition]) return fail_with("I13: the ledger has other joins of " + promotion);
    const Result<std::optional<LedgerTotals>> totals = ledger.totals(PartitionNo{partition});
    if (!totals || !*totals) return fail_with("I13: the ledger has no totals of " + promotion);
    const std::int64_t joins = process_->store.peek(keys::taken(PartitionNo{partition}));
    if ((*totals)->participations != joins ||
        (*totals)->spent != process_->store.peek(keys::spent(PartitionNo{partition})) ||
        (*totals)->accruals_pending != 0 || (*totals)->accruals_failed != 0) {
      return fail_with("I13: the ledger's totals of " + promotion + " are not those of the hot state");
    }
  }
  const auto findings = ledger.findings();
  if (!findings || !findings->empty()) {
    return fail_with("I13: the ledger found " +
                     (findings ? findings->front().kind + " " + findings->front().detail : "nothing readable"));
  }
  const auto problems = ledger.integrity();
  if (!problems || !problems->empty())
    return fail_with("I13: " + (problems ? problems->front() : "the ledger cannot be read"));
  const auto broken = ledger.first_broken_audit();
  const auto audit = ledger.audit(0, 100'000);
  if (!broken || *broken || !audit || audit->size() != folded.audits) {
    return fail_with(
        fmt::format("I16: the log has {} operator actions, the audit {}", folded.audits, audit ? audit->size() : 0));
  }
}

/// I13 for those who read the database: after a sync the documents show the counts of the hot state.
void World::check_documents() {
  detach([](Process* process) -> Task<void> {
    auto syncing = (*process->sync)();
    static_cast<void>(co_await syncing);
  }(process_.get()));
  run_for(2'000);
  std::vector<std::string> expected;
  const PromotionStore& store = process_->store;
  for (const DefinitionPtr& d : process_->store.all()) {
    const std::int64_t taken = store.peek(keys::taken(d->partition));
    const Status status =
        status_at(d->promotion, d->zone.day_at(store.now(d->partition)), store.peek(keys::paused_all()) != 0);
    expected.push_back(fmt::format("{} {} {} {} {} {}", d->promotion.id, name_of(status), taken,
                                   d->promotion.limit_join_count - taken, store.peek(keys::spent(d->partition)),
                                   store.sequence(d->partition).value));
  }
  const std::vector<std::string> rows = rows_of(
      folder_ + "/ledger.db",
      "select id, status, join_count, left_join_count, spent, synced_sequence from promotion order by partition");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (i < rows.size() && rows[i] == expected[i]) continue;
    return fail_with(
        fmt::format("I13: the document says '{}', the hot state '{}'", i < rows.size() ? rows[i] : "", expected[i]));
  }
}

}  // namespace windfall::simulation

#include "app/upkeep/ledger_twin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "app/data_directory.hpp"
#include "app/upkeep/by_time.hpp"

namespace windfall::app {

using proof::Invariant;

namespace {

/// Events of one read, and of one projection.
constexpr std::size_t kPage = 1024;
/// Rows of one read.
constexpr int kRows = 1000;
/// Times that what was written meanwhile is projected, and what changed asked for again.
constexpr int kRounds = 6;
/// Between two of them: longer than a batch takes, also where the process that wrote it is gone (mongo::Options).
constexpr std::chrono::milliseconds kPause{2'500};
/// Rows that are told one by one of a promotion that differs.
constexpr std::size_t kNamed = 20;

proof::Fate fate_of(std::string_view state) {
  if (state == "DONE") return proof::Fate::done;
  return state == "DEAD" ? proof::Fate::dead : proof::Fate::open;
}

auto identity_of(const DrawRow& row) {
  return std::tuple(row.epoch, row.sequence, row.at, row.user, row.place.segment, row.place.serial);
}
auto outcome_of(const DrawRow& row) { return std::tuple(row.prize, row.item, row.test, row.voided, row.voided_late); }
auto state_of(const CouponRow& row) {
  return std::tuple(row.issue, row.ordinal, row.issued_at, row.used_at, row.expires_at);
}
auto content_of(const SegmentRow& row) {
  return std::tuple(row.at, row.segment, row.previous, row.quota, row.length, row.first_item, row.paused);
}
auto content_of(const DailyWins& row) {
  return std::tuple(row.day, row.prize, row.wins, row.second_chance, row.voided);
}
auto content_of(const LotteryTotals& totals) {
  return std::tuple(totals.granted, totals.revoked, totals.drawn, totals.won, totals.second_chance, totals.voided,
                    totals.accruals);
}

template <class Row>
bool same(const std::vector<Row>& a, const std::vector<Row>& b) {
  return std::ranges::equal(
      a, b, {}, [](const Row& row) { return content_of(row); }, [](const Row& row) { return content_of(row); });
}

/// Draws of one ledger, one after the other.
class Draws {
 public:
  Draws(LotteryLedger& ledger, PartitionNo partition) : ledger_(ledger), partition_(partition) {}

  Result<const DrawRow*> next() {
    if (at_ == page_.size() && !over_) {
      auto page = ledger_.draws({.user = {}, .partition = partition_, .after = after_, .limit = kRows});
      if (!page) return tl::unexpected(page.error());
      page_ = std::move(*page);
      at_ = 0;
      over_ = page_.empty();
      if (!over_) after_ = page_.back().seq;
    }
    return at_ == page_.size() ? nullptr : &page_[at_++];
  }

 private:
  LotteryLedger& ledger_;
  const PartitionNo partition_;
  std::vector<DrawRow> page_;
  std::size_t at_ = 0;
  std::int64_t after_ = 0;
  bool over_ = false;
};

}  // namespace

/// One partition's log, page by page.
struct LedgerTwin::Stream {
  PartitionNo partition;
  Sequence until;
  Sequence read;
  std::vector<Recorded> page;
  std::size_t at = 0;
};

LedgerTwin::LedgerTwin(Given given)
    : given_(std::move(given)),
      log_(given_.report, given_.lineage, UINT64_MAX, given_.open_seed, proof::LogCheck::Order::by_time),
      codes_(given_.report) {}

LedgerTwin::~LedgerTwin() {
  twin_.reset();
  std::error_code none;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, none);
}

Result<bool> LedgerTwin::make_twin() {
  if (const Result<bool> made = prepare_data_directory(folder_, true); !made) return made;
  auto opened = sqlite::SqliteLedger::open(
      {.path = folder_ + "/twin.db",
       .lineage = given_.lineage,
       .event_ids =
           [this](std::string_view promotion, Epoch epoch, Sequence sequence, std::uint32_t effect) {
             const codec::EventIds ids = log_.eras().ids(promotion, epoch, sequence, effect);
             return LedgerEventIds{.event = ids.event, .effect = ids.effect};
           },
       .open_seed = given_.open_seed});
  if (!opened) return tl::unexpected(opened.error());
  twin_ = std::move(*opened);
  return true;
}

Result<LedgerTwin::Places> LedgerTwin::places() {
  const auto all = given_.ledger.places();
  if (!all) return tl::unexpected(all.error());
  Places out;
  for (const KeptLedger::Place& place : *all) out.emplace(place.partition, place);
  return out;
}

Result<bool> LedgerTwin::run() {
  if (!given_.open_seed) {
    given_.report.note(Invariant::i13, "without master keys draws are not computed: rows were not compared");
  } else if (const Result<bool> made = make_twin(); !made) {
    return made;
  }
  const Result<Places> first = places();
  if (!first) return tl::unexpected(first.error());
  if (const auto system = first->find(kSystemPartition); system != first->end()) {
    if (const Result<bool> told = tell_system(system->second.sequence); !told) return told;
  }
  if (const Result<bool> judged = catch_up(*first, true); !judged) return judged;
  log_.finish();
  judge_ends(*first);
  return compare_all(*first);
}

/// One comparison, until it has been made while nothing was written.
struct LedgerTwin::Check {
  std::function<Result<bool>()> compare;
  std::string of;                             ///< in a note
  Invariant invariant;                        ///< of it
  std::optional<PartitionNo> partition = {};  ///< nullopt: of all
  bool done = false;
  std::optional<Told> doubted = {};  ///< where the ledger was when it last differed
};

Result<bool> LedgerTwin::compare_all(const Places& first) {
  std::vector<Check> checks;
  for (const auto& [partition, place] : first) {
    if (partition == kSystemPartition || !twin_) continue;
    checks.push_back({.compare = [this, of = partition] { return compare(of); },
                      .of = name_of(partition) + ": its rows",
                      .invariant = Invariant::i13,
                      .partition = partition});
  }
  if (twin_) {
    checks.push_back({.compare = [this] { return compare_effects(); }, .of = "effects", .invariant = Invariant::i4});
  }
  checks.push_back({.compare = [this] { return compare_with_itself(); }, .of = "counts", .invariant = Invariant::i13});

  for (int round = 0; round < kRounds; ++round) {
    bool doubts = false;
    for (Check& check : checks) {
      if (check.done) continue;
      const Result<bool> settled = settle(check);
      if (!settled) return settled;
      doubts = doubts || !*settled;
    }
    if (!doubts) break;
    std::this_thread::sleep_for(kPause);
    const Result<Places> now = places();
    if (!now) return tl::unexpected(now.error());
    if (const Result<bool> projected = catch_up(*now, false); !projected) return projected;
  }
  for (const Check& check : checks) {
    if (!check.done) given_.report.note(check.invariant, check.of + " were written all the time, and not compared");
  }
  return twin_ && checks[checks.size() - 2].done ? compare_book() : Result<bool>(true);
}

/// What is read while a batch is written is neither of before nor of after: a difference is one if it is still there
/// after a pause in which the ledger went nowhere.
Result<bool> LedgerTwin::settle(Check& check) {
  found_ = {};
  if (const Result<bool> compared = check.compare(); !compared) return compared;
  const Result<Places> now = places();
  if (!now) return tl::unexpected(now.error());
  const bool moved = std::ranges::any_of(*now, [&](const auto& each) {
    return (!check.partition || each.first == *check.partition) && each.second.sequence != told_[each.first];
  });
  if (moved) return false;
  if (!found_.differences.empty() && check.doubted != told_) {
    check.doubted = told_;
    return false;
  }
  tell(found_);
  check.done = true;
  return true;
}

/// The ledger's rows against its own counts.
Result<bool> LedgerTwin::compare_with_itself() {
  const auto problems = given_.ledger.integrity();
  if (!problems) return tl::unexpected(problems.error());
  ++found_.checked[Invariant::i13];
  for (const std::string& problem : *problems) {
    found_.differences.push_back({.invariant = Invariant::i13, .where = "ledger", .what = problem});
  }
  return true;
}

void LedgerTwin::tell(const Found& found) {
  for (const auto& [invariant, count] : found.checked) given_.report.checked(invariant, count);
  for (const proof::ProofFinding& each : found.differences) {
    given_.report.violation(each.invariant, each.where, each.what);
  }
}

/// Whether there is an event to be told.
Result<bool> LedgerTwin::fill(Stream& stream) {
  if (stream.at == stream.page.size()) {
    if (stream.read >= stream.until) return false;
    auto page = given_.ledger.events(stream.partition, stream.read, kPage);
    if (!page && page.error().code == FailureCode::damaged) {
      given_.report.violation(Invariant::i11, fmt::format("partition {}", stream.partition.value),
                              page.error().message);
      return false;
    }
    if (!page) return tl::unexpected(page.error());
    stream.page = std::move(*page);
    stream.at = 0;
    if (stream.page.empty()) return false;
    stream.read = stream.page.back().sequence;
  }
  return stream.page[stream.at].sequence <= stream.until;
}

Result<bool> LedgerTwin::tell_system(Sequence until) {
  std::vector<Recorded> events;
  Stream system{.partition = kSystemPartition, .until = until};
  while (true) {
    const Result<bool> more = fill(system);
    if (!more) return more;
    if (!*more) break;
    events.push_back(system.page[system.at++]);
  }
  log_.know_system(events);
  return true;
}

Result<bool> LedgerTwin::catch_up(const Places& until, bool judge) {
  std::vector<Stream> streams;
  for (const auto& [partition, place] : until) {
    streams.push_back({.partition = partition, .until = place.sequence, .read = told_[partition]});
  }
  const Result<bool> told = tell_by_time(
      streams, [this](Stream& stream) { return fill(stream); },
      [](const Stream& stream) { return stream.page[stream.at].time.ms; },
      [this, judge](Stream& stream) {
        Recorded& recorded = stream.page[stream.at++];
        if (judge) {
          log_.take(0, recorded);
          codes_.take(0, recorded);
        }
        told_[stream.partition] = recorded.sequence;
        batch_.events.push_back(std::move(recorded));
        return project(false);
      });
  return told ? project(true) : told;
}

Result<bool> LedgerTwin::project(bool all) {
  if (batch_.events.empty() || (!all && batch_.events.size() < kPage)) return true;
  batch_.position += batch_.events.size();
  Result<bool> applied = twin_ ? twin_->apply(batch_) : Result<bool>(true);
  batch_.events.clear();
  if (!applied && applied.error().code == FailureCode::damaged) {
    given_.report.violation(Invariant::i11, "the log", "cannot be projected: " + applied.error().message);
    twin_.reset();
    return true;
  }
  return applied;
}

/// Each partition's log ends where the ledger says that it has read to.
void LedgerTwin::judge_ends(const Places& until) {
  for (const auto& [partition, place] : until) {
    given_.report.checked(Invariant::i11);
    const Sequence last = told_[partition];
    if (last == place.sequence) continue;
    given_.report.violation(
        Invariant::i11, fmt::format("partition {}", partition.value),
        fmt::format("its log ends with event {}; the ledger says {}", last.value, place.sequence.value));
  }
}

std::string LedgerTwin::name_of(PartitionNo partition) const {
  const auto& folds = log_.partitions();
  const bool known = partition.value < folds.size() && !folds[partition.value].id.empty();
  return known ? "promotion " + folds[partition.value].id : fmt::format("partition {}", partition.value);
}

void LedgerTwin::differs(PartitionNo partition, std::string what) {
  found_.differences.push_back({.invariant = Invariant::i13, .where = name_of(partition), .what = std::move(what)});
}

Result<bool> LedgerTwin::compare(PartitionNo partition) {
  const auto& folds = log_.partitions();
  const bool lottery =
      partition.value < folds.size() && folds[partition.value].promotion && folds[partition.value].promotion->lottery;
  if (const Result<bool> compared = compare_joins(partition); !compared) return compared;
  return lottery ? compare_lottery(partition) : Result<bool>(true);
}

Result<bool> LedgerTwin::compare_joins(PartitionNo partition) {
  const auto own = twin_->digest(partition);
  if (!own) return tl::unexpected(own.error());
  const auto theirs = given_.ledger.digest(partition);
  if (!theirs) return tl::unexpected(theirs.error());
  found_.checked[Invariant::i13] += static_cast<std::int64_t>(own->count) + 1;
  if (*own == *theirs) return true;
  differs(partition, fmt::format("{} participations, not those {} of its log", theirs->count, own->count));
  return name_joins(partition);
}

/// Those of the log that are missing or different; a row without an event has no place that could be asked for.
Result<bool> LedgerTwin::name_joins(PartitionNo partition) {
  const auto content = [](const ParticipationRow& row) {
    return std::tuple(row.user, row.day, row.amount, row.at, row.revision, row.test);
  };
  std::size_t named = 0;
  Sequence after;
  while (named < kNamed) {
    const auto events = given_.ledger.events(partition, after, kPage);
    if (!events) return tl::unexpected(events.error());
    if (events->empty()) return true;
    for (const Recorded& recorded : *events) {
      after = recorded.sequence;
      if (!std::holds_alternative<Participated>(recorded.event)) continue;
      const auto own = twin_->participation_of(partition, recorded.epoch, recorded.sequence);
      if (!own) return tl::unexpected(own.error());
      const auto theirs = given_.ledger.participation_of(partition, recorded.epoch, recorded.sequence);
      if (!theirs) return tl::unexpected(theirs.error());
      if (!*own || (*theirs && content(**own) == content(**theirs))) continue;
      differs(partition, fmt::format("event {}: its participation {}", recorded.sequence.value,
                                     *theirs ? "is not what the log says" : "is missing"));
      if (++named == kNamed) return true;
    }
  }
  return true;
}

Result<bool> LedgerTwin::compare_lottery(PartitionNo partition) {
  const auto compared = [&](const char* what, const auto& own, const auto& theirs, auto equal) -> Result<bool> {
    if (!own) return tl::unexpected(own.error());
    if (!theirs) return tl::unexpected(theirs.error());
    ++found_.checked[Invariant::i13];
    if (!equal(*own, *theirs)) differs(partition, std::string(what) + " are not those of its log");
    return true;
  };
  KeptLedger& ledger = given_.ledger;
  const auto equal_totals = [](const LotteryTotals& a, const LotteryTotals& b) {
    return content_of(a) == content_of(b);
  };
  Result<bool> done = compared("counts of tickets, draws and wins", twin_->lottery_totals(partition),
                               ledger.lottery_totals(partition), equal_totals);
  if (!done) return done;
  done = compared("segments", twin_->segments(partition), ledger.segments(partition), same<SegmentRow>);
  if (!done) return done;
  done = compared("wins by day", twin_->wins_by_day(partition), ledger.wins_by_day(partition), same<DailyWins>);
  if (!done) return done;
  return compare_draws(partition);
}

Result<bool> LedgerTwin::compare_draws(PartitionNo partition) {
  Draws own(*twin_, partition);
  Draws theirs(given_.ledger, partition);
  for (std::size_t named = 0; named < kNamed;) {
    const Result<const DrawRow*> expected = own.next();
    if (!expected) return tl::unexpected(expected.error());
    const Result<const DrawRow*> found = theirs.next();
    if (!found) return tl::unexpected(found.error());
    if (*expected == nullptr && *found == nullptr) return true;
    ++found_.checked[Invariant::i13];
    if (*expected == nullptr || *found == nullptr || identity_of(**expected) != identity_of(**found)) {
      // From here on they do not stand beside each other any more.
      const DrawRow* first = *expected != nullptr ? *expected : *found;
      differs(partition, fmt::format("draws differ from event {} on", first->sequence.value));
      return true;
    }
    if (outcome_of(**expected) != outcome_of(**found)) {
      differs(partition,
              fmt::format("event {}: what its draw won is not what the log says", (*expected)->sequence.value));
      ++named;
    }
    if ((*expected)->prize) {
      if (const Result<bool> compared = compare_coupon(**expected); !compared) return compared;
    }
  }
  return true;
}

Result<bool> LedgerTwin::compare_coupon(const DrawRow& draw) {
  const EffectId event = log_.eras().ids(draw.promotion_id, draw.epoch, draw.sequence).event;
  const auto own = twin_->coupon_of(event);
  if (!own) return tl::unexpected(own.error());
  const auto theirs = given_.ledger.coupon_of(event);
  if (!theirs) return tl::unexpected(theirs.error());
  ++found_.checked[Invariant::i9];
  const bool equal = own->has_value() == theirs->has_value() && (!*own || state_of(**own) == state_of(**theirs));
  if (!equal) {
    found_.differences.push_back({.invariant = Invariant::i9,
                                  .where = name_of(draw.partition),
                                  .what = "coupon " + codec::to_uuid_text(event) + " is not what the log says"});
  }
  return true;
}

Result<bool> LedgerTwin::compare_effects() {
  struct Hash {
    std::size_t operator()(const EffectId& id) const {
      std::size_t hash = 0;
      for (const std::uint8_t byte : id) hash = (hash * 257) + byte;
      return hash;
    }
  };
  struct Owed {
    EffectKind kind = EffectKind::accrual;
    std::string promotion_id;
    Amount amount = 0;
  };
  std::unordered_map<EffectId, Owed, Hash> owed;
  const auto own = twin_->effect_book([&](const BookEntry& entry) {
    owed[entry.effect] = {.kind = entry.kind, .promotion_id = entry.promotion_id, .amount = entry.amount};
  });
  if (!own) return tl::unexpected(own.error());
  const auto invariant_of = [](EffectKind kind) {
    return kind == EffectKind::accrual ? Invariant::i4 : Invariant::i10;
  };
  const auto wrong = [&](EffectKind kind, const EffectId& effect, std::string what) {
    found_.differences.push_back(
        {.invariant = invariant_of(kind), .where = "effect " + codec::to_uuid_text(effect), .what = std::move(what)});
  };
  const auto theirs = given_.ledger.effect_book([&](const BookEntry& entry) {
    ++found_.checked[invariant_of(entry.kind)];
    const auto found = owed.find(entry.effect);
    if (found == owed.end()) return wrong(entry.kind, entry.effect, "is owed by no event of the log");
    const Owed& expected = found->second;
    if (expected.kind != entry.kind) {
      wrong(entry.kind, entry.effect, "is of another kind than the log says");
    } else if (expected.amount != entry.amount || expected.promotion_id != entry.promotion_id) {
      wrong(entry.kind, entry.effect,
            fmt::format("is {} points of promotion {}; the log says {} of {}", entry.amount, entry.promotion_id,
                        expected.amount, expected.promotion_id));
    }
    owed.erase(found);
  });
  if (!theirs) return tl::unexpected(theirs.error());
  for (const auto& [effect, what] : owed) {
    wrong(what.kind, effect, fmt::format("of {} points of promotion {} is not there", what.amount, what.promotion_id));
  }
  return true;
}

Result<bool> LedgerTwin::compare_book() {
  if (given_.book == nullptr) return true;
  std::unordered_map<std::string, PartitionNo> numbers;
  for (std::uint32_t n = 0; n < log_.partitions().size(); ++n) numbers[log_.partitions()[n].id] = PartitionNo{n};
  const auto read = given_.ledger.effect_book([&](const BookEntry& entry) {
    if (entry.kind != EffectKind::accrual) return;
    if (entry.user_id.empty()) return given_.book->excuse(entry.effect);  // erased: nobody can tell whose it was
    const proof::Place place{.frame = 0, .partition = numbers[entry.promotion_id], .sequence = {}};
    given_.book->check(place, entry.effect, given_.hasher.of(entry.user_id), entry.promotion_id, entry.amount,
                       fate_of(entry.state), given_.report);
  });
  if (!read) return tl::unexpected(read.error());
  given_.book->finish(given_.report);
  return true;
}

}  // namespace windfall::app

#include "app/upkeep/ledger_walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/redis/folded_state.hpp"
#include "app/upkeep/by_time.hpp"
#include "app/upkeep/lottery_snapshot_rows.hpp"

namespace windfall::app {

using proof::Invariant;

namespace {

/// Of one read: a page of every promotion is held at once.
constexpr std::int64_t kPage = 1024;

proof::Fate fate_of(std::int64_t state) {
  if (state == 3) return proof::Fate::done;
  return state == 4 ? proof::Fate::dead : proof::Fate::open;
}

std::string text_of(UserRef user) { return fmt::format("{:016x}{:016x}", user.hi, user.lo); }

}  // namespace

LedgerWalk::LedgerWalk(Given given)
    : given_(std::move(given)),
      log_(given_.report, given_.lineage, UINT64_MAX, given_.open_seed, proof::LogCheck::Order::by_time),
      codes_(given_.report) {}

Result<bool> LedgerWalk::run() {
  const auto places = given_.ledger.places();
  if (!places) return tl::unexpected(places.error());
  if (const Result<bool> told = tell_system(); !told) return told;
  if (const Result<bool> walked = walk(*places); !walked) return walked;
  log_.finish();
  judge_ends(*places);
  if (const Result<bool> judged = judge_lotteries(); !judged) return judged;
  if (const Result<bool> judged = judge_promotions(); !judged) return judged;
  if (given_.book != nullptr) given_.book->finish(given_.report);

  const auto strays = given_.ledger.strays();
  if (!strays) return tl::unexpected(strays.error());
  for (const auto& stray : *strays) {
    const Invariant invariant = stray.row.starts_with("effect") ? Invariant::i4 : Invariant::i13;
    given_.report.violation(invariant, stray.row, stray.what);
  }
  return true;
}

/// Whether there is an event to be told.
Result<bool> LedgerWalk::fill(Stream& stream) {
  if (stream.at < stream.page.size()) return true;
  auto page = given_.ledger.events(stream.partition, stream.epoch, stream.sequence, kPage);
  if (!page) return tl::unexpected(page.error());
  stream.page = std::move(*page);
  stream.at = 0;
  if (stream.page.empty()) return false;
  stream.epoch = stream.page.back().epoch;
  stream.sequence = stream.page.back().sequence;
  return true;
}

Result<bool> LedgerWalk::tell_system() {
  std::vector<Recorded> events;
  Stream system{.partition = kSystemPartition};
  while (true) {
    const Result<bool> more = fill(system);
    if (!more) return more;
    if (!*more) break;
    for (; system.at < system.page.size(); ++system.at) {
      if (system.page[system.at].recorded) events.push_back(*system.page[system.at].recorded);
    }
  }
  log_.know_system(events);
  return true;
}

/// All partitions at once, in the order of their times: what rules ask of other promotions is there when they ask.
Result<bool> LedgerWalk::walk(const std::vector<postgres::PostgresLedger::Place>& places) {
  std::vector<Stream> streams;
  streams.reserve(places.size());
  for (const auto& place : places) streams.push_back({.partition = place.partition});
  return tell_by_time(
      streams, [this](Stream& stream) { return fill(stream); },
      [](const Stream& stream) { return stream.page[stream.at].at.ms; },
      [this](Stream& stream) -> Result<bool> {
        judge(stream.partition, stream.page[stream.at]);
        ++stream.at;
        return true;
      });
}

void LedgerWalk::judge(PartitionNo partition, const EventRow& row) {
  const proof::Place place{.frame = 0, .partition = partition, .sequence = row.sequence};
  given_.report.checked(Invariant::i13);
  if (!row.recorded) {
    given_.report.violation(Invariant::i11, place, "its bytes: " + row.recorded.error().message);
    return;
  }
  const Recorded& recorded = *row.recorded;
  if (recorded.partition != partition || recorded.epoch != row.epoch || recorded.sequence != row.sequence ||
      recorded.time != row.at || recorded.revision != row.revision) {
    differs(place, "the columns of its row in event are not what its bytes say");
    if (recorded.partition != partition || recorded.sequence != row.sequence) return;
  }
  log_.take(0, recorded);
  codes_.take(0, recorded);
  const auto* joined = std::get_if<Participated>(&recorded.event);
  if (joined != nullptr) {
    judge_acceptance(place, row, recorded, *joined);
  } else if (row.acceptance) {
    differs(place, fmt::format("is no acceptance, and has the row participation {}", row.ordinal));
  }
}

void LedgerWalk::judge_acceptance(const proof::Place& place, const EventRow& row, const Recorded& recorded,
                                  const Participated& event) {
  if (!row.acceptance) return differs(place, "the ledger has no participation of it");
  if (place.partition.value >= log_.partitions().size()) return;  // the log has said that its definition is missing
  const AcceptanceRow& found = *row.acceptance;
  const std::string& promotion = log_.partitions()[place.partition.value].id;
  const codec::EventIds ids = log_.eras().ids(promotion, recorded.epoch, recorded.sequence);
  const auto wrong = [&](std::string_view column) {
    differs(place, fmt::format("participation {}: {} is not what the log says", row.ordinal, column));
  };
  if (found.partition != recorded.partition || found.epoch != recorded.epoch || found.sequence != recorded.sequence) {
    wrong("its place");
  }
  if (found.user != event.user) wrong("user");
  if (found.day != event.day) wrong("day");
  if (found.amount != event.amount) wrong("amount");
  if (found.at != recorded.time) wrong("at");
  if (found.revision != recorded.revision) wrong("revision");
  if (found.test != event.test) wrong("test");
  if (found.event_id != ids.event) wrong("event_id");
  judge_effect(place, found, event, ids, row.ordinal);
}

void LedgerWalk::judge_effect(const proof::Place& place, const AcceptanceRow& row, const Participated& event,
                              const codec::EventIds& ids, std::int64_t ordinal) {
  given_.report.checked(Invariant::i4);
  const auto wrong = [&](std::string what) { given_.report.violation(Invariant::i4, place, std::move(what)); };
  const bool owes = !event.test && event.amount > 0;
  if (!owes) {
    if (row.names_effect) wrong("owes nothing, and names the effect " + codec::to_uuid_text(*row.names_effect));
    return;
  }
  if (!row.names_effect) return wrong(fmt::format("owes {} points, and its row names no effect", event.amount));
  if (*row.names_effect != ids.effect) {
    return wrong(fmt::format("its row names the effect {}, and its own is {}", codec::to_uuid_text(*row.names_effect),
                             codec::to_uuid_text(ids.effect)));
  }
  if (!row.effect) return wrong("its effect " + codec::to_uuid_text(ids.effect) + " is not there");
  const EffectRow& effect = *row.effect;
  if (effect.amount != event.amount) {
    wrong(fmt::format("its effect {} is of {} points instead of {}", codec::to_uuid_text(effect.id), effect.amount,
                      event.amount));
  }
  if (effect.user != event.user) {
    wrong(fmt::format("its effect {} is for user {}, not {}", codec::to_uuid_text(effect.id), text_of(effect.user),
                      text_of(event.user)));
  }
  if (effect.kind != 0 || effect.ordinal != ordinal) {
    wrong(fmt::format("its effect {} is not its accrual", codec::to_uuid_text(effect.id)));
  }
  if (given_.book == nullptr) return;
  const std::string& promotion = log_.partitions()[place.partition.value].id;
  given_.book->check(place, ids.effect, event.user, promotion, event.amount, fate_of(effect.state), given_.report);
}

/// Each partition's log ends where the ledger says that it has read to.
void LedgerWalk::judge_ends(const std::vector<postgres::PostgresLedger::Place>& places) {
  for (const auto& place : places) {
    given_.report.checked(Invariant::i11);
    const std::size_t number = place.partition.value;
    const Sequence last = number < log_.partitions().size() ? log_.partitions()[number].sequence : Sequence{};
    if (last == place.sequence) continue;
    given_.report.violation(
        Invariant::i11, fmt::format("partition {}", number),
        fmt::format("its log ends with event {}; partition_position says {}", last.value, place.sequence.value));
  }
}

Result<bool> LedgerWalk::judge_lotteries() {
  const auto is_lottery = [this](PartitionNo partition) {
    const auto& folds = log_.partitions();
    return partition.value < folds.size() && folds[partition.value].promotion &&
           folds[partition.value].promotion->lottery;
  };
  for (std::uint32_t p = 1; p < log_.partitions().size(); ++p) {
    if (!is_lottery(PartitionNo{p})) continue;
    if (const Result<bool> judged = judge_lottery(PartitionNo{p}); !judged) return judged;
  }
  const auto partitions = given_.ledger.with_rows_of_lotteries();
  if (!partitions) return tl::unexpected(partitions.error());
  for (const PartitionNo partition : *partitions) {
    given_.report.checked(Invariant::i13);
    if (is_lottery(partition)) continue;
    given_.report.violation(Invariant::i13, fmt::format("partition {}", partition.value),
                            "has rows of a lottery, which it is not");
  }
  return true;
}

/// Row by row, by the checks of a ledger in a file; and the fold that Redis is compared with, beside one that knows the
/// rules of lotteries.
Result<bool> LedgerWalk::judge_lottery(PartitionNo partition) {
  const auto lottery = given_.ledger.lottery(partition);
  if (!lottery) return tl::unexpected(lottery.error());
  LotterySnapshotRows rows(**lottery);
  proof::LotteryLedgerCheck check(given_.report, rows, [this](const auto& place, const auto& expected, auto state) {
    judge_booking(place, expected, state);
  });
  redis::FoldedState hot(partition);
  bool folded = log_.complete();
  Stream stream{.partition = partition};
  while (!rows.failure()) {
    const Result<bool> more = fill(stream);
    if (!more) return more;
    if (!*more) break;
    for (; stream.at < stream.page.size(); ++stream.at) {
      const Result<Recorded>& recorded = stream.page[stream.at].recorded;
      if (!recorded) continue;
      judge_lottery_event(*recorded, check);
      folded = folded && hot.take(*recorded);
    }
  }
  check.finish(log_.lotteries());
  if (rows.failure()) return tl::unexpected(*rows.failure());
  if (folded) log_.lotteries().compare(partition, [&hot](const CounterKey& counter) { return hot.look(counter); });
  return true;
}

void LedgerWalk::judge_lottery_event(const Recorded& recorded, proof::LotteryLedgerCheck& rows) {
  if (const auto* definition = std::get_if<DefinitionChanged>(&recorded.event)) {
    effects_.define(recorded.partition, *definition);
  }
  const proof::Place place{.frame = 0, .partition = recorded.partition, .sequence = recorded.sequence};
  const std::string& promotion = log_.partitions()[recorded.partition.value].id;
  const auto ids = [&](std::uint32_t index) {
    return log_.eras().ids(promotion, recorded.epoch, recorded.sequence, index);
  };
  std::vector<proof::LotteryLedgerCheck::Effect> effects;
  for (const proof::LotteryEffect& effect :
       effects_.of(recorded, log_.lotteries(), [&](std::uint32_t index) { return ids(index).effect; })) {
    if (effect.perhaps && given_.book != nullptr) given_.book->excuse(effect.id);
    effects.push_back({.effect = effect, .fate = std::nullopt});
  }
  rows.event(place, recorded, effects_.terms(recorded.partition), log_.lotteries(), ids(kAccrualIndex).event, effects);
}

/// How effects end stands in their rows alone.
void LedgerWalk::judge_booking(const proof::Place& place, const proof::LotteryEffect& expected, std::int64_t state) {
  if (given_.book == nullptr || expected.kind != EffectKind::accrual) return;
  const std::string& promotion = log_.partitions()[place.partition.value].id;
  given_.book->check(place, expected.id, expected.user, promotion, expected.amount,
                     expected.voided ? proof::Fate::open : fate_of(state), given_.report);
}

Result<bool> LedgerWalk::judge_promotions() {
  const auto rows = given_.ledger.promotions();
  if (!rows) return tl::unexpected(rows.error());
  std::size_t matched = 0;
  for (const auto& row : *rows) {
    given_.report.checked(Invariant::i13);
    const std::string where = "promotion " + row.id;
    const auto wrong = [&](std::string what) { given_.report.violation(Invariant::i13, where, std::move(what)); };
    if (row.partition.value >= log_.partitions().size() || log_.partitions()[row.partition.value].id != row.id) {
      wrong(fmt::format("the log of partition {} is not its own", row.partition.value));
      continue;
    }
    ++matched;
    const proof::LogCheck::PartitionFold& fold = log_.partitions()[row.partition.value];
    if (row.definition != fold.definition || row.revision != fold.revision) {
      wrong("its definition in the table promotion is not what the log says");
    }
    if (row.synced != fold.sequence || !fold.promotion || fold.promotion->lottery) continue;
    const std::int64_t left = fold.promotion->limit_join_count - fold.taken;
    if (row.joined != fold.taken || row.spent != fold.spent || row.left != left) {
      wrong(fmt::format("synced counts are {}, {}, {}; the log has {}, {}, {}", row.joined, row.spent, row.left,
                        fold.taken, fold.spent, left));
    }
  }
  std::size_t defined = 0;
  for (const auto& fold : log_.partitions()) defined += fold.id.empty() ? 0 : 1;
  if (matched < defined) {
    given_.report.violation(Invariant::i13, "table promotion",
                            fmt::format("{} of the log's {} promotions are there", matched, defined));
  }
  const auto blocked = given_.ledger.blocked();
  if (!blocked) return tl::unexpected(blocked.error());
  given_.report.checked(Invariant::i13, static_cast<std::int64_t>(blocked->size()));
  if (*blocked != log_.blocked()) {
    given_.report.violation(
        Invariant::i13, "table blocked",
        fmt::format("{} people, not those {} that the log has", blocked->size(), log_.blocked().size()));
  }
  return true;
}

}  // namespace windfall::app

// MongoLedger as something that is checked: what it noticed itself, and its rows against its counts and chains. Counts
// are made here, document by document: what servers can add up differs.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "adapters/codec/audit_chain.hpp"
#include "adapters/codec/encoding.hpp"
#include "adapters/mongo/client.hpp"
#include "adapters/mongo/mongo_ledger.hpp"
#include "adapters/mongo/reading.hpp"
#include "adapters/mongo/schema.hpp"

namespace windfall::mongo {

namespace {

std::uint32_t small(const View& view, const char* name) { return static_cast<std::uint32_t>(view.integer(name)); }

using Totals = std::map<std::uint32_t, Total>;
using LotteryCounts = std::map<std::uint32_t, LotteryTotal>;

/// Adds a problem for each partition in which the two differ; a missing one is the same as one of zeros.
template <class Counts>
void compare(const Counts& counted, const Counts& kept, const char* what, std::vector<std::string>& problems) {
  std::map<std::uint32_t, bool> partitions;
  for (const auto& [partition, count] : counted) partitions[partition] = true;
  for (const auto& [partition, count] : kept) partitions[partition] = true;
  for (const auto& [partition, there] : partitions) {
    const auto left = counted.find(partition);
    const auto right = kept.find(partition);
    using Count = typename Counts::mapped_type;
    const bool same =
        (left == counted.end() ? Count{} : left->second) == (right == kept.end() ? Count{} : right->second);
    if (!same)
      problems.push_back(std::string(what) + " of partition " + std::to_string(partition) + " differs from the rows");
  }
}

Result<Totals> count_participations(Client& client) {
  Totals counted;
  const Result<bool> read = client.each(kParticipations, {.filter = {}}, [&](const View& view) {
    Total& total = counted[small(view, "partition")];
    ++total.participations;
    add_saturating(total.spent, view.integer("rewardAmount"));
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return counted;
}

Result<LotteryCounts> count_lotteries(Client& client) {
  LotteryCounts counted;
  Result<bool> read = client.each(kTickets, {.filter = {}}, [&](const View& view) {
    LotteryTotal& total = counted[small(view, "partition")];
    const std::int64_t tickets = view.integer("tickets");
    if (tickets < 0) {
      total.revoked -= tickets;
    } else {
      total.granted[static_cast<std::size_t>(view.integer("cause")) % kGrantCauses] += tickets;
    }
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  read = client.each(kDraws, {.filter = {}}, [&](const View& view) {
    const Draw draw = draw_of(view);
    LotteryTotal& total = counted[draw.partition.value];
    const bool second = draw.place.segment == WinPlace::kSecondChance;
    if (!second) ++total.drawn;
    if (!draw.won) return true;
    ++(second ? total.second_won : total.won);
    if (draw.won->voided != 0) ++total.voided;
    if (draw.won->effect && draw.won->voided == 0) ++total.accruals;
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return counted;
}

/// How many events each partition has, and whether they are 1, 2, 3, …
struct Run {
  std::int64_t count = 0;
  std::int64_t first = INT64_MAX;
  std::int64_t last = 0;
};

}  // namespace

Result<std::vector<LedgerFinding>> MongoLedger::findings() {
  Result<std::vector<LedgerFinding>> out = effects_->findings();
  if (!out) return out;
  const Result<bool> read = client_->each(kFindings, {.filter = {}, .sort = by("_id")}, [&](const View& view) {
    out->push_back({.at = view.time("at"),
                    .kind = view.text("kind"),
                    .partition = {small(view, "partition")},
                    .epoch = {small(view, "epoch")},
                    .sequence = {static_cast<std::uint64_t>(view.integer("sequence"))},
                    .detail = view.text("detail")});
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  std::ranges::sort(*out, {}, [](const LedgerFinding& each) { return std::tuple(each.at, each.sequence); });
  return out;
}

Result<ParticipationDigest> MongoLedger::digest(PartitionNo partition) {
  Document filter;
  filter.integer("partition", std::int64_t{partition.value});
  ParticipationDigest digest;
  const Result<bool> read = client_->each(kParticipations, {.filter = filter}, [&](const View& view) {
    digest.add(view.user("userRef"), view.day("day"), view.integer("rewardAmount"),
               Sequence{static_cast<std::uint64_t>(view.integer("sequence"))});
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return digest;
}

Result<std::optional<std::int64_t>> MongoLedger::first_broken_audit() {
  const Result<Progress> now = numbers();
  if (!now) return tl::unexpected(now.error());
  std::string chain = codec::to_hex(options_.lineage);
  std::int64_t seq = 0;
  std::optional<std::int64_t> broken;
  Document filter;
  filter.document("_id", behind(INT64_MIN, now->audit));
  const Find find{.filter = filter, .sort = by("_id"), .limit = 0};
  const Result<bool> read = client_->each(kAudit, find, [&](const View& view) {
    ++seq;
    const std::string actor = view.text("actor");
    const std::string action = view.text("action");
    const std::string subject = view.text("subject");
    const std::string reason = view.text("reason");
    chain =
        codec::chain_of(chain, seq,
                        {.at = view.time("at"),
                         .actor = actor,
                         .action = action,
                         .subject = subject,
                         .subject_user = view.has("subjectRef") ? std::optional{view.user("subjectRef")} : std::nullopt,
                         .before = view.text("before"),
                         .after = view.text("after"),
                         .reason = reason});
    if (view.integer("_id") != seq || view.text("chain") != chain) broken = seq;
    return !broken;
  });
  if (!read) return tl::unexpected(read.error());
  if (broken) return broken;
  if (now->audit != seq || now->chain != chain) return std::optional{seq + 1};
  return std::nullopt;
}

Result<std::vector<std::string>> MongoLedger::integrity() {
  Result<std::vector<std::string>> problems = effects_->integrity();
  if (!problems) return problems;

  const Result<Totals> participations = count_participations(*client_);
  if (!participations) return tl::unexpected(participations.error());
  Totals kept;
  Result<bool> read = client_->each(kTotals, {.filter = {}}, [&](const View& view) {
    kept[small(view, "_id")] = total_of(view);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  compare(*participations, kept, "totals", *problems);

  Result<LotteryCounts> lotteries = count_lotteries(*client_);
  if (!lotteries) return tl::unexpected(lotteries.error());
  LotteryCounts kept_lotteries;
  read = client_->each(kLotteryTotals, {.filter = {}}, [&](const View& view) {
    LotteryTotal total = lottery_total_of(view);
    total.second_begun = false;  // no count
    kept_lotteries[small(view, "_id")] = total;
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  compare(*lotteries, kept_lotteries, "lotteryTotals", *problems);

  std::map<std::uint32_t, Run> runs;
  read = client_->each(kEvents, {.filter = {}}, [&](const View& view) {
    Run& run = runs[small(view, "partition")];
    const std::int64_t sequence = view.integer("sequence");
    ++run.count;
    run.first = std::min(run.first, sequence);
    run.last = std::max(run.last, sequence);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  const Result<std::vector<Place>> reached = places();
  if (!reached) return tl::unexpected(reached.error());
  for (const Place& place : *reached) {
    const auto last = static_cast<std::int64_t>(place.sequence.value);
    const Run run = runs[place.partition.value];
    const bool whole = last == 0 ? run.count == 0 : run.first == 1 && run.last == last && run.count == last;
    if (!whole) {
      problems->push_back("events of partition " + std::to_string(place.partition.value) + " have gaps");
    }
  }
  return problems;
}

}  // namespace windfall::mongo

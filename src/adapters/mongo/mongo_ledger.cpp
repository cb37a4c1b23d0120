#include "adapters/mongo/mongo_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_codec.hpp"
#include "adapters/mongo/client.hpp"
#include "adapters/mongo/known.hpp"
#include "adapters/mongo/projection.hpp"
#include "adapters/mongo/rows.hpp"
#include "adapters/mongo/schema.hpp"
#include "adapters/mongo/writes.hpp"

namespace windfall::mongo {

namespace {

/// A batch is one document of at most 16 MiB. A thousand joins take one of them; what an event holds stands in it up to
/// six times (a definition: in the event, in the audit before and after, and as a definition), and one event more comes
/// on top.
constexpr std::size_t kMostEvents = 1024;
constexpr std::size_t kMostEventBytes = std::size_t{2} * 1024 * 1024;
/// Batches that are kept, for whoever has begun one late, and to look at.
constexpr std::int64_t kKeptBatches = 64;
constexpr std::chrono::milliseconds kLook{20};
/// Other processes may be faster, but not this often.
constexpr int kTries = 64;

Document by_id(std::int64_t id) {
  Document filter;
  filter.integer("_id", id);
  return filter;
}

Document progress_filter() {
  Document filter;
  filter.text("_id", kProgressId);
  return filter;
}

Result<std::vector<const Recorded*>> new_events(const Progress& progress, const LogBatch& batch) {
  std::vector<const Recorded*> events;
  std::map<std::uint32_t, std::pair<Epoch, Sequence>> places;
  for (const Recorded& recorded : batch.events) {
    auto& [epoch, sequence] =
        places.try_emplace(recorded.partition.value, progress.place(recorded.partition)).first->second;
    if (std::tie(recorded.epoch, recorded.sequence) <= std::tie(epoch, sequence)) continue;
    // A new epoch goes on where the last one ended: its state was folded from this very log.
    if (recorded.sequence.value != sequence.value + 1) {
      return fail(FailureCode::damaged,
                  fmt::format("ledger: partition {} has a gap: epoch {}, sequence {} follows epoch {}, sequence {}",
                              recorded.partition.value, recorded.epoch.value, recorded.sequence.value, epoch.value,
                              sequence.value));
    }
    epoch = recorded.epoch;
    sequence = recorded.sequence;
    events.push_back(&recorded);
  }
  return events;
}

/// Makes what is missing, unless there is a ledger of another lineage.
Result<bool> make_ledger(Client& client, const std::string& lineage) {
  auto there = client.find_one(kProgress, progress_filter());
  if (!there) return tl::unexpected(there.error());
  if (*there && View(**there).text("lineage") != lineage) {
    return fail(FailureCode::conflict,
                "mongodb: the ledger belongs to lineage " + View(**there).text("lineage") + ", not to " + lineage);
  }
  Result<bool> indexed = make_indexes(client);
  if (!indexed || *there) return indexed;
  // The audit's chain starts from the lineage: a row cannot be moved to another ledger either.
  Document first = progress_filter();
  first.text("lineage", lineage).integer("batch", std::int64_t{0}).append(numbers_of({.chain = lineage, .places = {}}));
  first.document("places", Document{});
  Result<bool> made = client.insert(kProgress, {first});
  if (!made || *made) return made;
  return make_ledger(client, lineage);  // another process was faster: is it of our lineage?
}

Instant wall_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

}  // namespace

Result<std::unique_ptr<MongoLedger>> MongoLedger::open(Options options, std::unique_ptr<EffectKeeper> effects) {
  Result<std::unique_ptr<MongoLedger>> ledger = open_later(std::move(options), std::move(effects));
  if (!ledger) return ledger;
  const Result<bool> prepared = (*ledger)->prepare();
  if (!prepared) return tl::unexpected(prepared.error());
  return ledger;
}

Result<std::unique_ptr<MongoLedger>> MongoLedger::open_later(Options options, std::unique_ptr<EffectKeeper> effects) {
  Result<std::unique_ptr<Client>> client = Client::open(options.uri, options.password);
  if (!client) return tl::unexpected(client.error());
  const std::string lineage = codec::to_hex(options.lineage);
  (*client)->before_first_use([lineage](Client& server) { return make_ledger(server, lineage); });
  return std::unique_ptr<MongoLedger>(new MongoLedger(std::move(options), *std::move(client), std::move(effects)));
}

MongoLedger::MongoLedger(Options options, std::unique_ptr<Client> client, std::unique_ptr<EffectKeeper> effects)
    : options_(std::move(options)),
      client_(std::move(client)),
      effects_(std::move(effects)),
      books_(std::make_unique<Books>(Books{.open_seed = options_.open_seed, .by_partition = {}})),
      named_(std::make_unique<NamedBefore>()) {}

MongoLedger::~MongoLedger() = default;

Result<bool> MongoLedger::prepare() { return client_->ready(); }

Result<Progress> MongoLedger::progress() {
  const auto found = client_->find_one(kProgress, progress_filter());
  if (!found) return tl::unexpected(found.error());
  if (!*found) return fail(FailureCode::damaged, "ledger: the progress document is missing");
  return progress_of(View(**found));
}

Result<Progress> MongoLedger::numbers() {
  const auto found = client_->find(kProgress, {.filter = progress_filter(), .limit = 1, .without = "places"});
  if (!found) return tl::unexpected(found.error());
  if (found->empty()) return fail(FailureCode::damaged, "ledger: the progress document is missing");
  return progress_of(View(found->front()));
}

// --- Batches

Result<bool> MongoLedger::apply(const LogBatch& batch) {
  const std::lock_guard lock(writing_);
  bool any = false;
  std::size_t next = 0;
  while (next < batch.events.size()) {
    LogBatch part{.events = {}, .identities = batch.identities, .position = batch.position};
    std::string bytes;
    while (next < batch.events.size() && part.events.size() < kMostEvents && bytes.size() < kMostEventBytes) {
      part.events.push_back(batch.events[next++]);
      codec::encode(part.events.back(), bytes);
    }
    const Result<bool> applied = apply_part(part);
    if (!applied) {
      books_->by_partition.clear();  // they may have seen events that are not there
      return applied;
    }
    any = any || *applied;
  }
  return any;
}

Result<bool> MongoLedger::apply_part(const LogBatch& part) {
  for (int tries = 0; tries < kTries; ++tries) {
    Result<Progress> before = progress();
    if (!before) return tl::unexpected(before.error());
    const auto events = new_events(*before, part);
    if (!events) return tl::unexpected(events.error());
    // Whoever was faster may have been an earlier life of this very process, or this call itself before an answer that
    // never came: what is there is there.
    if (events->empty()) return tries > 0;
    named_->expect(before->erasures);
    const Result<Known> known = read_known(*client_, *before, *events, part.identities, *named_);
    if (!known) return tl::unexpected(known.error());
    Projection projection(*known, *books_, options_.event_ids, part.identities, options_.lineage);
    for (const Recorded* recorded : *events) {
      const auto index = static_cast<std::size_t>(recorded - part.events.data());
      const Result<bool> projected = projection.apply(*recorded, index);
      if (!projected) return projected;
    }
    const Writes writes = projection.finish();
    // Effects first: a batch that is in the ledger is never offered again. They know by the place of each event what
    // they have, so that a crash in between repeats nothing.
    Result<bool> effects = effects_->apply_effects(part, projection.effects());
    if (!effects) return effects;
    Result<bool> committed = commit(*before, writes);
    if (!committed) return committed;
    if (!*committed) {
      books_->by_partition.clear();
      continue;
    }
    named_->expect(writes.progress.erasures);
    for (const UserRef user : projection.named()) named_->learn(user);
    if (options_.alarm) {
      for (const std::string& line : projection.alarms()) options_.alarm(line);
    }
    return true;
  }
  return fail(FailureCode::unavailable, "ledger: other processes apply all the time");
}

Result<bool> MongoLedger::commit(const Progress& before, const Writes& writes) {
  const std::int64_t batch = before.batch + 1;
  Result<bool> ours = client_->insert(kBatches, {document_of(writes, batch, wall_clock())});
  if (!ours) return ours;
  if (!*ours) {
    Result<bool> finished = finish(batch);
    if (!finished) return finished;
    return false;
  }
  // If others have gone on meanwhile they have either finished this batch, or dropped the key of one that was done long
  // ago, under which this one came too late.
  const Result<Progress> now = numbers();
  if (!now) return tl::unexpected(now.error());
  if (now->batch >= batch) return false;
  Result<bool> done = carry_out(*client_, writes, batch);
  if (!done) return done;
  if (batch % kKeptBatches == 0) {
    Document old;
    old.integer("$lte", batch - kKeptBatches);
    Document filter;
    filter.document("_id", old);
    const auto dropped = client_->erase(kBatches, filter);
    if (!dropped) return true;  // the next ones are dropped with them
  }
  return true;
}

Result<bool> MongoLedger::finish(std::int64_t batch) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.patience_ms);
  while (std::chrono::steady_clock::now() < until) {
    const Result<Progress> now = numbers();
    if (!now) return tl::unexpected(now.error());
    if (now->batch >= batch) return true;
    std::this_thread::sleep_for(kLook);
  }
  const auto found = client_->find_one(kBatches, by_id(batch));
  if (!found) return tl::unexpected(found.error());
  if (!*found) return true;  // it is long done
  return carry_out(*client_, writes_of(View(**found)), batch);
}

/// A batch that is not of the log: `decide(progress)` says what to write, nothing if there is nothing to do.
template <class Decide>
Result<bool> MongoLedger::change(Decide decide) {
  const std::lock_guard lock(writing_);
  for (int tries = 0; tries < kTries; ++tries) {
    const Result<Progress> before = progress();
    if (!before) return tl::unexpected(before.error());
    const Result<std::optional<Writes>> writes = decide(*before);
    if (!writes) return tl::unexpected(writes.error());
    if (!*writes) return false;
    const Result<bool> committed = commit(*before, **writes);
    if (!committed || *committed) return committed;
  }
  return fail(FailureCode::unavailable, "ledger: other processes apply all the time");
}

Result<std::map<PartitionNo, Sequence>> MongoLedger::synced(const std::vector<std::int64_t>& partitions) {
  Document in;
  in.array("$in", std::span<const std::int64_t>(partitions));
  Document filter;
  filter.document("partition", in);
  std::map<PartitionNo, Sequence> out;
  const Result<bool> read = client_->each(kPromotions, {.filter = filter}, [&](const View& view) {
    out[{static_cast<std::uint32_t>(view.integer("partition"))}] = {
        static_cast<std::uint64_t>(view.integer("syncedSequence"))};
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return out;
}

Result<bool> MongoLedger::sync(const std::vector<Sync>& documents) {
  return change([&](const Progress& before) -> Result<std::optional<Writes>> {
    // A leader that was stopped for a while has counted in a state that may be lost since. Whoever is asked behind
    // `before` answers for the whole of it: an epoch that begins later takes the place of this batch.
    const Result<bool> leads = effects_->still_leads();
    if (!leads) return tl::unexpected(leads.error());
    Writes writes;
    writes.progress = before;
    writes.progress.places.clear();
    std::vector<std::int64_t> partitions;
    partitions.reserve(documents.size());
    for (const Sync& document : documents) partitions.push_back(document.partition.value);
    const auto known = synced(partitions);
    if (!known) return tl::unexpected(known.error());
    for (const Sync& document : documents) {
      const auto there = known->find(document.partition);
      if (there == known->end() || there->second > document.sequence) continue;
      Document which;
      which.integer("partition", std::int64_t{document.partition.value});
      Document members;
      members.integer("leftJoinCount", document.left_join_count)
          .integer("joinCount", document.join_count)
          .integer("spent", document.spent)
          .text("status", std::string_view(document.status))
          .time("syncedDate", document.at)
          .integer("syncedSequence", static_cast<std::int64_t>(document.sequence.value));
      writes.sets.push_back({.collection = kPromotions, .which = std::move(which), .members = std::move(members)});
    }
    if (writes.sets.empty()) return std::nullopt;
    return std::optional{std::move(writes)};
  });
}

Result<bool> MongoLedger::begin_epoch(PartitionNo partition, Epoch epoch, Sequence last) {
  return change([&](const Progress& before) -> Result<std::optional<Writes>> {
    const auto [now, sequence] = before.place(partition);
    if (sequence != last || now > epoch) return std::nullopt;
    Writes writes;
    writes.progress = before;
    writes.progress.places.clear();
    writes.progress.places[partition.value] = {epoch, last};
    // Totals of what is lost now must not stand until as much has been decided again.
    const auto known = synced({partition.value});
    if (!known) return tl::unexpected(known.error());
    const auto there = known->find(partition);
    if (there != known->end() && there->second > last) {
      Document which;
      which.integer("partition", std::int64_t{partition.value});
      Document members;
      members.integer("syncedSequence", static_cast<std::int64_t>(last.value));
      writes.sets.push_back({.collection = kPromotions, .which = std::move(which), .members = std::move(members)});
    }
    return std::optional{std::move(writes)};
  });
}

// --- Refusals are no part of the log: best effort, each written as it comes

Result<bool> MongoLedger::add_refusals(const std::vector<std::pair<UserRef, RefusalRow>>& refusals) {
  if (refusals.empty()) return false;
  std::set<UserRef> distinct;
  std::vector<std::string> refs;
  for (const auto& [user, row] : refusals) {
    if (distinct.insert(user).second) refs.push_back(text_of(user));
  }
  // A person who was erased meanwhile stays forgotten.
  Document in;
  in.array("$in", std::span<const std::string>(refs));
  Document filter;
  filter.document("subjectRef", in).text("action", std::string_view(kErasure));
  std::map<UserRef, Instant> erased;
  Result<bool> asked = client_->each(kAudit, {.filter = filter}, [&](const View& view) {
    Instant& last = erased[view.user("subjectRef")];
    last = std::max(last, view.time("at"));
    return true;
  });
  if (!asked) return asked;
  std::vector<Document> rows;
  for (const auto& [user, row] : refusals) {
    const auto until = erased.find(user);
    if (until != erased.end() && row.at <= until->second) continue;
    bson_oid_t id;
    bson_oid_init(&id, nullptr);  // ascending within this process
    rows.emplace_back()
        .object_id("_id", id)
        .user("userRef", user)
        .time("at", row.at)
        .text("promotionId", std::string_view(row.promotion_id))
        .text("code", std::string_view(row.code))
        .text("detail", std::string_view(row.detail));
  }
  Result<bool> inserted = client_->insert(kRefusals, rows);
  if (!inserted) return inserted;
  for (const UserRef user : distinct) {
    Document of_user;
    of_user.user("userRef", user);
    Document order;
    order.integer("at", std::int64_t{-1}).integer("_id", std::int64_t{-1});
    const auto kept = client_->find(kRefusals, {.filter = of_user, .sort = order, .limit = kRefusalsKept + 1});
    if (!kept) return tl::unexpected(kept.error());
    if (kept->size() <= static_cast<std::size_t>(kRefusalsKept)) continue;
    // Of those at the very time of the oldest that is kept, all stay.
    Document before;
    before.time("$lt", View((*kept)[kRefusalsKept - 1]).time("at"));
    of_user.document("at", before);
    const auto dropped = client_->erase(kRefusals, of_user);
    if (!dropped) return tl::unexpected(dropped.error());
  }
  return true;
}

Result<std::int64_t> MongoLedger::drop_older_than(const Retention& limits) {
  const auto older = [](Instant limit) {
    Document before;
    before.time("$lt", limit);
    Document filter;
    filter.document("at", before);
    return filter;
  };
  auto refusals = client_->erase(kRefusals, older(limits.refusals));
  if (!refusals) return refusals;
  auto inbound = client_->erase(kInbound, older(limits.rejections));
  if (!inbound) return inbound;
  auto effects = effects_->drop_older_than(limits);
  if (!effects) return effects;
  return *refusals + *inbound + *effects;
}

// --- The log that it keeps

Result<std::uint64_t> MongoLedger::position() {
  const Result<Progress> now = numbers();
  if (!now) return tl::unexpected(now.error());
  return static_cast<std::uint64_t>(now->position);
}

Result<std::vector<KeptLedger::Place>> MongoLedger::places() {
  const Result<Progress> now = progress();
  if (!now) return tl::unexpected(now.error());
  std::vector<Place> out;
  for (const auto& [partition, place] : now->places) {
    out.push_back({.partition = {partition}, .epoch = place.first, .sequence = place.second});
  }
  return out;
}

Result<std::vector<std::pair<PartitionNo, std::string>>> MongoLedger::promotions() {
  Document order;
  order.integer("partition", std::int64_t{1});
  std::vector<std::pair<PartitionNo, std::string>> out;
  const Result<bool> read = client_->each(kPromotions, {.filter = {}, .sort = order}, [&](const View& view) {
    out.emplace_back(PartitionNo{static_cast<std::uint32_t>(view.integer("partition"))}, view.text("id"));
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return out;
}

Result<std::vector<Recorded>> MongoLedger::events(PartitionNo partition, Sequence after, std::size_t most) {
  const Result<Progress> now = progress();
  if (!now) return tl::unexpected(now.error());
  const std::pair<Epoch, Sequence> last = now->place(partition);
  Document between;
  between.integer("$gt", static_cast<std::int64_t>(after.value))
      .integer("$lte", static_cast<std::int64_t>(last.second.value));
  Document filter;
  filter.integer("partition", std::int64_t{partition.value}).document("sequence", between);
  Document order;
  order.integer("sequence", std::int64_t{1});
  std::vector<Recorded> page;
  std::optional<Failure> wrong;
  const Find wanted{.filter = filter, .sort = order, .limit = static_cast<std::int64_t>(most)};
  const Result<bool> read = client_->each(kEvents, wanted, [&](const View& view) {
    const std::string bytes = view.blob("bytes");
    std::string_view rest = bytes;
    Result<Recorded> recorded = codec::decode(rest);
    if (!recorded) {
      wrong = Failure{recorded.error().code, "ledger: " + recorded.error().message};
      return false;
    }
    page.push_back(*std::move(recorded));
    return true;
  });
  if (wrong) return tl::unexpected(*wrong);
  if (!read) return tl::unexpected(read.error());
  return page;
}

}  // namespace windfall::mongo

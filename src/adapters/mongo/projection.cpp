#include "adapters/mongo/projection.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/shown_json.hpp"
#include "adapters/codec/storable_text.hpp"
#include "adapters/mongo/promotion_document.hpp"
#include "adapters/mongo/schema.hpp"

namespace windfall::mongo {

namespace {

/// Behind the record's length and version.
constexpr std::size_t kTypeByte = 5;

const char* flag_json(std::string_view name, bool value) {
  if (name == "paused") return value ? R"({"paused":true})" : R"({"paused":false})";
  return value ? R"({"blocked":true})" : R"({"blocked":false})";
}

std::int64_t number(PartitionNo partition) { return partition.value; }
std::int64_t number(Sequence sequence) { return static_cast<std::int64_t>(sequence.value); }

}  // namespace

Projection::Projection(const Known& known, Books& books, const LedgerEventIdsOf& event_ids,
                       const std::vector<LogBatch::Named>& identities, std::array<std::uint8_t, 16> lineage)
    : known_(known),
      books_(books),
      event_ids_(event_ids),
      lineage_(lineage),
      progress_(known.progress),
      promotions_(known.promotions),
      joined_(known.joined),
      totals_(known.totals),
      lottery_totals_(known.lottery_totals),
      draws_(known.draws),
      segments_(known.segments),
      segment_pauses_(known.segment_pauses),
      held_(known.held),
      keys_(known.keys) {
  for (const LogBatch::Named& named : identities) {
    if (!named.id.empty()) ids_[named.user] = named.id;
  }
  for (const UserRef user : known.blocked) blocked_[user] = true;
  progress_.places.clear();
  writes_.progress.places.clear();
}

Result<bool> Projection::apply(const Recorded& recorded, std::size_t index) {
  index_ = index;
  ordinal_.reset();
  ++progress_.position;
  progress_.places[recorded.partition.value] = {recorded.epoch, recorded.sequence};
  name_people(recorded);
  std::visit([&](const auto& event) { project(recorded, event); }, recorded.event);
  if (failed_) return tl::unexpected(*failed_);
  keep(recorded);
  return true;
}

void Projection::damaged(std::string why) {
  if (!failed_) failed_ = Failure{FailureCode::damaged, std::move(why)};
}

void Projection::keep(const Recorded& recorded) {
  std::string bytes;
  codec::encode(recorded, bytes);
  Document& event = inserted(kEvents);
  event.text("_id", fmt::format("{}/{}/{}", recorded.partition.value, recorded.epoch.value, recorded.sequence.value))
      .integer("partition", number(recorded.partition))
      .integer("epoch", std::int64_t{recorded.epoch.value})
      .integer("sequence", number(recorded.sequence))
      .integer("type", std::int64_t{static_cast<std::uint8_t>(bytes[kTypeByte])})
      .time("at", recorded.time)
      .integer("revision", std::int64_t{recorded.revision.value})
      .integer_or_null("ordinal", ordinal_);
  if (recorded.command) {
    event.user("command", {.hi = recorded.command->hash.hi, .lo = recorded.command->hash.lo});
  } else {
    event.null("command");
  }
  event.blob("bytes", bytes);
}

// --- People

/// Whoever an event names after an erasure has an id again, if the batch knows it.
void Projection::name_people(const Recorded& recorded) {
  if (const auto* erased = std::get_if<UserErased>(&recorded.event)) {
    people_[erased->user] = {.erased = true, .id = std::nullopt, .only_if_new = false};
    return;
  }
  each_user(recorded.event, [&](UserRef user) {
    Person& person = people_[user];
    const auto id = ids_.find(user);
    if (id != ids_.end()) person.id = std::string(id->second);
  });
}

void Projection::write_people() {
  // An identity beside which no event of the user stands is kept only for somebody new: a batch that is read again must
  // not name an erased person.
  for (const auto& [user, id] : ids_) {
    if (!people_.contains(user)) people_[user] = {.erased = false, .id = std::string(id), .only_if_new = true};
  }
  for (const auto& [user, person] : people_) {
    const auto there = known_.people.find(user);
    if (there == known_.people.end()) {
      inserted(kIdentities)
          .user("_id", user)
          .text_or_null("userId", person.id)
          .integer("batch", known_.progress.batch + 1);
      continue;
    }
    const bool changes = person.erased || (person.id && !person.only_if_new && !there->second.named);
    if (!changes) continue;
    Document which;
    which.user("_id", user);
    Document members;
    members.text_or_null("userId", person.id);
    writes_.sets.push_back({.collection = kIdentities, .which = std::move(which), .members = std::move(members)});
  }
}

std::vector<UserRef> Projection::named() const {
  std::vector<UserRef> out;
  for (const auto& [user, person] : people_) {
    const auto there = known_.people.find(user);
    const bool new_name = person.id && (!person.only_if_new || there == known_.people.end());
    const bool kept_name = !person.erased && there != known_.people.end() && there->second.named;
    if (new_name || kept_name) out.push_back(user);
  }
  return out;
}

// --- Participations

void Projection::project(const Recorded& recorded, const Participated& event) {
  const auto promotion = promotions_.find(recorded.partition.value);
  if (promotion == promotions_.end()) {
    return damaged(
        fmt::format("ledger: partition {} has a participation before its definition", recorded.partition.value));
  }
  const auto [once, first] =
      joined_.try_emplace({recorded.partition.value, event.day.days, event.user}, recorded.sequence);
  if (!first) {
    // The hot state let through what it must not. The same event again never gets here: its place was seen.
    return finding(recorded, "JOINED_TWICE",
                   fmt::format("user {} has joined on day {} already, by sequence {}; amount {} is not accrued",
                               text_of(event.user), event.day.days, once->second.value, event.amount));
  }
  const LedgerEventIds ids = ids_of(promotion->second.id, recorded.epoch, recorded.sequence, kAccrualIndex);
  const bool pays = !event.test && event.amount > 0;
  ordinal_ = ++progress_.ordinal;
  Document& row = inserted(kParticipations);
  row.uuid("_id", ids.event)
      .integer("ordinal", *ordinal_)
      .integer("partition", number(recorded.partition))
      .text("promotionId", promotion->second.id)
      .integer("epoch", std::int64_t{recorded.epoch.value})
      .integer("sequence", number(recorded.sequence))
      .user("userRef", event.user)
      .day("day", event.day)
      .integer("rewardAmount", event.amount)
      .time("at", recorded.time)
      .integer("revision", std::int64_t{recorded.revision.value})
      .boolean("test", event.test);
  pays ? row.uuid("effectId", ids.effect) : row.null("effectId");
  Total& total = totals_[recorded.partition.value];
  ++total.participations;
  add_saturating(total.spent, event.amount);
  if (pays) add_effect({.id = ids.effect, .user = event.user, .amount = event.amount});
}

void Projection::add_effect(EffectChange effect) {
  effect.event = index_;
  effects_.push_back(effect);
}

void Projection::project(const Recorded&, const EffectSettled&) {}  // concerns whoever keeps effects

void Projection::write_counts() {
  for (const auto& [partition, total] : totals_) {
    const auto there = known_.totals.find(partition);
    if (there == known_.totals.end()) {
      inserted(kTotals)
          .integer("_id", std::int64_t{partition})
          .append(members_of(total))
          .integer("batch", known_.progress.batch + 1);
    } else if (there->second != total) {
      Document which;
      which.integer("_id", std::int64_t{partition});
      writes_.sets.push_back({.collection = kTotals, .which = std::move(which), .members = members_of(total)});
    }
  }
  for (const auto& [partition, total] : lottery_totals_) {
    const auto there = known_.lottery_totals.find(partition);
    if (there == known_.lottery_totals.end()) {
      inserted(kLotteryTotals)
          .integer("_id", std::int64_t{partition})
          .append(members_of(total))
          .integer("batch", known_.progress.batch + 1);
    } else if (there->second != total) {
      Document which;
      which.integer("_id", std::int64_t{partition});
      writes_.sets.push_back({.collection = kLotteryTotals, .which = std::move(which), .members = members_of(total)});
    }
  }
}

// --- Definitions and operators

void Projection::keep_definition(const Recorded& recorded, const std::string& definition) {
  inserted(kDefinitions)
      .text("_id", key_of(recorded.partition, std::uint64_t{recorded.revision.value}))
      .integer("partition", number(recorded.partition))
      .integer("revision", std::int64_t{recorded.revision.value})
      .time("at", recorded.time)
      .text("definition", definition);
}

void Projection::project(const Recorded& recorded, const DefinitionChanged& event) {
  PromotionNow& promotion = promotions_[recorded.partition.value];
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .subject = event.id,
          .before = promotion.definition,
          .after = event.definition,
          .reason = event.audit.reason});
  promotion = {.id = event.id, .revision = recorded.revision, .definition = event.definition};
  keep_definition(recorded, event.definition);
  Defined& defined =
      defined_.try_emplace(recorded.partition.value, Defined{recorded.time, recorded.time}).first->second;
  defined.last = recorded.time;
  books_.by_partition.erase(recorded.partition.value);
}

void Projection::write_promotions() {
  for (const auto& [partition, times] : defined_) {
    const PromotionNow& promotion = promotions_.at(partition);
    const codec::ShownDefinition shown = codec::shown_definition(promotion.definition);
    Document members = definition_members(promotion.definition, shown);
    members.time("lastModifiedDate", times.last)
        .integer("revision", std::int64_t{promotion.revision.value})
        .text("definition", promotion.definition);
    if (known_.promotions.contains(partition)) {
      Document which;
      which.integer("partition", std::int64_t{partition});
      writes_.sets.push_back({.collection = kPromotions, .which = std::move(which), .members = std::move(members)});
      continue;
    }
    Document row;
    row.object_id("_id", promotion_object_id(lineage_, {partition}, times.first))
        .text("id", promotion.id)
        .append(members)
        .integer("leftJoinCount", shown.limit)
        .integer("joinCount", std::int64_t{0})
        .integer("spent", std::int64_t{0})
        .text("status", shown.status)
        .time("createdDate", times.first)
        .integer("partition", std::int64_t{partition})
        .integer("syncedSequence", std::int64_t{0})
        .null("syncedDate")
        .integer("batch", known_.progress.batch + 1);
    inserted(kPromotions) = in_readers_order(row);
  }
}

void Projection::project(const Recorded& recorded, const PausedAll& event) {
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .before = flag_json("paused", progress_.paused_all),
          .after = flag_json("paused", event.paused),
          .reason = event.audit.reason});
  progress_.paused_all = event.paused;
}

void Projection::project(const Recorded& recorded, const UserBlocked& event) {
  bool& blocked = blocked_[event.user];
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .subject_user = event.user,
          .before = flag_json("blocked", blocked),
          .after = flag_json("blocked", event.blocked),
          .reason = event.audit.reason});
  blocked = event.blocked;
}

void Projection::project(const Recorded& recorded, const KeyChanged& event) {
  const std::string after = codec::shown_keys(event.keys);
  keep_definition(recorded, after);
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .subject = event.key_id,
          .before = codec::shown_key(keys_, event.key_id),
          .after = codec::shown_key(after, event.key_id),
          .reason = event.audit.reason});
  keys_ = after;
}

void Projection::project(const Recorded&, const AnswerKept&) {}  // concerns the hot state only

void Projection::project(const Recorded& recorded, const Audited& event) {
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .subject = event.subject,
          .reason = event.audit.reason});
}

/// What operators wrote about an erased person goes too; the audit keeps its own words, which its chain covers.
void Projection::project(const Recorded& recorded, const UserErased& event) {
  ++progress_.erasures;
  writes_.forgotten.push_back({.user = event.user, .entry = progress_.entry, .position = progress_.position});
  for (Ticket& ticket : tickets_) {
    if (ticket.user == event.user) ticket.reason.reset();
  }
  std::erase_if(writes_.inserts[kInbound],
                [&](const Document& row) { return View(row).user("userRef") == event.user; });
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .subject_user = event.user,
          .reason = event.audit.reason});
}

void Projection::append(const codec::AuditEntry& said) {
  // The chain covers what is stored.
  const std::string subject = codec::storable(said.subject);
  const std::string reason = codec::storable(said.reason);
  codec::AuditEntry entry = said;
  entry.subject = subject;
  entry.reason = reason;
  entry.before = codec::storable(said.before);
  entry.after = codec::storable(said.after);
  ++progress_.audit;
  progress_.chain = codec::chain_of(progress_.chain, progress_.audit, entry);
  Document& row = inserted(kAudit);
  row.integer("_id", progress_.audit)
      .time("at", entry.at)
      .text("actor", entry.actor)
      .text("action", entry.action)
      .text("subject", entry.subject);
  entry.subject_user ? row.user("subjectRef", *entry.subject_user) : row.null("subjectRef");
  row.text("before", std::string_view(entry.before))
      .text("after", std::string_view(entry.after))
      .text("reason", entry.reason)
      .text("chain", std::string_view(progress_.chain));
}

void Projection::finding(const Recorded& recorded, std::string_view kind, const std::string& detail) {
  inserted(kFindings)
      .integer("_id", ++progress_.finding)
      .time("at", recorded.time)
      .text("kind", kind)
      .integer("partition", number(recorded.partition))
      .integer("epoch", std::int64_t{recorded.epoch.value})
      .integer("sequence", number(recorded.sequence))
      .text("detail", std::string_view(detail));
  alarms_.push_back(fmt::format("ledger finding {}: partition {}, epoch {}, sequence {}: {}", kind,
                                recorded.partition.value, recorded.epoch.value, recorded.sequence.value, detail));
}

// --- The end

Writes Projection::finish() {
  write_people();
  write_promotions();
  write_counts();
  write_draws();
  for (const auto& [user, blocked] : blocked_) {
    if (known_.blocked.contains(user) == blocked) continue;
    if (known_.once_blocked.contains(user)) {
      Document which;
      which.user("_id", user);
      Document members;
      members.boolean("blocked", blocked);
      writes_.sets.push_back({.collection = kBlocked, .which = std::move(which), .members = std::move(members)});
    } else {
      inserted(kBlocked).user("_id", user).boolean("blocked", blocked).integer("batch", known_.progress.batch + 1);
    }
  }
  std::erase_if(writes_.inserts, [](const auto& rows) { return rows.second.empty(); });
  writes_.progress = std::move(progress_);
  return std::move(writes_);
}

}  // namespace windfall::mongo

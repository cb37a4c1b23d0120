#include "adapters/postgres/projector.hpp"

#include <fmt/format.h>

#include <optional>
#include <variant>

#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/shown_json.hpp"
#include "adapters/postgres/lottery_books.hpp"

namespace windfall::postgres {

namespace {

constexpr const char* kEventColumns =
    "event (partition, epoch, sequence, type, at, revision, user_no, ordinal, command, bytes)";
/// Behind the record's length and version.
constexpr std::size_t kTypeByte = 5;
constexpr const char* kParticipationColumns =
    "participation (ordinal, partition, epoch, sequence, event_id, user_no, day, amount, at, revision, test, effect)";
constexpr const char* kInsertParticipation =
    "insert into participation (ordinal, partition, epoch, sequence, event_id, user_no, day, amount, at, revision, "
    "test, effect) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing";

std::int64_t as_stored(Sequence sequence) { return static_cast<std::int64_t>(sequence.value); }

const char* flag_json(std::string_view name, bool value) {
  if (name == "paused") return value ? R"({"paused":true})" : R"({"paused":false})";
  return value ? R"({"blocked":true})" : R"({"blocked":false})";
}

Bytes16 hash_bytes(const CommandHash& hash) { return bytes_of(UserRef{.hi = hash.hi, .lo = hash.lo}); }

/// The user that an event is about first.
std::optional<UserRef> first_user(const Event& event) {
  return std::visit(
      [](const auto& alternative) -> std::optional<UserRef> {
        if constexpr (requires { alternative.invited; }) {
          return alternative.invited;
        } else if constexpr (requires { alternative.user; }) {
          return alternative.user;
        } else {
          return std::nullopt;
        }
      },
      event);
}

}  // namespace

void write_promotion(Connection& db, const Recorded& recorded, const DefinitionChanged& event) {
  const codec::ShownDefinition shown = codec::shown_definition(event.definition);
  db.run(
      "insert into promotion (partition, id, title, definition, document, revision, created, modified, "
      "left_join_count, status) values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9) on conflict (partition) do update set "
      "title = excluded.title, definition = excluded.definition, document = excluded.document, revision = "
      "excluded.revision, modified = excluded.modified",
      recorded.partition.value, event.id, shown.title, event.definition,
      shown.is_json ? std::optional{event.definition} : std::nullopt, recorded.revision.value, recorded.time,
      shown.limit, shown.status);
}

Projector::Projector(Batch& batch, LotteryBooks& books, const LedgerEventIdsOf& event_ids)
    : batch_(batch),
      db_(batch.db()),
      books_(books),
      lottery_(batch, books, event_ids),
      event_ids_(event_ids),
      events_(10),
      participations_(12) {}

void Projector::apply() {
  for (const auto& [partition, promotion] : batch_.promotions()) books_.expect({partition}, promotion.revision);
  std::optional<CopyStream> log;
  if (batch_.needs_nothing()) log.emplace(db_, kEventColumns);
  for (const Recorded* recorded : batch_.events()) {
    const std::int64_t before = batch_.progress.ordinal;
    std::visit([&](const auto& event) { project(*recorded, event); }, recorded->event);
    keep(*recorded, batch_.progress.ordinal > before ? std::optional{batch_.progress.ordinal} : std::nullopt);
    if (log) log->send(events_);
  }
  log ? log->finish(events_) : db_.copy(kEventColumns, events_);
  db_.copy(kParticipationColumns, participations_);
  write_totals();
  lottery_.write();
  batch_.write();
}

void Projector::keep(const Recorded& recorded, std::optional<std::int64_t> ordinal) {
  bytes_.clear();
  codec::encode(recorded, bytes_);
  events_.row().int4(recorded.partition.value).int4(recorded.epoch.value).int8(as_stored(recorded.sequence));
  events_.int2(static_cast<std::uint8_t>(bytes_[kTypeByte])).time(recorded.time).int4(recorded.revision.value);
  const std::optional<UserRef> user = first_user(recorded.event);
  user ? events_.int8(batch_.number_of(*user)) : events_.null();
  ordinal ? events_.int8(*ordinal) : events_.null();
  recorded.command ? events_.uuid(hash_bytes(recorded.command->hash)) : events_.null();
  events_.blob(bytes_);
}

void Projector::write_totals() {
  for (const auto& [partition, total] : totals_) {
    // A sum past 64 bits stays at the end of the scale.
    db_.run(
        "insert into total as t (partition, participations, spent) values ($1, $2, $3) on conflict (partition) do "
        "update set participations = t.participations + excluded.participations, spent = least(9223372036854775807, "
        "t.spent::numeric + excluded.spent)::bigint",
        partition, total.participations, total.spent);
  }
}

// --- Participations and their effects

void Projector::project(const Recorded& recorded, const Participated& event) {
  const Batch::Promotion* promotion = batch_.promotion(recorded.partition);
  if (promotion == nullptr) {
    throw SqlError(FailureCode::damaged, fmt::format("ledger: partition {} has a participation before its definition",
                                                     recorded.partition.value));
  }
  const Row row{.ordinal = batch_.progress.ordinal + 1,
                .user_no = batch_.number_of(event.user),
                .ids = event_ids_(promotion->id, recorded.epoch, recorded.sequence, kAccrualIndex),
                .pays = !event.test && event.amount > 0};
  if (!insert_participation(recorded, event, row)) {
    contradiction(recorded, event, row.user_no);
    return;
  }
  ++batch_.progress.ordinal;
  Total& total = totals_[recorded.partition.value];
  ++total.participations;
  add_saturating(total.spent, event.amount);
  // Two participations with one idempotency key: both are about the effect that the first one made.
  if (row.pays) {
    batch_.add_effect(recorded,
                      {.id = row.ids.effect, .ordinal = row.ordinal, .user = event.user, .amount = event.amount});
  }
}

bool Projector::insert_participation(const Recorded& recorded, const Participated& event, const Row& row) {
  if (batch_.pace() == Batch::Pace::one_by_one) {
    return db_.run(kInsertParticipation, row.ordinal, recorded.partition.value, recorded.epoch.value,
                   recorded.sequence.value, row.ids.event, row.user_no, event.day, event.amount, recorded.time,
                   recorded.revision.value, event.test, row.pays ? std::optional{row.ids.effect} : std::nullopt) == 1;
  }
  participations_.row().int8(row.ordinal).int4(recorded.partition.value).int4(recorded.epoch.value);
  participations_.int8(as_stored(recorded.sequence)).uuid(row.ids.event).int8(row.user_no).date(event.day);
  participations_.int8(event.amount).time(recorded.time).int4(recorded.revision.value).boolean(event.test);
  row.pays ? participations_.uuid(row.ids.effect) : participations_.null();
  return true;
}

/// The hot state let through what it must not. The same event again never gets here: its place was seen.
void Projector::contradiction(const Recorded& recorded, const Participated& event, std::int64_t user_no) {
  Rows rows = db_.select("select sequence from participation where user_no = $1 and partition = $2 and day = $3",
                         user_no, recorded.partition.value, event.day);
  if (!rows.next()) {
    batch_.finding(recorded, "SEQUENCE_TAKEN", "another participation has this sequence");
    return;
  }
  batch_.finding(recorded, "JOINED_TWICE",
                 fmt::format("user {:016x}{:016x} has joined on day {} already, by sequence {}; amount {} is not "
                             "accrued",
                             event.user.hi, event.user.lo, event.day.days, rows.integer(0), event.amount));
}

void Projector::project(const Recorded& recorded, const EffectSettled& event) { batch_.settle_effect(recorded, event); }

// --- Definitions and operators

void Projector::keep_definition(const Recorded& recorded, const std::string& definition) {
  db_.run(
      "insert into definition_history (partition, revision, at, definition) values ($1, $2, $3, $4) on conflict do "
      "nothing",
      recorded.partition.value, recorded.revision.value, recorded.time, definition);
}

void Projector::project(const Recorded& recorded, const DefinitionChanged& event) {
  std::string before = db_.text("select definition from promotion where partition = $1", recorded.partition.value);
  write_promotion(db_, recorded, event);
  keep_definition(recorded, event.definition);
  batch_.defined(recorded.partition, {.id = event.id, .revision = recorded.revision});
  books_.forget(recorded.partition);
  batch_.append({.at = recorded.time,
                 .actor = event.audit.actor,
                 .action = event.audit.action,
                 .subject = event.id,
                 .before = std::move(before),
                 .after = event.definition,
                 .reason = event.audit.reason});
}

void Projector::project(const Recorded& recorded, const PausedAll& event) {
  batch_.append({.at = recorded.time,
                 .actor = event.audit.actor,
                 .action = event.audit.action,
                 .before = flag_json("paused", batch_.progress.paused_all),
                 .after = flag_json("paused", event.paused),
                 .reason = event.audit.reason});
  batch_.progress.paused_all = event.paused;
}

void Projector::project(const Recorded& recorded, const UserBlocked& event) {
  const std::int64_t changed =
      event.blocked ? db_.run("insert into blocked (user_ref) values ($1) on conflict do nothing", event.user)
                    : db_.run("delete from blocked where user_ref = $1", event.user);
  const bool was = (changed != 0) != event.blocked;
  batch_.append({.at = recorded.time,
                 .actor = event.audit.actor,
                 .action = event.audit.action,
                 .subject_user = event.user,
                 .before = flag_json("blocked", was),
                 .after = flag_json("blocked", event.blocked),
                 .reason = event.audit.reason});
}

void Projector::project(const Recorded& recorded, const KeyChanged& event) {
  const std::string before =
      db_.text("select definition from definition_history where partition = 0 order by revision desc limit 1");
  const std::string after = codec::shown_keys(event.keys);
  keep_definition(recorded, after);
  batch_.append({.at = recorded.time,
                 .actor = event.audit.actor,
                 .action = event.audit.action,
                 .subject = event.key_id,
                 .before = codec::shown_key(before, event.key_id),
                 .after = codec::shown_key(after, event.key_id),
                 .reason = event.audit.reason});
}

void Projector::project(const Recorded&, const AnswerKept&) {}  // concerns the hot state only

void Projector::project(const Recorded& recorded, const Audited& event) {
  batch_.dismiss_effect(event);
  batch_.append({.at = recorded.time,
                 .actor = event.audit.actor,
                 .action = event.audit.action,
                 .subject = event.subject,
                 .reason = event.audit.reason});
}

void Projector::project(const Recorded& recorded, const UserErased& event) {
  ++batch_.progress.erasures;
  db_.run("delete from refusal where user_ref = $1", event.user);
  lottery_.forget_words_about(event.user);
  batch_.append({.at = recorded.time,
                 .actor = event.audit.actor,
                 .action = event.audit.action,
                 .subject_user = event.user,
                 .reason = event.audit.reason});
}

}  // namespace windfall::postgres

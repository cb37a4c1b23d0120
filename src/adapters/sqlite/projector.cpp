#include "adapters/sqlite/projector.hpp"

#include <fmt/format.h>

#include <variant>

#include "adapters/codec/dismissal.hpp"
#include "adapters/sqlite/text.hpp"

namespace windfall::sqlite {

namespace {

constexpr const char* kInsertParticipation =
    "insert into participation (ordinal, partition, epoch, sequence, event_id, user, day, amount, at, revision, test, "
    "effect) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// What of a key is shown: an allow-list, since whatever else an encoding holds may be its hash.
constexpr const char* kShownKeys =
    "select coalesce(json_group_array(json_object('keyId', coalesce(value ->> '$.keyId', value ->> '$.id'), 'name', "
    "value ->> '$.name', "
    "'role', value ->> '$.role')), '[]') from json_tree(case when json_valid(?1) then ?1 else '[]' end) "
    "where type = 'object' and coalesce(value ->> '$.keyId', value ->> '$.id') is not null";
constexpr const char* kShownKey = "select value from json_each(?) where value ->> '$.keyId' = ? limit 1";

const char* flag_json(std::string_view name, bool value) {
  if (name == "paused") return value ? R"({"paused":true})" : R"({"paused":false})";
  return value ? R"({"blocked":true})" : R"({"blocked":false})";
}

}  // namespace

Projector::Projector(Connection& connection, LotteryBooks& books, const EventIdsOf& event_ids, const Alarm& alarm,
                     const LogBatch& batch)
    : connection_(connection),
      event_ids_(event_ids),
      batch_(batch),
      rows_(connection, alarm, batch),
      books_(books),
      lottery_(connection, rows_, books, event_ids),
      insert_participation_(connection(kInsertParticipation)) {}

bool Projector::apply() {
  if (batch_.position <= rows_.progress.position) return false;
  rows_.name_users();
  for (const Recorded& recorded : batch_.events) {
    std::visit([&](const auto& event) { project(recorded, event); }, recorded.event);
  }
  rows_.progress.position = batch_.position;
  write_totals();
  lottery_.write_totals();
  rows_.write();
  return true;
}

void Projector::write_totals() {
  Statement& add = connection_(
      "insert into total (partition, participations, spent) values (?, ?, ?) on conflict (partition) do update "
      "set participations = participations + excluded.participations, "
      // A sum past 64 bits becomes a real, which the column would refuse for ever; it stays at the end of the scale.
      "spent = min(9223372036854775807, spent + excluded.spent)");
  for (const auto& [partition, work] : work_) {
    if (work.participations != 0) add.run(partition, work.participations, work.spent);
  }
}

Projector::PartitionWork& Projector::work_on(PartitionNo partition) {
  const auto [at, made] = work_.try_emplace(partition.value);
  if (made) {
    Rows rows = connection_("select id from promotion where partition = ?").select(partition.value);
    if (!rows.next()) {
      throw SqlError(FailureCode::damaged,
                     fmt::format("ledger: partition {} has a participation before its definition", partition.value));
    }
    at->second.promotion_id = rows.text(0);
  }
  return at->second;
}

// --- Participations and their effects

void Projector::project(const Recorded& recorded, const Participated& event) {
  PartitionWork& work = work_on(recorded.partition);
  const EventIds ids = event_ids_(work.promotion_id, recorded.epoch, recorded.sequence, kAccrualIndex);
  const bool pays = !event.test && event.amount > 0;
  const bool inserted = insert_participation_.run_unless_taken(
      rows_.progress.ordinal + 1, recorded.partition.value, recorded.epoch.value, recorded.sequence.value, ids.event,
      rows_.number_of(event.user), event.day.days, event.amount, recorded.time.ms, recorded.revision.value, event.test,
      pays ? std::optional{rows_.progress.effect + 1} : std::nullopt);
  if (!inserted) {
    contradiction(recorded, event, ids.event);
    return;
  }
  ++rows_.progress.ordinal;
  ++work.participations;
  add_saturating(work.spent, event.amount);
  if (pays) make_effect(recorded, event, ids.effect);
  rows_.seen(event.user);
}

void Projector::make_effect(const Recorded& recorded, const Participated& event, const EffectId& id) {
  const bool made =
      rows_
          .add_effect(recorded,
                      {.id = id, .ordinal = rows_.progress.ordinal, .user = event.user, .amount = event.amount})
          .has_value();
  if (made) return;
  // Two participations with one idempotency key: both are about the effect that the first one made.
  connection_(
      "update participation set effect = (select no from effect indexed by effect_not_done where id = ? and state <> "
      "3) where ordinal = ?")
      .run(id, rows_.progress.ordinal);
}

/// The same event again is nothing new. Anything else is an alarm: the hot state let through what it must not.
void Projector::contradiction(const Recorded& recorded, const Participated& event, const Bytes16& event_id) {
  {
    Rows rows = connection_("select event_id from participation where partition = ? and epoch = ? and sequence = ?")
                    .select(recorded.partition.value, recorded.epoch.value, recorded.sequence.value);
    if (rows.next()) {
      if (rows.bytes16(0) != event_id)
        rows_.finding(recorded, "SEQUENCE_TAKEN", "another participation has this sequence");
      return;
    }
  }
  Rows rows = connection_("select sequence from participation where user = ? and partition = ? and day = ?")
                  .select(rows_.number_of(event.user), recorded.partition.value, event.day.days);
  const std::int64_t first = rows.next() ? rows.integer(0) : 0;
  rows_.finding(recorded, "JOINED_TWICE",
                fmt::format("user {} has joined on day {} already, by sequence {}; amount {} is not accrued",
                            hex(event.user), event.day.days, first, event.amount));
}

void Projector::project(const Recorded& recorded, const EffectSettled& event) { rows_.settle_effect(recorded, event); }

// --- Definitions and operators

void Projector::keep_definition(const Recorded& recorded, const std::string& definition) {
  connection_(
      "insert into definition_history (partition, revision, at, definition) values (?, ?, ?, ?) on conflict do nothing")
      .run(recorded.partition.value, recorded.revision.value, recorded.time.ms, definition);
}

void Projector::project(const Recorded& recorded, const DefinitionChanged& event) {
  std::string before =
      connection_.text("select definition from promotion where partition = ?", recorded.partition.value);
  // A definition that is no JSON is kept as it is; it only has no title to show.
  connection_(
      "insert into promotion (partition, id, title, definition, revision, created, modified, left_join_count, status) "
      "select ?1, ?2, coalesce(json ->> '$.title', ''), ?3, ?4, ?5, ?5, coalesce(cast(json ->> '$.limitJoinCount' as "
      "integer), 0), "
      "coalesce(json ->> '$.status', '') from (select case when json_valid(?3) then ?3 else '{}' end as json) where "
      "true "
      "on conflict (partition) do update set title = excluded.title, definition = excluded.definition, revision = "
      "excluded.revision, "
      "modified = excluded.modified")
      .run(recorded.partition.value, event.id, event.definition, recorded.revision.value, recorded.time.ms);
  keep_definition(recorded, event.definition);
  books_.forget(recorded.partition);
  rows_.append({.at = recorded.time,
                .actor = event.audit.actor,
                .action = event.audit.action,
                .subject = event.id,
                .before = std::move(before),
                .after = event.definition,
                .reason = event.audit.reason});
}

void Projector::project(const Recorded& recorded, const PausedAll& event) {
  rows_.append({.at = recorded.time,
                .actor = event.audit.actor,
                .action = event.audit.action,
                .before = flag_json("paused", rows_.progress.paused_all),
                .after = flag_json("paused", event.paused),
                .reason = event.audit.reason});
  rows_.progress.paused_all = event.paused;
}

void Projector::project(const Recorded& recorded, const UserBlocked& event) {
  if (event.blocked) {
    connection_("insert into blocked (user) values (?) on conflict do nothing").run(event.user);
  } else {
    connection_("delete from blocked where user = ?").run(event.user);
  }
  const bool was = (connection_.changes() != 0) != event.blocked;
  rows_.append({.at = recorded.time,
                .actor = event.audit.actor,
                .action = event.audit.action,
                .subject_user = event.user,
                .before = flag_json("blocked", was),
                .after = flag_json("blocked", event.blocked),
                .reason = event.audit.reason});
}

void Projector::project(const Recorded& recorded, const KeyChanged& event) {
  const std::string before =
      connection_.text("select definition from definition_history where partition = 0 order by revision desc limit 1");
  const std::string after = connection_.text(kShownKeys, event.keys);
  keep_definition(recorded, after);
  rows_.append({.at = recorded.time,
                .actor = event.audit.actor,
                .action = event.audit.action,
                .subject = event.key_id,
                .before = before.empty() ? before : connection_.text(kShownKey, before, event.key_id),
                .after = connection_.text(kShownKey, after, event.key_id),
                .reason = event.audit.reason});
}

void Projector::project(const Recorded&, const AnswerKept&) {}  // concerns the hot state only

void Projector::project(const Recorded& recorded, const Audited& event) {
  if (const auto dismissed = codec::dismissed_effect(event)) rows_.dismiss_effect(*dismissed);
  rows_.append({.at = recorded.time,
                .actor = event.audit.actor,
                .action = event.audit.action,
                .subject = event.subject,
                .reason = event.audit.reason});
}

void Projector::project(const Recorded& recorded, const UserErased& event) {
  rows_.erase(event.user);
  connection_("delete from refusal where user = ?").run(event.user);
  lottery_.forget_words_about(event.user);
  rows_.append({.at = recorded.time,
                .actor = event.audit.actor,
                .action = event.audit.action,
                .subject_user = event.user,
                .reason = event.audit.reason});
}

}  // namespace windfall::sqlite

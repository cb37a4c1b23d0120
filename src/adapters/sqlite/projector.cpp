#include "adapters/sqlite/projector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "adapters/sqlite/text.hpp"

namespace windfall::sqlite {

namespace {

constexpr const char* kInsertParticipation =
    "insert into participation (ordinal, partition, epoch, sequence, event_id, user, day, amount, at, revision, test, "
    "effect) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* kInsertEffect =
    "insert into effect (no, id, ordinal, partition, user, amount, occurred_at, state, next_try, updated_at, "
    "unknown_since) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)";

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

Projector::Projector(Connection& connection, const EventIdsOf& event_ids, const Alarm& alarm)
    : connection_(connection),
      event_ids_(event_ids),
      alarm_(alarm),
      insert_participation_(connection(kInsertParticipation)),
      insert_effect_(connection(kInsertEffect)) {}

bool Projector::apply(const LogBatch& batch) {
  read_progress();
  if (batch.position <= progress_.position) return false;
  batch_ = &batch;
  for (const LogBatch::Named& named : batch.identities) name(named);
  for (const Recorded& recorded : batch.events) {
    std::visit([&](const auto& event) { project(recorded, event); }, recorded.event);
  }
  progress_.position = batch.position;
  write_totals();
  counts_.write(connection_);
  write_progress();
  return true;
}

// --- Bookkeeping of the batch

void Projector::read_progress() {
  Rows rows = connection_(
                  "select position, ordinal, effect, dead_letter, audit, chain, paused_all, "
                  "position < (select cast(value as integer) from meta where key = 'rebuild_until') from progress")
                  .select();
  if (!rows.next()) throw SqlError(FailureCode::damaged, "ledger: the progress row is missing");
  progress_ = {.position = static_cast<std::uint64_t>(rows.integer(0)),
               .ordinal = rows.integer(1),
               .effect = rows.integer(2),
               .dead_letter = rows.integer(3),
               .audit = rows.integer(4),
               .chain = rows.text(5),
               .paused_all = rows.integer(6) != 0};
  rebuilding_ = rows.integer(7) != 0;
}

void Projector::write_progress() {
  connection_(
      "update progress set position = ?, ordinal = ?, effect = ?, dead_letter = ?, audit = ?, chain = ?, paused_all = "
      "?")
      .run(progress_.position, progress_.ordinal, progress_.effect, progress_.dead_letter, progress_.audit,
           progress_.chain, progress_.paused_all);
}

void Projector::write_totals() {
  Statement& add = connection_(
      "insert into total (partition, participations, spent) values (?, ?, ?) on conflict (partition) do update "
      "set participations = participations + excluded.participations, spent = spent + excluded.spent");
  for (const auto& [partition, work] : work_) {
    if (work.participations != 0) add.run(partition, work.participations, work.spent);
  }
}

void Projector::name(const LogBatch::Named& named) {
  const std::int64_t number = number_of(named.user);
  if (named.id.empty()) return;  // erased since; a UserErased further on says so, unless it has been applied already
  connection_("update user set id = ?1 where no = ?2 and id is not ?1").run(named.id, number);
}

/// A row is made for whom the log has not named: its events count all the same.
std::int64_t Projector::number_of(UserRef user) {
  const auto known = numbers_.find(user);
  if (known != numbers_.end()) return known->second;
  std::int64_t number = 0;
  {
    Rows rows = connection_("select no from user where ref = ?").select(user);
    if (rows.next()) number = rows.integer(0);
  }
  if (number == 0) {
    connection_("insert into user (ref) values (?)").run(user);
    number = connection_.last_row();
  }
  numbers_.emplace(user, number);
  return number;
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

void Projector::finding(const Recorded& recorded, std::string_view kind, const std::string& detail) {
  connection_("insert into finding (at, kind, partition, epoch, sequence, detail) values (?, ?, ?, ?, ?, ?)")
      .run(recorded.time.ms, kind, recorded.partition.value, recorded.epoch.value, recorded.sequence.value, detail);
  if (alarm_) {
    alarm_(fmt::format("ledger finding {}: partition {}, epoch {}, sequence {}: {}", kind, recorded.partition.value,
                       recorded.epoch.value, recorded.sequence.value, detail));
  }
}

void Projector::append(const AuditEntry& entry) {
  ++progress_.audit;
  progress_.chain = chain_of(progress_.chain, progress_.audit, entry);
  connection_(
      "insert into audit (seq, at, actor, action, subject, subject_user, before, after, reason, chain) values (?, ?, "
      "?, ?, ?, ?, ?, ?, ?, ?)")
      .run(progress_.audit, entry.at.ms, entry.actor, entry.action, entry.subject, entry.subject_user, entry.before,
           entry.after, entry.reason, progress_.chain);
}

// --- Participations and their effects

void Projector::project(const Recorded& recorded, const Participated& event) {
  PartitionWork& work = work_on(recorded.partition);
  const EventIds ids = event_ids_(work.promotion_id, recorded.epoch, recorded.sequence);
  const bool pays = !event.test && event.amount > 0;
  const bool inserted = insert_participation_.run_unless_taken(
      progress_.ordinal + 1, recorded.partition.value, recorded.epoch.value, recorded.sequence.value, ids.event,
      number_of(event.user), event.day.days, event.amount, recorded.time.ms, recorded.revision.value, event.test,
      pays ? std::optional{progress_.effect + 1} : std::nullopt);
  if (!inserted) {
    contradiction(recorded, event, ids.event);
    return;
  }
  ++progress_.ordinal;
  ++work.participations;
  work.spent += event.amount;
  if (pays) make_effect(recorded, event, ids.effect);
  if (!erased_.empty()) name_again_if_erased(event.user);
}

void Projector::make_effect(const Recorded& recorded, const Participated& event, const Bytes16& id) {
  const EffectState state = rebuilding_ ? EffectState::unknown : EffectState::pending;
  const bool inserted =
      insert_effect_.run_unless_taken(progress_.effect + 1, id, progress_.ordinal, recorded.partition.value,
                                      number_of(event.user), event.amount, recorded.time.ms, static_cast<int>(state),
                                      recorded.time.ms, rebuilding_ ? std::optional{recorded.time.ms} : std::nullopt);
  if (!inserted) {  // two participations with one idempotency key: the partner would book one of them
    finding(recorded, "EFFECT_ID_TAKEN", uuid_text(id));
    connection_(
        "update participation set effect = (select no from effect indexed by effect_not_done where id = ? and state <> "
        "3) where ordinal = ?")
        .run(id, progress_.ordinal);
    return;
  }
  ++progress_.effect;
  counts_.made(recorded.partition.value, state);
}

/// The same event again is nothing new. Anything else is an alarm: the hot state let through what it must not.
void Projector::contradiction(const Recorded& recorded, const Participated& event, const Bytes16& event_id) {
  {
    Rows rows = connection_("select event_id from participation where partition = ? and epoch = ? and sequence = ?")
                    .select(recorded.partition.value, recorded.epoch.value, recorded.sequence.value);
    if (rows.next()) {
      if (rows.bytes16(0) != event_id) finding(recorded, "SEQUENCE_TAKEN", "another participation has this sequence");
      return;
    }
  }
  Rows rows = connection_("select sequence from participation where user = ? and partition = ? and day = ?")
                  .select(number_of(event.user), recorded.partition.value, event.day.days);
  const std::int64_t first = rows.next() ? rows.integer(0) : 0;
  finding(recorded, "JOINED_TWICE",
          fmt::format("user {} has joined on day {} already, by sequence {}; amount {} is not accrued", hex(event.user),
                      event.day.days, first, event.amount));
}

/// Identities stand before the events of a batch; who comes back after an erasure in the same batch has an id again.
void Projector::name_again_if_erased(UserRef user) {
  if (std::ranges::find(erased_, user) == erased_.end()) return;
  for (const LogBatch::Named& named : batch_->identities) {
    if (named.user == user) name(named);
  }
}

void Projector::project(const Recorded& recorded, const EffectSettled& event) {
  std::int64_t no = 0;
  std::int64_t partition = 0;
  EffectState state{};
  {
    Rows rows =
        connection_("select no, partition, state from effect indexed by effect_not_done where id = ? and state <> 3")
            .select(event.effect);
    if (!rows.next()) return;  // what the partner has booked stays booked; fsck looks for settlements of nothing
    no = rows.integer(0);
    partition = rows.integer(1);
    state = static_cast<EffectState>(rows.integer(2));
  }
  if (state == EffectState::sending) {  // the call that settled it
    connection_(
        "update attempt set tries = tries + 1, first_at = iif(first_at = 0, taken_at, first_at) where effect = ?")
        .run(no);
  }
  switch (event.outcome) {
    case EffectSettled::Outcome::done:
      connection_(
          "update effect set state = 3, next_try = 0, updated_at = ?, unknown_since = null, dead_letter = null where "
          "no = ?")
          .run(recorded.time.ms, no);
      counts_.moved(partition, state, EffectState::done);
      break;
    case EffectSettled::Outcome::dead:
      if (state == EffectState::dead) return;
      connection_(
          "update effect set state = 4, next_try = 0, updated_at = ?, unknown_since = null, dead_letter = ? where no = "
          "?")
          .run(recorded.time.ms, ++progress_.dead_letter, no);
      connection_(
          "insert into attempt (effect, last_error) values (?, ?) on conflict (effect) do update set last_error = "
          "excluded.last_error")
          .run(no, event.detail);
      counts_.moved(partition, state, EffectState::dead);
      break;
    case EffectSettled::Outcome::redriven:
      if (state != EffectState::dead) return;
      connection_(
          "update effect set state = 2, next_try = 0, updated_at = ?, unknown_since = ?, dead_letter = null where no = "
          "?")
          .run(recorded.time.ms, recorded.time.ms, no);
      connection_("update attempt set tries_before = tries, first_at = 0 where effect = ?").run(no);
      counts_.moved(partition, state, EffectState::unknown);
      break;
  }
}

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
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .subject = event.id,
          .before = std::move(before),
          .after = event.definition,
          .reason = event.audit.reason});
}

void Projector::project(const Recorded& recorded, const PausedAll& event) {
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .before = flag_json("paused", progress_.paused_all),
          .after = flag_json("paused", event.paused),
          .reason = event.audit.reason});
  progress_.paused_all = event.paused;
}

void Projector::project(const Recorded& recorded, const UserBlocked& event) {
  if (event.blocked) {
    connection_("insert into blocked (user) values (?) on conflict do nothing").run(event.user);
  } else {
    connection_("delete from blocked where user = ?").run(event.user);
  }
  const bool was = (connection_.changes() != 0) != event.blocked;
  append({.at = recorded.time,
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
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .subject = event.key_id,
          .before = before.empty() ? before : connection_.text(kShownKey, before, event.key_id),
          .after = connection_.text(kShownKey, after, event.key_id),
          .reason = event.audit.reason});
}

void Projector::project(const Recorded&, const AnswerKept&) {}  // concerns the hot state only

void Projector::project(const Recorded& recorded, const Audited& event) {
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .subject = event.subject,
          .reason = event.audit.reason});
}

void Projector::project(const Recorded& recorded, const UserErased& event) {
  connection_("insert into user (ref) values (?) on conflict (ref) do update set id = null").run(event.user);
  connection_("delete from refusal where user = ?").run(event.user);
  erased_.push_back(event.user);
  append({.at = recorded.time,
          .actor = event.audit.actor,
          .action = event.audit.action,
          .subject_user = event.user,
          .reason = event.audit.reason});
}

}  // namespace windfall::sqlite

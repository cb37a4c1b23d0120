#include "adapters/sqlite/batch_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/sqlite/text.hpp"

namespace windfall::sqlite {

namespace {

constexpr const char* kInsertEffect =
    "insert into effect (no, id, ordinal, partition, user, amount, occurred_at, state, next_try, updated_at, "
    "unknown_since, kind, prize) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)";

}  // namespace

BatchRows::BatchRows(Connection& connection, const Alarm& alarm, const LogBatch& batch)
    : connection_(connection), alarm_(alarm), batch_(batch), insert_effect_(connection(kInsertEffect)) {
  read_progress();
}

void BatchRows::read_progress() {
  Rows rows = connection_(
                  "select position, ordinal, effect, dead_letter, audit, chain, paused_all, "
                  "position < (select cast(value as integer) from meta where key = 'rebuild_until'), entry from "
                  "progress")
                  .select();
  if (!rows.next()) throw SqlError(FailureCode::damaged, "ledger: the progress row is missing");
  progress = {.position = static_cast<std::uint64_t>(rows.integer(0)),
              .ordinal = rows.integer(1),
              .effect = rows.integer(2),
              .dead_letter = rows.integer(3),
              .audit = rows.integer(4),
              .entry = rows.integer(8),
              .chain = rows.text(5),
              .paused_all = rows.integer(6) != 0};
  rebuilding_ = rows.integer(7) != 0;
}

void BatchRows::write() {
  counts_.write(connection_);
  connection_(
      "update progress set position = ?, ordinal = ?, effect = ?, dead_letter = ?, audit = ?, chain = ?, paused_all = "
      "?, entry = ?")
      .run(progress.position, progress.ordinal, progress.effect, progress.dead_letter, progress.audit, progress.chain,
           progress.paused_all, progress.entry);
}

// --- Users

void BatchRows::name_users() {
  for (const LogBatch::Named& named : batch_.identities) name(named);
}

void BatchRows::name(const LogBatch::Named& named) {
  const std::int64_t number = number_of(named.user);
  if (named.id.empty()) return;  // erased since; a UserErased further on says so, unless it has been applied already
  connection_("update user set id = ?1 where no = ?2 and id is not ?1").run(named.id, number);
}

std::int64_t BatchRows::number_of(UserRef user) {
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

void BatchRows::erase(UserRef user) {
  connection_("insert into user (ref) values (?) on conflict (ref) do update set id = null").run(user);
  erased_.push_back(user);
}

void BatchRows::name_again_if_erased(UserRef user) {
  if (std::ranges::find(erased_, user) == erased_.end()) return;
  for (const LogBatch::Named& named : batch_.identities) {
    if (named.user == user) name(named);
  }
}

// --- Effects

std::optional<std::int64_t> BatchRows::add_effect(const Recorded& recorded, const NewEffect& effect) {
  const EffectState state = rebuilding_ ? EffectState::unknown : EffectState::pending;
  const bool inserted = insert_effect_.run_unless_taken(
      progress.effect + 1, effect.id, effect.ordinal, recorded.partition.value, number_of(effect.user), effect.amount,
      recorded.time.ms, static_cast<int>(state), recorded.time.ms,
      rebuilding_ ? std::optional{recorded.time.ms} : std::nullopt, static_cast<int>(effect.kind), effect.prize);
  if (!inserted) {
    finding(recorded, "EFFECT_ID_TAKEN", uuid_text(effect.id));
    return std::nullopt;
  }
  ++progress.effect;
  counts_.made(recorded.partition.value, effect.kind, state);
  return progress.effect;
}

void BatchRows::settle_effect(const Recorded& recorded, const EffectSettled& event) {
  std::int64_t no = 0;
  std::int64_t partition = 0;
  EffectState state{};
  EffectKind kind{};
  {
    Rows rows = connection_(
                    "select no, partition, state, kind from effect indexed by effect_not_done where id = ? and state "
                    "<> 3")
                    .select(event.effect);
    if (!rows.next()) return;  // what the partner has booked stays booked; fsck looks for settlements of nothing
    no = rows.integer(0);
    partition = rows.integer(1);
    state = static_cast<EffectState>(rows.integer(2));
    kind = static_cast<EffectKind>(rows.integer(3));
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
      counts_.moved(partition, kind, state, EffectState::done);
      break;
    case EffectSettled::Outcome::dead:
      if (state == EffectState::dead) return;
      connection_(
          "update effect set state = 4, next_try = 0, updated_at = ?, unknown_since = null, dead_letter = ? where no = "
          "?")
          .run(recorded.time.ms, ++progress.dead_letter, no);
      connection_(
          "insert into attempt (effect, last_error) values (?, ?) on conflict (effect) do update set last_error = "
          "excluded.last_error")
          .run(no, event.detail);
      counts_.moved(partition, kind, state, EffectState::dead);
      break;
    case EffectSettled::Outcome::redriven:
      if (state != EffectState::dead) return;
      connection_(
          "update effect set state = 2, next_try = 0, updated_at = ?, unknown_since = ?, dead_letter = null where no = "
          "?")
          .run(recorded.time.ms, recorded.time.ms, no);
      connection_("update attempt set tries_before = tries, first_at = 0 where effect = ?").run(no);
      counts_.moved(partition, kind, state, EffectState::unknown);
      break;
  }
}

void BatchRows::dismiss_effect(const EffectId& effect) {
  connection_(
      "update effect indexed by effect_not_done set dead_letter = -dead_letter where id = ? and state <> 3 and "
      "dead_letter > 0")
      .run(effect);
}

void BatchRows::cancel_effect(const Recorded& recorded, std::int64_t no) {
  EffectState state{};
  EffectKind kind{};
  {
    Rows rows = connection_("select state, kind from effect where no = ?").select(no);
    if (!rows.next()) return;
    state = static_cast<EffectState>(rows.integer(0));
    kind = static_cast<EffectKind>(rows.integer(1));
  }
  if (state == EffectState::done) return;
  // A notification that is on its way arrives; an accrual is only held back.
  const bool cancelled = state != EffectState::sending || kind == EffectKind::accrual;
  connection_(
      "update effect set state = 3, next_try = 0, updated_at = ?, unknown_since = null, dead_letter = null, cancelled "
      "= ? where no = ?")
      .run(recorded.time.ms, cancelled, no);
  counts_.moved(recorded.partition.value, kind, state, EffectState::done);
}

// --- Findings and audit

void BatchRows::finding(const Recorded& recorded, std::string_view kind, const std::string& detail) {
  connection_("insert into finding (at, kind, partition, epoch, sequence, detail) values (?, ?, ?, ?, ?, ?)")
      .run(recorded.time.ms, kind, recorded.partition.value, recorded.epoch.value, recorded.sequence.value, detail);
  if (alarm_) {
    alarm_(fmt::format("ledger finding {}: partition {}, epoch {}, sequence {}: {}", kind, recorded.partition.value,
                       recorded.epoch.value, recorded.sequence.value, detail));
  }
}

void BatchRows::append(const AuditEntry& entry) {
  ++progress.audit;
  progress.chain = chain_of(progress.chain, progress.audit, entry);
  connection_(
      "insert into audit (seq, at, actor, action, subject, subject_user, before, after, reason, chain) values (?, ?, "
      "?, ?, ?, ?, ?, ?, ?, ?)")
      .run(progress.audit, entry.at.ms, entry.actor, entry.action, entry.subject, entry.subject_user, entry.before,
           entry.after, entry.reason, progress.chain);
}

}  // namespace windfall::sqlite

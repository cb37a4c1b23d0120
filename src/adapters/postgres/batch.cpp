#include "adapters/postgres/batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <variant>

#include "adapters/codec/dismissal.hpp"
#include "adapters/codec/encoding.hpp"

namespace windfall::postgres {

namespace {

constexpr const char* kLockEffects =
    "select id, no, ordinal, partition, user_no, amount, occurred_at, kind, prize, state, updated_at, unknown_since, "
    "dead_letter, tries, tries_before, first_at, taken_at, last_error, cancelled from effect where id = "
    "any($1::uuid[]) order by id for update";
constexpr const char* kEffectColumns =
    "effect (id, no, ordinal, partition, user_no, amount, occurred_at, kind, prize, state, next_try, updated_at, "
    "unknown_since, dead_letter, tries, tries_before, first_at, taken_at, last_error, cancelled)";
constexpr const char* kInsertEffect =
    "insert into effect (id, no, ordinal, partition, user_no, amount, occurred_at, kind, prize, state, next_try, "
    "updated_at, unknown_since) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'epoch', $11, $12) on conflict (id) "
    "do "
    "nothing";
/// Whoever held it holds it no more.
constexpr const char* kChangeEffects =
    "update effect e set state = v.state, next_try = 'epoch', updated_at = v.updated_at, unknown_since = "
    "v.unknown_since, dead_letter = v.dead_letter, tries = v.tries, tries_before = v.tries_before, first_at = "
    "v.first_at, last_error = v.last_error, cancelled = v.cancelled <> 0, owner = null, life = null, deadline = null "
    "from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::bigint[], "
    "$7::bigint[], $8::timestamptz[], $9::text[], $10::bigint[]) as v(id, state, updated_at, unknown_since, "
    "dead_letter, tries, tries_before, first_at, last_error, cancelled) where e.id = v.id";

/// Calls `with` for each user that the event names.
template <class With>
void each_user(const Event& event, With with) {
  std::visit(
      [&](const auto& alternative) {
        if constexpr (requires { alternative.invited; }) {
          with(alternative.invited);
          with(alternative.inviter);
        } else if constexpr (requires { alternative.user; }) {
          with(alternative.user);
        }
      },
      event);
}

std::optional<Instant> time_at(const Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional{rows.time(column)};
}

std::optional<std::int64_t> integer_at(const Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional{rows.integer(column)};
}

}  // namespace

Batch::Batch(Connection& db, KnownUsers& known, const LogBatch& batch, Pace pace)
    : db_(db), known_(known), batch_(batch), pace_(pace) {}

bool Batch::needs_nothing() const {
  return pace_ == Pace::together && std::ranges::all_of(events_, [](const Recorded* recorded) {
           return std::holds_alternative<Participated>(recorded->event) ||
                  std::holds_alternative<EffectSettled>(recorded->event);
         });
}

bool Batch::begin() {
  if (batch_.events.empty()) return false;
  read_progress();
  skip_what_was_applied();
  if (events_.empty()) return false;
  read_promotions();
  name_users();
  lock_settled_effects();
  return true;
}

void Batch::settle(const std::vector<EffectSettled>& settled, Instant at) {
  read_progress();
  Array ids = Array::of_uuids();
  for (const EffectSettled& one : settled) ids.add(one.effect);
  if (ids.empty()) return;
  lock_effects(ids);
  for (const EffectSettled& one : settled) {
    Recorded recorded;
    recorded.time = at;
    settle_effect(recorded, one);
  }
}

void Batch::read_progress() {
  Rows rows = db_.select(
      "select position, ordinal, effect, dead_letter, audit, entry, chain, paused_all, position < (select "
      "value::bigint from meta where key = 'rebuild_until'), erasures, users from progress for update");
  if (!rows.next()) throw SqlError(FailureCode::damaged, "ledger: the progress row is missing");
  progress = {.position = rows.integer(0),
              .ordinal = rows.integer(1),
              .effect = rows.integer(2),
              .dead_letter = rows.integer(3),
              .audit = rows.integer(4),
              .entry = rows.integer(5),
              .chain = rows.text(6),
              .paused_all = rows.boolean(7),
              .erasures = rows.integer(9),
              .users = rows.integer(10)};
  known_.expect(progress.erasures);
  rebuilding_ = rows.boolean(8);
}

void Batch::skip_what_was_applied() {
  std::set<std::uint32_t> partitions;
  for (const Recorded& recorded : batch_.events) partitions.insert(recorded.partition.value);
  Array numbers = Array::of_integers();
  for (const std::uint32_t partition : partitions) numbers.add(partition);
  Rows rows = db_.select(
      "select partition, epoch, sequence from partition_position where partition = any($1::bigint[])", numbers);
  while (rows.next()) {
    places_[static_cast<std::uint32_t>(rows.integer(0))] = {{static_cast<std::uint32_t>(rows.integer(1))},
                                                            {static_cast<std::uint64_t>(rows.integer(2))}};
  }
  for (const Recorded& recorded : batch_.events) {
    auto& [epoch, sequence] = places_.try_emplace(recorded.partition.value, Epoch{0}, Sequence{0}).first->second;
    if (std::tie(recorded.epoch, recorded.sequence) <= std::tie(epoch, sequence)) continue;
    // A new epoch goes on where the last one ended: its state was folded from this very log.
    if (recorded.sequence.value != sequence.value + 1) {
      throw SqlError(FailureCode::damaged,
                     fmt::format("ledger: partition {} has a gap: epoch {}, sequence {} follows epoch {}, sequence {}",
                                 recorded.partition.value, recorded.epoch.value, recorded.sequence.value, epoch.value,
                                 sequence.value));
    }
    epoch = recorded.epoch;
    sequence = recorded.sequence;
    events_.push_back(&recorded);
  }
}

void Batch::read_promotions() {
  Array numbers = Array::of_integers();
  for (const auto& [partition, place] : places_) numbers.add(partition);
  Rows rows = db_.select("select partition, id, revision from promotion where partition = any($1::bigint[])", numbers);
  while (rows.next()) {
    promotions_[static_cast<std::uint32_t>(rows.integer(0))] = {
        .id = rows.text(1), .revision = {static_cast<std::uint32_t>(rows.integer(2))}};
  }
}

const Batch::Promotion* Batch::promotion(PartitionNo partition) const {
  const auto found = promotions_.find(partition.value);
  return found == promotions_.end() ? nullptr : &found->second;
}

// --- Users

/// Whoever an event names after an erasure has an id again, if the batch knows it. An identity beside which no event of
/// the user stands is kept only for somebody new: a batch that is read again must not name an erased person.
void Batch::name_users() {
  std::unordered_map<UserRef, std::string_view, HashOfRef> ids;
  for (const LogBatch::Named& named : batch_.identities) {
    if (!named.id.empty()) ids[named.user] = named.id;
  }
  std::vector<UserRef> order;
  const auto note = [&](UserRef user, Fate fate) {
    if (users_.insert_or_assign(user, Named{.fate = fate}).second) order.push_back(user);
  };
  for (const Recorded* recorded : events_) {
    if (const auto* erased = std::get_if<UserErased>(&recorded->event)) {
      note(erased->user, Fate::erased);
      continue;
    }
    each_user(recorded->event, [&](UserRef user) { note(user, ids.contains(user) ? Fate::named : Fate::untold); });
  }
  for (const LogBatch::Named& named : batch_.identities) {
    if (!named.id.empty() && !users_.contains(named.user)) note(named.user, Fate::named_if_new);
  }

  Array renamed = Array::of_integers();
  Array new_ids = Array::of_texts();
  const auto found = [&](UserRef user, KnownUsers::User known) {
    Named& at = users_.at(user);
    at.known = known;
    if (at.fate == Fate::erased && known.named) {
      renamed.add(known.no);
      new_ids.add_null();
      at.known.named = false;
    } else if (at.fate == Fate::named && !known.named) {
      renamed.add(known.no);
      new_ids.add(ids[user]);
      at.known.named = true;
    }
  };
  std::vector<UserRef> unheard_of;
  for (const UserRef user : order) {
    if (const auto known = known_.find(user)) {
      found(user, *known);
    } else {
      unheard_of.push_back(user);
    }
  }
  if (!unheard_of.empty()) look_up(unheard_of, ids, found);
  if (!renamed.empty()) {
    db_.run("update identity u set id = v.id from unnest($1::bigint[], $2::text[]) as v(no, id) where u.no = v.no",
            renamed, new_ids);
  }
}

/// Of whom nobody here has heard. Numbers are given out in the order in which the batch names them.
void Batch::look_up(const std::vector<UserRef>& users,
                    const std::unordered_map<UserRef, std::string_view, HashOfRef>& ids,
                    const std::function<void(UserRef, KnownUsers::User)>& found) {
  Array refs = Array::of_uuids(users.size());
  for (const UserRef user : users) refs.add(user);
  {
    Rows rows = db_.select("select ref, no, id is not null from identity where ref = any($1::uuid[])", refs);
    while (rows.next()) found(rows.user(0), {.no = rows.integer(1), .named = rows.boolean(2)});
  }
  CopyRows rows(3);
  for (const UserRef user : users) {
    Named& named = users_.at(user);
    if (named.known.no != 0) continue;
    const bool has_id = named.fate == Fate::named || named.fate == Fate::named_if_new;
    named.known = {.no = ++progress.users, .named = has_id};
    rows.row().int8(named.known.no).uuid(bytes_of(user));
    has_id ? rows.text(ids.at(user)) : rows.null();
  }
  db_.copy("identity (no, ref, id)", rows);
}

void Batch::committed() {
  known_.counted(progress.erasures);
  for (const auto& [user, named] : users_) known_.learn(user, named.known);
}

std::int64_t Batch::number_of(UserRef user) const { return users_.at(user).known.no; }

// --- Effects

void Batch::lock_settled_effects() {
  Array ids = Array::of_uuids();
  for (const Recorded* recorded : events_) {
    if (const auto* settled = std::get_if<EffectSettled>(&recorded->event)) ids.add(settled->effect);
    const auto* audited = std::get_if<Audited>(&recorded->event);
    const auto dismissed = audited != nullptr ? codec::dismissed_effect(*audited) : std::nullopt;
    if (dismissed) ids.add(*dismissed);
  }
  if (!ids.empty()) lock_effects(ids);
}

void Batch::lock_effects(const Array& ids) {
  Rows rows = db_.select(kLockEffects, ids);
  effects_.reserve(static_cast<std::size_t>(rows.count()));
  while (rows.next()) {
    effects_.emplace(
        rows.uuid(0),
        Effect{.stored = true,
               .no = rows.integer(1),
               .ordinal = rows.integer(2),
               .partition = rows.integer(3),
               .user_no = rows.integer(4),
               .amount = rows.integer(5),
               .occurred_at = rows.time(6),
               .kind = static_cast<EffectKind>(rows.integer(7)),
               .prize = rows.is_null(8) ? std::nullopt : std::optional{static_cast<std::uint32_t>(rows.integer(8))},
               .state = static_cast<EffectState>(rows.integer(9)),
               .cancelled = rows.boolean(18),
               .updated_at = rows.time(10),
               .unknown_since = time_at(rows, 11),
               .dead_letter = integer_at(rows, 12),
               .tries = rows.integer(13),
               .tries_before = rows.integer(14),
               .first_at = time_at(rows, 15),
               .taken_at = time_at(rows, 16),
               .last_error = rows.text(17)});
  }
}

Batch::Effect* Batch::effect_of(const EffectId& id) {
  const auto known = effects_.find(id);
  return known == effects_.end() ? nullptr : &known->second;
}

bool Batch::add_effect(const Recorded& recorded, const NewEffect& added) {
  Effect effect{.no = progress.effect + 1,
                .ordinal = added.ordinal,
                .partition = recorded.partition.value,
                .user_no = number_of(added.user),
                .amount = added.amount,
                .occurred_at = recorded.time,
                .kind = added.kind,
                .prize = added.prize,
                .state = rebuilding_ ? EffectState::unknown : EffectState::pending,
                .updated_at = recorded.time,
                .unknown_since = rebuilding_ ? std::optional{recorded.time} : std::nullopt};
  const Effect* known = effect_of(added.id);
  if (known == nullptr && pace_ == Pace::one_by_one && !insert_effect(added.id, effect)) {
    Rows rows = db_.select("select partition, user_no, amount, kind from effect where id = $1", added.id);
    const bool same = rows.next() && rows.integer(0) == effect.partition && rows.integer(1) == effect.user_no &&
                      rows.integer(2) == effect.amount && rows.integer(3) == static_cast<std::int64_t>(effect.kind);
    if (!same) finding(recorded, "EFFECT_ID_TAKEN", codec::to_uuid_text(added.id));
    return same;
  }
  if (known != nullptr) {
    const bool same = known->stored && known->partition == effect.partition && known->user_no == effect.user_no &&
                      known->amount == effect.amount && known->kind == effect.kind;
    if (!same) finding(recorded, "EFFECT_ID_TAKEN", codec::to_uuid_text(added.id));
    return same;
  }
  ++progress.effect;
  effect.stored = pace_ == Pace::one_by_one;
  if (!effect.stored) made_.push_back(added.id);
  counts_.made(effect.partition, effect.kind, effect.state);
  effects_.emplace(added.id, std::move(effect));
  return true;
}

bool Batch::insert_effect(const EffectId& id, const Effect& effect) {
  return db_.run(kInsertEffect, id, effect.no, effect.ordinal, effect.partition, effect.user_no, effect.amount,
                 effect.occurred_at, static_cast<int>(effect.kind), effect.prize, static_cast<int>(effect.state),
                 effect.updated_at, effect.unknown_since) == 1;
}

void Batch::end(Effect& effect, const Recorded& recorded, EffectState state) {
  counts_.moved(effect.partition, effect.kind, effect.state, state);
  effect.state = state;
  effect.updated_at = recorded.time;
  effect.unknown_since.reset();
  effect.changed = true;
}

void Batch::settle_effect(const Recorded& recorded, const EffectSettled& event) {
  Effect* effect = effect_of(event.effect);
  if (effect == nullptr || effect->state == EffectState::done) {
    return;  // what the partner has booked stays booked; fsck looks for settlements of nothing
  }
  if (effect->state == EffectState::sending) {  // the call that settled it
    ++effect->tries;
    if (!effect->first_at) effect->first_at = effect->taken_at;
    effect->changed = true;
  }
  switch (event.outcome) {
    case EffectSettled::Outcome::done:
      end(*effect, recorded, EffectState::done);
      effect->dead_letter.reset();
      break;
    case EffectSettled::Outcome::dead:
      if (effect->state == EffectState::dead) return;
      end(*effect, recorded, EffectState::dead);
      effect->dead_letter = ++progress.dead_letter;
      effect->last_error = event.detail;
      break;
    case EffectSettled::Outcome::redriven:
      if (effect->state != EffectState::dead) return;
      end(*effect, recorded, EffectState::unknown);
      effect->unknown_since = recorded.time;
      effect->dead_letter.reset();
      effect->tries_before = effect->tries;
      effect->first_at.reset();
      break;
  }
}

void Batch::dismiss_effect(const Audited& event) {
  const auto id = codec::dismissed_effect(event);
  Effect* effect = id ? effect_of(*id) : nullptr;
  if (effect == nullptr || effect->dead_letter.value_or(0) <= 0) return;
  effect->dead_letter = -*effect->dead_letter;
  effect->changed = true;
}

void Batch::cancel_effect(const Recorded& recorded, const EffectId& id) {
  Effect* effect = effect_of(id);
  if (effect == nullptr) {
    Array ids = Array::of_uuids();
    ids.add(id);
    lock_effects(ids);
    effect = effect_of(id);
  }
  if (effect == nullptr || effect->state == EffectState::done) return;
  // A notification that is on its way arrives; an accrual is only held back.
  effect->cancelled = effect->state != EffectState::sending || effect->kind == EffectKind::accrual;
  end(*effect, recorded, EffectState::done);
  effect->dead_letter.reset();
}

void Batch::write_effects() {
  CopyRows rows(20);
  for (const EffectId& id : made_) {
    const Effect& effect = effects_.at(id);
    rows.row().uuid(id).int8(effect.no).int8(effect.ordinal).int4(effect.partition).int8(effect.user_no);
    rows.int8(effect.amount).time(effect.occurred_at).int2(static_cast<int>(effect.kind));
    effect.prize ? rows.int4(*effect.prize) : rows.null();
    rows.int2(static_cast<int>(effect.state)).time(Instant{0}).time(effect.updated_at);
    effect.unknown_since ? rows.time(*effect.unknown_since) : rows.null();
    effect.dead_letter ? rows.int8(*effect.dead_letter) : rows.null();
    rows.int4(effect.tries).int4(effect.tries_before);
    effect.first_at ? rows.time(*effect.first_at) : rows.null();
    effect.taken_at ? rows.time(*effect.taken_at) : rows.null();
    rows.text(effect.last_error).boolean(effect.cancelled);
  }
  db_.copy(kEffectColumns, rows);

  Array ids = Array::of_uuids();
  Array states = Array::of_integers();
  Array updated = Array::of_times();
  Array unknown = Array::of_times();
  Array dead = Array::of_integers();
  Array tries = Array::of_integers();
  Array before = Array::of_integers();
  Array first = Array::of_times();
  Array errors = Array::of_texts();
  Array cancelled = Array::of_integers();
  for (const auto& [id, effect] : effects_) {
    if (!effect.stored || !effect.changed) continue;
    ids.add(id);
    states.add(static_cast<std::int64_t>(effect.state));
    updated.add(effect.updated_at);
    unknown.add(effect.unknown_since);
    effect.dead_letter ? dead.add(*effect.dead_letter) : dead.add_null();
    tries.add(effect.tries);
    before.add(effect.tries_before);
    first.add(effect.first_at);
    errors.add(std::string_view(effect.last_error));
    cancelled.add(std::int64_t{effect.cancelled});
  }
  if (!ids.empty()) {
    db_.run(kChangeEffects, ids, states, updated, unknown, dead, tries, before, first, errors, cancelled);
  }
}

// --- Findings and audit

void Batch::finding(const Recorded& recorded, std::string_view kind, const std::string& detail) {
  findings_.row().time(recorded.time).text(kind).int4(recorded.partition.value).int4(recorded.epoch.value);
  findings_.int8(static_cast<std::int64_t>(recorded.sequence.value)).text(detail);
  alarms_.push_back(fmt::format("ledger finding {}: partition {}, epoch {}, sequence {}: {}", kind,
                                recorded.partition.value, recorded.epoch.value, recorded.sequence.value, detail));
}

void Batch::append(codec::AuditEntry entry) {
  // The chain covers what is stored.
  const std::string subject = storable(entry.subject);
  const std::string reason = storable(entry.reason);
  entry.subject = subject;
  entry.reason = reason;
  entry.before = storable(entry.before);
  entry.after = storable(entry.after);
  ++progress.audit;
  progress.chain = codec::chain_of(progress.chain, progress.audit, entry);
  db_.run(
      "insert into audit (seq, at, actor, action, subject, subject_user, before, after, reason, chain) values ($1, $2, "
      "$3, $4, $5, $6, $7, $8, $9, $10)",
      progress.audit, entry.at, entry.actor, entry.action, entry.subject, entry.subject_user, entry.before, entry.after,
      entry.reason, progress.chain);
}

// --- The end

void Batch::write_positions() {
  Array partitions = Array::of_integers();
  Array epochs = Array::of_integers();
  Array sequences = Array::of_integers();
  for (const auto& [partition, place] : places_) {
    if (place.second.value == 0) continue;
    partitions.add(partition);
    epochs.add(place.first.value);
    sequences.add(static_cast<std::int64_t>(place.second.value));
  }
  db_.run(
      "insert into partition_position (partition, epoch, sequence) select * from unnest($1::bigint[], $2::bigint[], "
      "$3::bigint[]) on conflict (partition) do update set epoch = excluded.epoch, sequence = excluded.sequence",
      partitions, epochs, sequences);
}

void Batch::write() {
  write_effects();
  write_positions();
  db_.copy("finding (at, kind, partition, epoch, sequence, detail)", findings_);
  progress.position += static_cast<std::int64_t>(events_.size());
  db_.run(
      "update progress set position = $1, ordinal = $2, effect = $3, dead_letter = $4, audit = $5, chain = $6, "
      "paused_all = $7, entry = $8, erasures = $9, users = $10",
      progress.position, progress.ordinal, progress.effect, progress.dead_letter, progress.audit, progress.chain,
      progress.paused_all, progress.entry, progress.erasures, progress.users);
  counts_.write(db_);
}

}  // namespace windfall::postgres

#include "app/proof/ledger_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/codec/encoding.hpp"
#include "app/proof/effect_fate.hpp"

namespace windfall::proof {

namespace {

constexpr const char* kRows =
    "select j.ordinal, j.partition, j.epoch, j.sequence, j.event_id, u.ref, j.day, j.amount, j.at, j.revision, j.test, "
    "j.effect, e.id, e.ordinal, e.partition, e.user = j.user, e.amount, e.occurred_at, e.state from participation j "
    "left join user u on u.no = j.user left join effect e on e.no = j.effect order by j.ordinal";
namespace column {
enum : std::uint8_t {
  ordinal,
  partition,
  epoch,
  sequence,
  event_id,
  user,
  day,
  amount,
  at,
  revision,
  test,
  effect,
  effect_id,
  effect_ordinal,
  effect_partition,
  effect_same_user,
  effect_amount,
  effect_at,
  effect_state,
};
}  // namespace column

constexpr const char* kAuditRows =
    "select seq, at, actor, action, subject, subject_user, before, after, reason, chain from audit order by seq";

}  // namespace

LedgerCheck::LedgerCheck(Report& report, LedgerFile& file, const Lineage& lineage)
    : report_(report),
      file_(file),
      position_(static_cast<std::uint64_t>(file.integer("select position from progress"))),
      chain_(codec::to_hex(lineage)),
      rows_(file(kRows).select()),
      lottery_rows_(file),
      lotteries_(report, lottery_rows_),
      audit_rows_(file(kAuditRows).select()) {
  {
    sqlite::Rows rows = file("select value from meta where key = 'lineage'").select();
    const std::string of = rows.next() ? rows.text(0) : std::string{};
    if (of != chain_) row_differs("meta", fmt::format("belongs to lineage {}, the journal to {}", of, chain_));
  }
  {
    sqlite::Rows rows = file("pragma quick_check(20)").select();
    while (rows.next()) {
      if (rows.text(0) != "ok") row_differs("file", rows.text(0));
    }
  }
  advance();
}

void LedgerCheck::advance() {
  at_row_ = rows_.next();
  if (!at_row_) return;
  const std::int64_t ordinal = rows_.integer(column::ordinal);
  if (ordinal != ordinal_ + 1) {
    row_differs(fmt::format("participation {}", ordinal), fmt::format("stands behind participation {}", ordinal_));
  }
  ordinal_ = ordinal;
}

bool LedgerCheck::stands_later(const Recorded& recorded) {
  return file_("select 1 from participation where partition = ? and epoch = ? and sequence = ? and ordinal > ?")
      .select(recorded.partition.value, recorded.epoch.value, recorded.sequence.value, ordinal_)
      .next();
}

void LedgerCheck::acceptance(const Place& place, const Recorded& recorded, const Participated& event,
                             const codec::EventIds& ids, Fate fate) {
  report_.checked(Invariant::i13);
  const bool pays = !event.test && event.amount > 0;
  if (!joins_.add(event.user, recorded.partition, event.day)) return;  // I2 has said so; no row may hold it
  Defined& defined = defined_[recorded.partition.value];
  ++defined.participations;
  add_saturating(defined.spent, event.amount);
  if (pays) ++effects_expected_;

  const auto is_here = [&] {
    return at_row_ && rows_.integer(column::partition) == recorded.partition.value &&
           rows_.integer(column::epoch) == recorded.epoch.value &&
           rows_.integer(column::sequence) == static_cast<std::int64_t>(recorded.sequence.value);
  };
  if (!is_here()) {
    if (!at_row_ || !stands_later(recorded)) {
      differs(place, "the ledger has no row for this acceptance");
      if (pays) report_.violation(Invariant::i4, place, "an acceptance without an effect");
      return;
    }
    for (; at_row_ && !is_here(); advance()) {
      row_differs(fmt::format("participation {}", rows_.integer(column::ordinal)),
                  fmt::format("partition {}, sequence {} is not at this place of the journal",
                              rows_.integer(column::partition), rows_.integer(column::sequence)));
    }
  }
  compare(place, recorded, event, ids, fate);
  advance();
}

void LedgerCheck::compare(const Place& place, const Recorded& recorded, const Participated& event,
                          const codec::EventIds& ids, Fate fate) {
  const auto wrong = [&](std::string_view column) {
    differs(place,
            fmt::format("participation {}: {} is not what the journal says", rows_.integer(column::ordinal), column));
  };
  if (rows_.is_null(column::user) || rows_.user(column::user) != event.user) wrong("user");
  if (rows_.integer(column::day) != event.day.days) wrong("day");
  if (rows_.integer(column::amount) != event.amount) wrong("amount");
  if (rows_.integer(column::at) != recorded.time.ms) wrong("at");
  if (rows_.integer(column::revision) != recorded.revision.value) wrong("revision");
  if ((rows_.integer(column::test) != 0) != event.test) wrong("test");
  if (rows_.bytes16(column::event_id) != ids.event) wrong("event_id");
  compare_effect(place, recorded, event, ids.effect, fate);
}

void LedgerCheck::compare_effect(const Place& place, const Recorded& recorded, const Participated& event,
                                 const sqlite::Bytes16& id, Fate fate) {
  const bool pays = !event.test && event.amount > 0;
  report_.checked(Invariant::i4);
  const auto wrong = [&](const std::string& what) { report_.violation(Invariant::i4, place, what); };
  if (!pays) {
    if (!rows_.is_null(column::effect)) wrong("an effect of an acceptance that pays nothing");
    return;
  }
  if (rows_.is_null(column::effect) || rows_.is_null(column::effect_id))
    return wrong("an acceptance without an effect");
  ++effects_matched_;
  const std::string effect = "effect " + codec::to_uuid_text(rows_.bytes16(column::effect_id));
  if (rows_.bytes16(column::effect_id) != id) wrong(fmt::format("{} should be {}", effect, codec::to_uuid_text(id)));
  if (rows_.integer(column::effect_ordinal) != rows_.integer(column::ordinal) ||
      rows_.integer(column::effect_partition) != recorded.partition.value ||
      rows_.integer(column::effect_same_user) == 0) {
    wrong(effect + " belongs to another acceptance");
  }
  if (rows_.integer(column::effect_amount) != event.amount) {
    wrong(fmt::format("{} is of {} points instead of {}", effect, rows_.integer(column::effect_amount), event.amount));
  }
  if (rows_.integer(column::effect_at) != recorded.time.ms) wrong(effect + " has another time than its acceptance");
  if (!fits(fate, rows_.integer(column::effect_state))) {
    wrong(fmt::format("{} is {} in the ledger, but {} in the journal", effect,
                      state_text(rows_.integer(column::effect_state)), text_of(fate)));
  }
}

// --- Operators

void LedgerCheck::other(const Place& place, const Recorded& recorded) {
  struct Fold {
    LedgerCheck& check;
    const Place& place;
    const Recorded& recorded;
    void operator()(const Participated&) const {}
    void operator()(const AnswerKept&) const {}
    void operator()(const EffectSettled&) const {}
    void operator()(const DefinitionChanged& e) const {
      Defined& defined = check.defined_[recorded.partition.value];
      if (defined.id.empty()) {
        defined.id = e.id;
        defined.created = recorded.time;
      }
      defined.definition = e.definition;
      ++defined.revision;
      defined.modified = recorded.time;
      check.history_.try_emplace({recorded.partition.value, defined.revision}, e.definition);
      check.action(place, recorded.time, e.audit, e.id, std::nullopt);
    }
    void operator()(const PausedAll& e) const { check.action(place, recorded.time, e.audit, {}, std::nullopt); }
    void operator()(const UserBlocked& e) const {
      if (e.blocked) {
        check.blocked_.insert(e.user);
      } else {
        check.blocked_.erase(e.user);
      }
      check.action(place, recorded.time, e.audit, {}, e.user);
    }
    void operator()(const KeyChanged& e) const { check.action(place, recorded.time, e.audit, e.key_id, std::nullopt); }
    void operator()(const Audited& e) const { check.action(place, recorded.time, e.audit, e.subject, std::nullopt); }
    void operator()(const UserErased& e) const { check.action(place, recorded.time, e.audit, {}, e.user); }
    void operator()(const TicketsAdjusted& e) const { check.action(place, recorded.time, e.audit, {}, e.user); }
    void operator()(const WinVoided& e) const { check.action(place, recorded.time, e.audit, {}, e.user); }
    void operator()(const CouponReissued& e) const { check.action(place, recorded.time, e.audit, {}, e.user); }
    void operator()(const CodesImported& e) const {
      check.action(place, recorded.time, e.audit, check.defined_[recorded.partition.value].id, std::nullopt);
    }
    void operator()(const CodesBurned& e) const {
      check.action(place, recorded.time, e.audit, check.defined_[recorded.partition.value].id, std::nullopt);
    }
    // No actions of operators; lottery_ledger_check.cpp has their rows.
    void operator()(const Visited&) const {}
    void operator()(const InviteIssued&) const {}
    void operator()(const InviteShared&) const {}
    void operator()(const InviteOpened&) const {}
    void operator()(const OpenNotGranted&) const {}
    void operator()(const SegmentOpened&) const {}
    void operator()(const SegmentPaused&) const {}
    void operator()(const Drew&) const {}
    void operator()(const LotteryClosed&) const {}
    void operator()(const SecondChanceStarted&) const {}
    void operator()(const SecondChanceWon&) const {}
    void operator()(const SecondChanceEnded&) const {}
    void operator()(const CodeAssigned&) const {}
    void operator()(const CouponUsed&) const {}
    void operator()(const Inbound&) const {}
    void operator()(const InboundSettled&) const {}
  };
  std::visit(Fold{*this, place, recorded}, recorded.event);
}

/// The next row of the audit is this action, and continues the chain.
void LedgerCheck::action(const Place& place, Instant at, const Audit& audit, const std::string& subject,
                         std::optional<UserRef> subject_user) {
  if (audit_broken_) return;
  report_.checked(Invariant::i16);
  if (!audit_rows_.next()) {
    report_.violation(Invariant::i16, place, "the audit has no row for this action");
    audit_broken_ = true;
    return;
  }
  ++audit_seq_;
  const std::string where = fmt::format("ledger.db, audit {}", audit_rows_.integer(0));
  const std::optional<UserRef> user = audit_rows_.is_null(5) ? std::nullopt : std::optional{audit_rows_.user(5)};
  const std::string actor = audit_rows_.text(2);
  const std::string name = audit_rows_.text(3);
  const std::string about = audit_rows_.text(4);
  const std::string reason = audit_rows_.text(8);
  if (audit_rows_.integer(0) != audit_seq_ || audit_rows_.integer(1) != at.ms || actor != audit.actor ||
      name != audit.action || about != subject || user != subject_user || reason != audit.reason) {
    report_.violation(Invariant::i16, where, "is not the action of " + to_text(place));
    audit_broken_ = true;
  }
  const sqlite::AuditEntry entry{.at = Instant{audit_rows_.integer(1)},
                                 .actor = actor,
                                 .action = name,
                                 .subject = about,
                                 .subject_user = user,
                                 .before = audit_rows_.text(6),
                                 .after = audit_rows_.text(7),
                                 .reason = reason};
  chain_ = sqlite::chain_of(chain_, audit_rows_.integer(0), entry);
  if (chain_ != audit_rows_.text(9)) {
    report_.violation(Invariant::i16, where, "the chain breaks here: a row was changed, taken out or put in");
    audit_broken_ = true;
  }
}

void LedgerCheck::check_audit_end() {
  if (audit_broken_) return;
  if (audit_rows_.next()) {
    report_.violation(Invariant::i16, fmt::format("ledger.db, audit {}", audit_rows_.integer(0)),
                      "is no action of the journal");
    return;
  }
  sqlite::Rows progress = file_("select audit, chain from progress").select();
  if (!progress.next() || progress.integer(0) != audit_seq_ || progress.text(1) != chain_) {
    report_.violation(Invariant::i16, fmt::format("ledger.db, audit {}", audit_seq_),
                      "is not the end of the chain that the ledger remembers");
  }
}

// --- After the last event

void LedgerCheck::finish(const LogCheck& log, std::uint64_t last_frame) {
  for (; at_row_; advance()) {
    row_differs(fmt::format("participation {}", rows_.integer(column::ordinal)),
                fmt::format("partition {}, sequence {} is not in the journal", rows_.integer(column::partition),
                            rows_.integer(column::sequence)));
  }
  check_orphans();
  lotteries_.finish(log.lotteries());
  check_counts();
  check_definitions();
  check_promotions(log, last_frame);
  check_people();
  check_audit_end();
  sqlite::Rows rows = file_("select kind, partition, sequence, detail from finding order by no").select();
  while (rows.next()) {
    row_differs(fmt::format("finding of partition {}, sequence {}", rows.integer(1), rows.integer(2)),
                rows.text(0) + ": " + rows.text(3));
  }
  if (position_ < last_frame) {
    const std::uint64_t behind = last_frame - position_;
    report_.note(Invariant::i13, fmt::format("the ledger is {} {} behind the journal; it catches up at the start",
                                             behind, behind == 1 ? "frame" : "frames"));
  }
}

void LedgerCheck::check_orphans() {
  const std::int64_t effects = file_.integer("select count(*) from effect where ordinal <> 0");
  report_.checked(Invariant::i4, effects);
  if (effects == effects_matched_) return;
  sqlite::Rows rows = file_(
                          "select e.no, e.id, e.ordinal, e.amount from effect e left join participation j on j.ordinal "
                          "= e.ordinal and j.effect = e.no where j.ordinal is null and e.ordinal <> 0 order by e.no")
                          .select();
  while (rows.next()) {
    report_.violation(Invariant::i4, fmt::format("ledger.db, effect {}", rows.integer(0)),
                      fmt::format("{} of {} points has no acceptance of its own; participation {} does not name it",
                                  codec::to_uuid_text(rows.bytes16(1)), rows.integer(3), rows.integer(2)));
  }
}

void LedgerCheck::check_counts() {
  {
    sqlite::Rows rows = file_("select ordinal, effect from progress").select();
    const bool known = rows.next();
    if (!known || rows.integer(0) != ordinal_) row_differs("progress", "the last ordinal is not that of the last row");
    if (known && rows.integer(1) != file_.integer("select coalesce(max(no), 0) from effect")) {
      row_differs("progress", "the last effect is not that of the last row");
    }
  }
  {
    sqlite::Rows rows =
        file_(
            "select partition, state from (select partition, state, count(*) as count from effect group by partition, "
            "state except select partition, state, count from effect_count where count <> 0) union select partition, "
            "state from (select partition, state, count from effect_count where count <> 0 except select partition, "
            "state, count(*) from effect group by partition, state)")
            .select();
    while (rows.next()) {
      row_differs("effect_count", fmt::format("partition {}, {}: not the number of rows", rows.integer(0),
                                              state_text(rows.integer(1))));
    }
  }
  check_lottery_counts();
  std::map<std::uint32_t, std::pair<std::int64_t, Amount>> totals;
  sqlite::Rows rows = file_("select partition, participations, spent from total").select();
  while (rows.next()) totals[static_cast<std::uint32_t>(rows.integer(0))] = {rows.integer(1), rows.integer(2)};
  for (const auto& [partition, defined] : defined_) {
    const auto total = totals.extract(partition);
    const std::pair<std::int64_t, Amount> found = total ? total.mapped() : std::pair<std::int64_t, Amount>{};
    report_.checked(Invariant::i13);
    if (found != std::pair{defined.participations, defined.spent}) {
      row_differs(fmt::format("total of partition {}", partition),
                  fmt::format("{} participations and {} points; the journal has {} and {}", found.first, found.second,
                              defined.participations, defined.spent));
    }
  }
  for (const auto& [partition, total] : totals) {
    row_differs(fmt::format("total of partition {}", partition), "there is no such promotion in the journal");
  }
}

void LedgerCheck::check_lottery_counts() {
  const std::int64_t last =
      file_.integer("select max((select coalesce(max(seq), 0) from ticket), (select coalesce(max(seq), 0) from draw))");
  if (file_.integer("select entry from progress") != last) {
    row_differs("progress", "the last entry is not that of the last row");
  }
  sqlite::Rows rows = file_(
                          "select partition, state from (select partition, state, count(*) as count from effect where "
                          "kind <> 0 group by "
                          "partition, state except select partition, state, count from notification_count where count "
                          "<> 0) union select "
                          "partition, state from (select partition, state, count from notification_count where count "
                          "<> 0 except select "
                          "partition, state, count(*) from effect where kind <> 0 group by partition, state)")
                          .select();
  while (rows.next()) {
    row_differs("notification_count",
                fmt::format("partition {}, {}: not the number of rows", rows.integer(0), state_text(rows.integer(1))));
  }
}

void LedgerCheck::check_definitions() {
  std::size_t rows_found = 0;
  sqlite::Rows rows =
      file_("select partition, revision, definition from definition_history where partition <> 0").select();
  for (; rows.next(); ++rows_found) {
    const std::pair key{static_cast<std::uint32_t>(rows.integer(0)), static_cast<std::uint32_t>(rows.integer(1))};
    const auto expected = history_.find(key);
    report_.checked(Invariant::i13);
    if (expected == history_.end() || expected->second != rows.text(2)) {
      row_differs(fmt::format("definition_history of partition {}, revision {}", rows.integer(0), rows.integer(1)),
                  "is not what the journal says");
    }
  }
  if (rows_found != history_.size()) {
    row_differs("definition_history", fmt::format("{} rows; the journal has {}", rows_found, history_.size()));
  }
}

void LedgerCheck::check_promotions(const LogCheck& log, std::uint64_t last_frame) {
  std::size_t found = 0;
  sqlite::Rows rows = file_(
                          "select partition, id, definition, revision, created, modified, join_count, spent, "
                          "left_join_count, synced_sequence from promotion")
                          .select();
  for (; rows.next(); ++found) {
    const auto partition = static_cast<std::uint32_t>(rows.integer(0));
    const auto defined = defined_.find(partition);
    const std::string where = fmt::format("promotion {}", rows.text(1));
    report_.checked(Invariant::i13);
    if (defined == defined_.end()) {
      row_differs(where, "is not in the journal");
      continue;
    }
    const Defined& expected = defined->second;
    if (rows.text(1) != expected.id || rows.text(2) != expected.definition || rows.integer(3) != expected.revision ||
        rows.integer(4) != expected.created.ms || rows.integer(5) != expected.modified.ms) {
      row_differs(where, "is not what the journal says");
    }
    // The counts are absolute values as of a sequence; of an earlier one than the last nothing is known any more.
    if (partition >= log.partitions().size()) continue;
    const LogCheck::PartitionFold& fold = log.partitions()[partition];
    const bool current =
        position_ >= last_frame && fold.promotion && rows.integer(9) == static_cast<std::int64_t>(fold.sequence.value);
    if (current && (rows.integer(6) != fold.taken || rows.integer(7) != fold.spent ||
                    rows.integer(8) != fold.promotion->limit_join_count - fold.taken)) {
      row_differs(where, fmt::format("synced counts are {}, {}, {}; the journal has {}, {}, {}", rows.integer(6),
                                     rows.integer(7), rows.integer(8), fold.taken, fold.spent,
                                     fold.promotion->limit_join_count - fold.taken));
    }
  }
  if (found < defined_.size()) {
    row_differs("promotion", fmt::format("{} rows; the journal has {} promotions", found, defined_.size()));
  }
}

void LedgerCheck::check_people() {
  std::set<UserRef> blocked;
  {
    sqlite::Rows rows = file_("select user from blocked").select();
    while (rows.next()) blocked.insert(rows.user(0));
  }
  report_.checked(Invariant::i13, static_cast<std::int64_t>(blocked.size()));
  if (blocked != blocked_) {
    row_differs("blocked",
                fmt::format("{} people, not those that the journal has ({})", blocked.size(), blocked_.size()));
  }
}

}  // namespace windfall::proof

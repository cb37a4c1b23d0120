// PostgresLedger as something to read.
#include <algorithm>

#include "adapters/codec/encoding.hpp"
#include "adapters/postgres/access.hpp"
#include "adapters/postgres/effect_state.hpp"
#include "adapters/postgres/lottery_rows.hpp"
#include "adapters/postgres/postgres_ledger.hpp"

namespace windfall::postgres {

namespace {

std::string participations_where(const std::string& chosen) {
  return "select j.ordinal, j.partition, j.epoch, j.sequence, u.ref, u.id, p.id, j.day, j.amount, j.at, j.revision, "
         "j.test, j.effect, e.state from participation j join promotion p on p.partition = j.partition join identity u "
         "on u.no = j.user_no left join effect e on e.id = j.effect where " +
         chosen;
}

/// The rows of a user are few (one a day and promotion) and lie together in the index that also forbids the second one.
const std::string kOfUser = participations_where(
    "j.ordinal in (select ordinal from participation where user_no = (select no from identity where ref = $1) and "
    "ordinal > $5 and ($2::integer is null or partition = $2::integer) and ($3::date is null or day >= $3) and "
    "($4::date is null or day <= $4) order by ordinal limit $6) order by j.ordinal");
/// Places stand in the order of decision, so that the log itself is the way to the rows of a promotion: the page starts
/// behind the place of the last row that was seen.
const std::string kOfPromotion = participations_where(
    "j.ordinal in (select v.ordinal from event v cross join lateral (select day from participation where ordinal = "
    "v.ordinal offset 0) q where v.partition = $1 and v.ordinal is not null and (v.epoch, v.sequence) > "
    "(coalesce((select epoch from participation where partition = $1 and ordinal <= $4 order by ordinal desc limit 1), "
    "0), coalesce((select sequence from participation where partition = $1 and ordinal <= $4 order by ordinal desc "
    "limit 1), 0)) and ($2::date is null or q.day >= $2) and ($3::date is null or q.day <= $3) order by v.partition, "
    "v.epoch, v.sequence limit $5) order by j.ordinal");
const std::string kOfAll = participations_where(
    "j.ordinal > $3 and ($1::date is null or j.day >= $1) and ($2::date is null or j.day <= $2) order by j.ordinal "
    "limit $4");
const std::string kByPosition = participations_where(
    "j.ordinal = (select ordinal from event where partition = $1 and epoch = $2 and sequence = $3)");

std::string totals_where(const std::string& chosen) {
  return "select p.partition, coalesce(t.participations, 0), coalesce(t.spent, 0), coalesce((select sum(count) from "
         "effect_count c where c.partition = p.partition and c.state in (0, 1, 2)), 0)::bigint - coalesce((select "
         "sum(count) from notification_count c where c.partition = p.partition and c.state in (0, 1, 2)), 0)::bigint, "
         "coalesce((select count from effect_count c where c.partition = p.partition and c.state = 4), 0) - "
         "coalesce((select count from notification_count c where c.partition = p.partition and c.state = 4), 0), "
         "coalesce(l.accruals, 0) from promotion p left join total t on t.partition = p.partition left join "
         "lottery_total l on l.partition = p.partition where " +
         chosen + " order by p.partition";
}
const std::string kTotals = totals_where("true");
const std::string kTotalsOfOne = totals_where("p.partition = $1");

std::string audit_where(const std::string& chosen) {
  return "select a.seq, a.at, a.actor, a.action, a.subject, a.subject_user, u.id, a.before, a.after, a.reason, a.chain "
         "from audit a left join identity u on u.ref = a.subject_user where " +
         chosen;
}
const std::string kAuditPage = audit_where("a.seq > $1 order by a.seq limit $2");
const std::string kAuditOfUser = audit_where("a.subject_user = $1 order by a.seq");

AccrualState accrual_of(const Rows& rows, int effect, int state) {
  if (rows.is_null(effect)) return AccrualState::done;  // nothing to send
  switch (static_cast<EffectState>(rows.integer(state))) {
    case EffectState::done:
      return AccrualState::done;
    case EffectState::dead:
      return AccrualState::failed;
    case EffectState::pending:
    case EffectState::sending:
    case EffectState::unknown:
      break;
  }
  return AccrualState::pending;
}

std::vector<ParticipationRow> participation_rows(Rows rows) {
  std::vector<ParticipationRow> out;
  while (rows.next()) {
    out.push_back({.ordinal = rows.integer(0),
                   .partition = {static_cast<std::uint32_t>(rows.integer(1))},
                   .epoch = {static_cast<std::uint32_t>(rows.integer(2))},
                   .sequence = {static_cast<std::uint64_t>(rows.integer(3))},
                   .user = rows.user(4),
                   .user_id = rows.text(5),
                   .promotion_id = rows.text(6),
                   .day = rows.day(7),
                   .amount = rows.integer(8),
                   .at = rows.time(9),
                   .revision = {static_cast<std::uint32_t>(rows.integer(10))},
                   .test = rows.boolean(11),
                   .accrual = accrual_of(rows, 12, 13)});
  }
  return out;
}

std::vector<ParticipationRow> find(Connection& db, const Ledger::ParticipationQuery& query) {
  const std::int64_t limit = at_least_zero(query.limit);
  if (query.user) {
    const auto partition = query.partition ? std::optional{query.partition->value} : std::nullopt;
    return participation_rows(db.select(kOfUser, query.user, partition, query.from, query.to, query.after, limit));
  }
  if (query.partition) {
    return participation_rows(
        db.select(kOfPromotion, query.partition->value, query.from, query.to, query.after, limit));
  }
  return participation_rows(db.select(kOfAll, query.from, query.to, query.after, limit));
}

std::vector<RewardRow> rewards_of(Connection& db, UserRef user, std::optional<PartitionNo> partition) {
  const auto number = partition ? std::optional{partition->value} : std::nullopt;
  Rows rows = db.select(
      "select e.updated_at, p.id, e.id, e.amount, e.state, e.tries, e.last_error, e.kind, e.cancelled from effect e "
      "join promotion p on p.partition = e.partition where e.id in (select effect from participation where user_no = "
      "(select no from identity where ref = $1) and effect is not null union all select id from effect where ordinal "
      "= 0 and user_no = (select no from identity where ref = $1)) and ($2::integer is null or e.partition = "
      "$2::integer) order by e.no",
      user, number);
  std::vector<RewardRow> out;
  while (rows.next()) {
    out.push_back({.at = rows.time(0),
                   .promotion_id = rows.text(1),
                   .effect_id = codec::to_uuid_text(rows.uuid(2)),
                   .amount = rows.integer(3),
                   .state = rows.boolean(8) ? "VOID" : name_of(static_cast<EffectState>(rows.integer(4))),
                   .tries = static_cast<int>(rows.integer(5)),
                   .last_error = rows.text(6),
                   .kind = static_cast<EffectKind>(rows.integer(7))});
  }
  return out;
}

std::vector<RefusalRow> refusal_rows(Rows& rows) {
  std::vector<RefusalRow> out;
  while (rows.next()) {
    out.push_back({.at = rows.time(0), .promotion_id = rows.text(1), .code = rows.text(2), .detail = rows.text(3)});
  }
  return out;
}

/// Of calls only, as they were written.
std::vector<RefusalRow> refusals_of(Connection& db, UserRef user) {
  Rows rows = db.select("select at, promotion_id, code, detail from refusal where user_ref = $1 order by no", user);
  return refusal_rows(rows);
}

std::vector<AuditRow> audit_rows(Rows rows) {
  std::vector<AuditRow> out;
  while (rows.next()) {
    std::string subject = rows.text(4);
    if (!rows.is_null(5)) subject = rows.is_null(6) ? codec::to_hex(rows.uuid(5)) : rows.text(6);
    out.push_back({.seq = rows.integer(0),
                   .at = rows.time(1),
                   .actor = rows.text(2),
                   .action = rows.text(3),
                   .subject = std::move(subject),
                   .before = rows.text(7),
                   .after = rows.text(8),
                   .reason = rows.text(9),
                   .chain = rows.text(10)});
  }
  return out;
}

std::vector<LedgerTotals> totals_rows(Rows rows) {
  std::vector<LedgerTotals> out;
  while (rows.next()) {
    LedgerTotals totals{.partition = {static_cast<std::uint32_t>(rows.integer(0))},
                        .participations = rows.integer(1),
                        .spent = rows.integer(2)};
    totals.winning_accruals = rows.integer(5);
    totals.accruals_pending = rows.integer(3);
    totals.accruals_failed = rows.integer(4);
    totals.accruals_done = totals.participations + totals.winning_accruals - totals.accruals_pending -
                           totals.accruals_failed;  // with those that send nothing
    out.push_back(totals);
  }
  return out;
}

std::string id_of(Connection& db, UserRef user) { return db.text("select id from identity where ref = $1", user); }

}  // namespace

Result<std::uint64_t> PostgresLedger::position() {
  return read([](Connection& db) { return static_cast<std::uint64_t>(db.integer("select position from progress")); });
}

Result<std::vector<ParticipationRow>> PostgresLedger::participations(const ParticipationQuery& query) {
  return read([&](Connection& db) { return find(db, query); });
}

Result<std::optional<ParticipationRow>> PostgresLedger::participation_of(PartitionNo partition, Epoch epoch,
                                                                         Sequence sequence) {
  return read([&](Connection& db) -> std::optional<ParticipationRow> {
    std::vector<ParticipationRow> rows =
        participation_rows(db.select(kByPosition, partition.value, epoch.value, sequence.value));
    if (rows.empty()) return std::nullopt;
    return std::move(rows.front());
  });
}

Result<std::vector<RewardRow>> PostgresLedger::rewards(UserRef user, std::optional<PartitionNo> partition) {
  return read([&](Connection& db) { return rewards_of(db, user, partition); });
}

Result<std::vector<RefusalRow>> PostgresLedger::refusals(UserRef user) {
  return read([&](Connection& db) {
    // Both are written in the order of time.
    Rows rows = db.select(
        "select at, promotion_id, code, detail from (select at, promotion_id, code, detail, 0 as came_in, no from "
        "refusal where user_ref = $1 union all select r.at, p.id, r.reason, '', 1, r.no from inbound_rejection r join "
        "promotion p on p.partition = r.partition where r.user_no = (select no from identity where ref = $1)) as "
        "everything "
        "order by at desc, came_in desc, no desc limit $2::bigint",
        user, kRefusalsKept);
    std::vector<RefusalRow> out = refusal_rows(rows);
    std::ranges::reverse(out);
    return out;
  });
}

Result<std::vector<AuditRow>> PostgresLedger::audit(std::int64_t after, int limit) {
  return read([&](Connection& db) { return audit_rows(db.select(kAuditPage, after, at_least_zero(limit))); });
}

Result<std::vector<LedgerTotals>> PostgresLedger::totals() {
  return read([](Connection& db) { return totals_rows(db.select(kTotals)); });
}

Result<std::optional<LedgerTotals>> PostgresLedger::totals(PartitionNo partition) {
  return read([&](Connection& db) -> std::optional<LedgerTotals> {
    const std::vector<LedgerTotals> rows = totals_rows(db.select(kTotalsOfOne, partition.value));
    return rows.empty() ? std::nullopt : std::optional{rows.front()};
  });
}

Result<UserExport> PostgresLedger::export_user(UserRef user) {
  return snapshot([&](Connection& db) {
    return UserExport{.user_id = id_of(db, user),
                      .blocked = db.select("select 1 from blocked where user_ref = $1", user).next(),
                      .participations = find(db, {.user = user, .limit = INT32_MAX}),
                      .rewards = rewards_of(db, user, std::nullopt),
                      .refusals = refusals_of(db, user),
                      .audit = audit_rows(db.select(kAuditOfUser, user)),
                      .tickets = tickets_of(db, {.user = user, .limit = INT32_MAX}),
                      .draws = draws_of(db, {.user = user, .limit = INT32_MAX}),
                      .coupons = coupons_of(db, {.user = user, .limit = INT32_MAX}),
                      .inbound = inbound_of(db, user)};
  });
}

Result<std::string> PostgresLedger::user_id(UserRef user) {
  return read([&](Connection& db) { return id_of(db, user); });
}

Result<std::optional<UserRef>> PostgresLedger::known_user(std::string_view id) {
  return read([&](Connection& db) -> std::optional<UserRef> {
    Rows rows = db.select("select ref from identity where id = $1", id);
    return rows.next() ? std::optional{rows.user(0)} : std::nullopt;
  });
}

}  // namespace windfall::postgres

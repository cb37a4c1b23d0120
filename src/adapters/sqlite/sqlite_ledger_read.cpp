// SqliteLedger as something to read.
#include <algorithm>

#include "adapters/sqlite/access.hpp"
#include "adapters/sqlite/effect_counts.hpp"
#include "adapters/sqlite/lottery_rows.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "adapters/sqlite/text.hpp"

namespace windfall::sqlite {

namespace {

/// Every query for participations picks ordinals by one index, and then the rows are read.
std::string participations_where(const std::string& chosen) {
  return "select j.ordinal, j.partition, j.epoch, j.sequence, u.ref, u.id, p.id, j.day, j.amount, j.at, j.revision, "
         "j.test, j.effect, e.state from participation j join promotion p on p.partition = j.partition join user u on "
         "u.no = j.user left join effect e on e.no = j.effect where j.ordinal in (" +
         chosen + ") order by j.ordinal";
}

/// The rows of a user are few (one a day and promotion) and lie together in the index that also forbids the second one.
const std::string kOfUser = participations_where(
    "select ordinal from participation indexed by participation_once_a_day where user = (select no from user where ref "
    "= ?1) and ordinal > ?5 and (?2 is null or partition = ?2) and day between ?3 and ?4 order by ordinal limit ?6");
const std::string kOfPromotion = participations_where(
    "select ordinal from participation indexed by participation_by_partition where partition = ?2 and ordinal > ?5 and "
    "day between ?3 and ?4 order by ordinal limit ?6");
const std::string kOfAll = participations_where(
    "select ordinal from participation where ordinal > ?5 and day between ?3 and ?4 order by ordinal limit ?6");
const std::string kByPosition =
    participations_where("select ordinal from participation where partition = ? and epoch = ? and sequence = ?");

std::string totals_where(const std::string& chosen) {
  return "select p.partition, coalesce(t.participations, 0), coalesce(t.spent, 0), coalesce((select sum(count) from "
         "effect_count c where c.partition = p.partition and c.state in (0, 1, 2)), 0) - coalesce((select sum(count) "
         "from notification_count c where c.partition = p.partition and c.state in (0, 1, 2)), 0), coalesce((select "
         "count from effect_count c where c.partition = p.partition and c.state = 4), 0) - coalesce((select count from "
         "notification_count c where c.partition = p.partition and c.state = 4), 0), coalesce(l.accruals, 0) from "
         "promotion p left join total t on t.partition = p.partition left join lottery_total l on l.partition = "
         "p.partition where " +
         chosen + " order by p.partition";
}
const std::string kTotals = totals_where("true");
const std::string kTotalsOfOne = totals_where("p.partition = ?");

std::string audit_where(const std::string& chosen) {
  return "select a.seq, a.at, a.actor, a.action, a.subject, a.subject_user, u.id, a.before, a.after, a.reason, a.chain "
         "from audit a left join user u on u.ref = a.subject_user where " +
         chosen;
}
const std::string kAuditPage = audit_where("a.seq > ? order by a.seq limit ?");
const std::string kAuditOfUser = audit_where("a.subject_user = ? order by a.seq");

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
                   .day = {static_cast<std::int32_t>(rows.integer(7))},
                   .amount = rows.integer(8),
                   .at = Instant{rows.integer(9)},
                   .revision = {static_cast<std::uint32_t>(rows.integer(10))},
                   .test = rows.integer(11) != 0,
                   .accrual = accrual_of(rows, 12, 13)});
  }
  return out;
}

std::vector<ParticipationRow> find(Connection& db, const Ledger::ParticipationQuery& query) {
  const std::string& statement = query.user ? kOfUser : query.partition ? kOfPromotion : kOfAll;
  const auto partition = query.partition ? std::optional{query.partition->value} : std::nullopt;
  return participation_rows(db(statement).select(query.user, partition, query.from ? query.from->days : INT32_MIN,
                                                 query.to ? query.to->days : INT32_MAX, query.after,
                                                 at_least_zero(query.limit)));
}

std::vector<RewardRow> rewards_of(Connection& db, UserRef user, std::optional<PartitionNo> partition) {
  const auto number = partition ? std::optional{partition->value} : std::nullopt;
  Rows rows = db("select e.updated_at, p.id, e.id, e.amount, e.state, coalesce(a.tries, 0), a.last_error, e.kind, "
                 "e.cancelled from effect e join promotion p on p.partition = e.partition left join attempt a on "
                 "a.effect = e.no where e.no in (select effect from participation where user = (select no from user "
                 "where ref = ?1) and effect is not null union all select no from effect indexed by effect_of_lottery "
                 "where ordinal = 0 and user = (select no from user where ref = ?1)) and (?2 is null or e.partition = "
                 "?2) order by e.no")
                  .select(user, number);
  std::vector<RewardRow> out;
  while (rows.next()) {
    out.push_back({.at = Instant{rows.integer(0)},
                   .promotion_id = rows.text(1),
                   .effect_id = uuid_text(rows.bytes16(2)),
                   .amount = rows.integer(3),
                   .state = rows.integer(8) != 0 ? "VOID" : name_of(static_cast<EffectState>(rows.integer(4))),
                   .tries = static_cast<int>(rows.integer(5)),
                   .last_error = rows.text(6),
                   .kind = static_cast<EffectKind>(rows.integer(7))});
  }
  return out;
}

std::vector<RefusalRow> refusal_rows(Rows& rows) {
  std::vector<RefusalRow> out;
  while (rows.next()) {
    out.push_back(
        {.at = Instant{rows.integer(0)}, .promotion_id = rows.text(1), .code = rows.text(2), .detail = rows.text(3)});
  }
  return out;
}

/// Of calls only, as they were written.
std::vector<RefusalRow> refusals_of(Connection& db, UserRef user) {
  Rows rows = db("select at, promotion_id, code, detail from refusal where user = ? order by no").select(user);
  return refusal_rows(rows);
}

std::vector<AuditRow> audit_rows(Rows rows) {
  std::vector<AuditRow> out;
  while (rows.next()) {
    std::string subject = rows.text(4);
    if (!rows.is_null(5)) subject = rows.is_null(6) ? hex(rows.user(5)) : rows.text(6);
    out.push_back({.seq = rows.integer(0),
                   .at = Instant{rows.integer(1)},
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

std::string id_of(Connection& db, UserRef user) { return db.text("select id from user where ref = ?", user); }

}  // namespace

Result<std::uint64_t> SqliteLedger::position() {
  return read([](Connection& db) { return static_cast<std::uint64_t>(db.integer("select position from progress")); });
}

Result<std::vector<ParticipationRow>> SqliteLedger::participations(const ParticipationQuery& query) {
  return read([&](Connection& db) { return find(db, query); });
}

Result<std::optional<ParticipationRow>> SqliteLedger::participation_of(PartitionNo partition, Epoch epoch,
                                                                       Sequence sequence) {
  return read([&](Connection& db) -> std::optional<ParticipationRow> {
    std::vector<ParticipationRow> rows =
        participation_rows(db(kByPosition).select(partition.value, epoch.value, sequence.value));
    if (rows.empty()) return std::nullopt;
    return std::move(rows.front());
  });
}

Result<std::vector<RewardRow>> SqliteLedger::rewards(UserRef user, std::optional<PartitionNo> partition) {
  return read([&](Connection& db) { return rewards_of(db, user, partition); });
}

Result<std::vector<RefusalRow>> SqliteLedger::refusals(UserRef user) {
  return read([&](Connection& db) {
    // Both are written in the order of time.
    Rows rows =
        db("select at, promotion_id, code, detail from (select at, promotion_id, code, detail, 0 as came_in, no "
           "from refusal where user = ?1 union all select r.at, p.id, r.reason, '', 1, r.no from "
           "inbound_rejection r join promotion p on p.partition = r.partition where r.user = (select no from "
           "user where ref = ?1)) order by at desc, came_in desc, no desc limit ?2")
            .select(user, kRefusalsKept);
    std::vector<RefusalRow> out = refusal_rows(rows);
    std::ranges::reverse(out);
    return out;
  });
}

Result<std::vector<AuditRow>> SqliteLedger::audit(std::int64_t after, int limit) {
  return read([&](Connection& db) { return audit_rows(db(kAuditPage).select(after, at_least_zero(limit))); });
}

Result<std::vector<LedgerTotals>> SqliteLedger::totals() {
  return read([](Connection& db) { return totals_rows(db(kTotals).select()); });
}

Result<std::optional<LedgerTotals>> SqliteLedger::totals(PartitionNo partition) {
  return read([&](Connection& db) -> std::optional<LedgerTotals> {
    const std::vector<LedgerTotals> rows = totals_rows(db(kTotalsOfOne).select(partition.value));
    return rows.empty() ? std::nullopt : std::optional{rows.front()};
  });
}

Result<UserExport> SqliteLedger::export_user(UserRef user) {
  return read([&](Connection& db) {
    return UserExport{.user_id = id_of(db, user),
                      .blocked = db("select 1 from blocked where user = ?").select(user).next(),
                      .participations = find(db, {.user = user, .limit = INT32_MAX}),
                      .rewards = rewards_of(db, user, std::nullopt),
                      .refusals = refusals_of(db, user),
                      .audit = audit_rows(db(kAuditOfUser).select(user)),
                      .tickets = tickets_of(db, {.user = user, .limit = INT32_MAX}),
                      .draws = draws_of(db, {.user = user, .limit = INT32_MAX}),
                      .coupons = coupons_of(db, {.user = user, .limit = INT32_MAX}),
                      .inbound = inbound_of(db, user)};
  });
}

Result<std::string> SqliteLedger::user_id(UserRef user) {
  return read([&](Connection& db) { return id_of(db, user); });
}

Result<std::optional<UserRef>> SqliteLedger::known_user(std::string_view id) {
  return read([&](Connection& db) -> std::optional<UserRef> {
    Rows rows = db("select ref from user where id = ?").select(id);
    return rows.next() ? std::optional{rows.user(0)} : std::nullopt;
  });
}

Result<std::vector<Finding>> SqliteLedger::findings() {
  return read([](Connection& db) {
    Rows rows = db("select at, kind, partition, epoch, sequence, detail from finding order by no").select();
    std::vector<Finding> out;
    while (rows.next()) {
      out.push_back({.at = Instant{rows.integer(0)},
                     .kind = rows.text(1),
                     .partition = {static_cast<std::uint32_t>(rows.integer(2))},
                     .epoch = {static_cast<std::uint32_t>(rows.integer(3))},
                     .sequence = {static_cast<std::uint64_t>(rows.integer(4))},
                     .detail = rows.text(5)});
    }
    return out;
  });
}

Result<ParticipationDigest> SqliteLedger::digest(PartitionNo partition) {
  return read([&](Connection& db) {
    Rows rows = db("select u.ref, j.day, j.amount, j.sequence from participation j join user u on u.no = j.user where "
                   "j. partition = ?")
                    .select(partition.value);
    ParticipationDigest digest;
    while (rows.next()) {
      digest.add(rows.user(0), LocalDay{static_cast<std::int32_t>(rows.integer(1))}, rows.integer(2),
                 Sequence{static_cast<std::uint64_t>(rows.integer(3))});
    }
    return digest;
  });
}

Result<std::int64_t> SqliteLedger::effect_book(const std::function<void(const BookEntry&)>& entry) {
  return read([&](Connection& db) {
    Rows rows = db("select e.id, u.id, p.id, e.amount, e.state, e.kind from effect e join promotion p on p.partition = "
                   "e.partition join user u on u.no = e.user order by e.no")
                    .select();
    std::int64_t count = 0;
    for (; rows.next(); ++count) {
      entry({.effect = rows.bytes16(0),
             .kind = static_cast<EffectKind>(rows.integer(5)),
             .user_id = rows.text(1),
             .promotion_id = rows.text(2),
             .amount = rows.integer(3),
             .state = name_of(static_cast<EffectState>(rows.integer(4)))});
    }
    return count;
  });
}

}  // namespace windfall::sqlite

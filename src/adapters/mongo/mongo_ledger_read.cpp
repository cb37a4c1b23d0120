// MongoLedger as something to read. What happened to a reward is asked of whoever keeps effects.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/mongo/client.hpp"
#include "adapters/mongo/mongo_ledger.hpp"
#include "adapters/mongo/reading.hpp"
#include "adapters/mongo/schema.hpp"

namespace windfall::mongo {

namespace {

constexpr int kAll = INT32_MAX;

std::uint32_t small(const View& view, const char* name) { return static_cast<std::uint32_t>(view.integer(name)); }

Result<std::vector<ParticipationRow>> participation_rows(Client& client, EffectKeeper& effects, const Find& find) {
  std::vector<ParticipationRow> out;
  std::vector<std::optional<EffectId>> effect_of;
  std::vector<UserRef> users;
  std::vector<EffectId> asked;
  const Result<bool> read = client.each(kParticipations, find, [&](const View& view) {
    out.push_back({.ordinal = view.integer("ordinal"),
                   .partition = {small(view, "partition")},
                   .epoch = {small(view, "epoch")},
                   .sequence = {static_cast<std::uint64_t>(view.integer("sequence"))},
                   .user = view.user("userRef"),
                   .user_id = {},
                   .promotion_id = view.text("promotionId"),
                   .day = view.day("day"),
                   .amount = view.integer("rewardAmount"),
                   .at = view.time("at"),
                   .revision = {small(view, "revision")},
                   .test = view.boolean("test")});
    users.push_back(out.back().user);
    effect_of.push_back(view.uuid("effectId"));
    if (effect_of.back()) asked.push_back(*effect_of.back());
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  const Result<Names> names = names_of(client, users);
  if (!names) return tl::unexpected(names.error());
  const auto told = effects.accrual_states(asked);
  if (!told) return tl::unexpected(told.error());
  const std::map<EffectId, AccrualState> states(told->begin(), told->end());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].user_id = name_in(*names, out[i].user);
    out[i].accrual = AccrualState::done;  // nothing to send
    if (!effect_of[i]) continue;
    const auto state = states.find(*effect_of[i]);
    out[i].accrual = state == states.end() ? AccrualState::pending : state->second;
  }
  return out;
}

Result<std::vector<AuditRow>> audit_rows(Client& client, const Find& find) {
  std::vector<AuditRow> out;
  std::vector<std::optional<UserRef>> about;
  std::vector<UserRef> users;
  const Result<bool> read = client.each(kAudit, find, [&](const View& view) {
    out.push_back({.seq = view.integer("_id"),
                   .at = view.time("at"),
                   .actor = view.text("actor"),
                   .action = view.text("action"),
                   .subject = view.text("subject"),
                   .before = view.text("before"),
                   .after = view.text("after"),
                   .reason = view.text("reason"),
                   .chain = view.text("chain")});
    about.push_back(view.has("subjectRef") ? std::optional{view.user("subjectRef")} : std::nullopt);
    if (about.back()) users.push_back(*about.back());
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  const Result<Names> names = names_of(client, users);
  if (!names) return tl::unexpected(names.error());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!about[i]) continue;
    const std::string name = name_in(*names, *about[i]);
    out[i].subject = name.empty() ? text_of(*about[i]) : name;
  }
  return out;
}

}  // namespace

Result<std::vector<ParticipationRow>> MongoLedger::participations(const ParticipationQuery& query) {
  if (query.limit <= 0) return std::vector<ParticipationRow>{};
  const Result<Progress> now = numbers();
  if (!now) return tl::unexpected(now.error());
  Document filter;
  if (query.user) filter.user("userRef", *query.user);
  if (query.partition) filter.integer("partition", std::int64_t{query.partition->value});
  Document days;
  if (query.from) days.text("$gte", codec::to_text(*query.from));
  if (query.to) days.text("$lte", codec::to_text(*query.to));
  if (!days.empty()) filter.document("day", days);
  filter.document("ordinal", behind(query.after, now->ordinal));
  return participation_rows(*client_, *effects_, {.filter = filter, .sort = by("ordinal"), .limit = query.limit});
}

Result<std::optional<ParticipationRow>> MongoLedger::participation_of(PartitionNo partition, Epoch epoch,
                                                                      Sequence sequence) {
  Document filter;
  filter.integer("partition", std::int64_t{partition.value})
      .integer("sequence", static_cast<std::int64_t>(sequence.value))
      .integer("epoch", std::int64_t{epoch.value});
  Result<std::vector<ParticipationRow>> rows = participation_rows(*client_, *effects_, {.filter = filter, .limit = 1});
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::optional{std::move(rows->front())};
}

/// An accrual that was cancelled because its win was voided is told as such; only the draw knows.
Result<std::vector<RewardRow>> MongoLedger::rewards(UserRef user, std::optional<PartitionNo> partition) {
  Result<std::vector<RewardRow>> rows = effects_->rewards(user, partition);
  if (!rows || rows->empty()) return rows;
  Document voided;
  voided.integer("$gt", std::int64_t{0});
  Document filter;
  filter.user("userRef", user).document("voided", voided);
  std::vector<std::string> void_effects;
  const Result<bool> read = client_->each(kDraws, {.filter = filter}, [&](const View& view) {
    void_effects.push_back(view.text("effectId"));
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  for (RewardRow& row : *rows) {
    const bool is_void =
        row.kind == EffectKind::accrual && std::ranges::find(void_effects, row.effect_id) != void_effects.end();
    if (is_void) row.state = "VOID";
  }
  return rows;
}

Result<std::vector<RefusalRow>> MongoLedger::refused_calls(UserRef user) {
  Document filter;
  filter.user("userRef", user);
  Document order;
  order.integer("at", std::int64_t{-1}).integer("_id", std::int64_t{-1});
  std::vector<RefusalRow> out;
  const Result<bool> read =
      client_->each(kRefusals, {.filter = filter, .sort = order, .limit = kRefusalsKept}, [&](const View& view) {
        out.push_back({.at = view.time("at"),
                       .promotion_id = view.text("promotionId"),
                       .code = view.text("code"),
                       .detail = view.text("detail")});
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  std::ranges::reverse(out);
  return out;
}

Result<std::vector<RefusalRow>> MongoLedger::refusals(UserRef user) {
  const Result<std::vector<RefusalRow>> calls = refused_calls(user);
  if (!calls) return tl::unexpected(calls.error());
  Document filter;
  filter.user("userRef", user);
  std::vector<RefusalRow> came_in;
  const Result<bool> read =
      client_->each(kInbound, {.filter = filter, .sort = by("position"), .limit = 0}, [&](const View& view) {
        const std::string promotion_id = view.text("promotionId");
        if (promotion_id.empty()) return true;
        came_in.push_back(
            {.at = view.time("at"), .promotion_id = promotion_id, .code = view.text("reason"), .detail = {}});
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  std::vector<RefusalRow> all;
  std::ranges::merge(*calls, came_in, std::back_inserter(all), {}, &RefusalRow::at, &RefusalRow::at);
  if (all.size() > static_cast<std::size_t>(kRefusalsKept)) all.erase(all.begin(), all.end() - kRefusalsKept);
  return all;
}

Result<std::vector<AuditRow>> MongoLedger::audit(std::int64_t after, int limit) {
  if (limit <= 0) return std::vector<AuditRow>{};
  const Result<Progress> now = numbers();
  if (!now) return tl::unexpected(now.error());
  Document filter;
  filter.document("_id", behind(after, now->audit));
  return audit_rows(*client_, {.filter = filter, .sort = by("_id"), .limit = limit});
}

// --- Totals: participations by our own count, what became of accruals by whoever keeps them

Result<std::vector<LedgerTotals>> MongoLedger::totals() {
  const auto effects = effects_->totals();
  if (!effects) return tl::unexpected(effects.error());
  std::map<std::uint32_t, LedgerTotals> all;
  Result<bool> read = client_->each(kPromotions, {.filter = {}}, [&](const View& view) {
    all[small(view, "partition")].partition = {small(view, "partition")};
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  read = client_->each(kTotals, {.filter = {}}, [&](const View& view) {
    LedgerTotals& totals = all[small(view, "_id")];
    totals.partition = {small(view, "_id")};
    totals.participations = view.integer("participations");
    totals.spent = view.integer("spent");
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  read = client_->each(kLotteryTotals, {.filter = {}}, [&](const View& view) {
    const auto found = all.find(small(view, "_id"));
    if (found != all.end()) found->second.winning_accruals = view.integer("accruals");
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  for (const LedgerTotals& of_effects : *effects) {
    const auto found = all.find(of_effects.partition.value);
    if (found == all.end()) continue;
    found->second.accruals_pending = of_effects.accruals_pending;
    found->second.accruals_failed = of_effects.accruals_failed;
  }
  std::vector<LedgerTotals> out;
  for (auto& [partition, totals] : all) {
    totals.accruals_done = totals.participations + totals.winning_accruals - totals.accruals_pending -
                           totals.accruals_failed;  // with those that send nothing
    out.push_back(totals);
  }
  return out;
}

Result<std::optional<LedgerTotals>> MongoLedger::totals(PartitionNo partition) {
  Document promotion;
  promotion.integer("partition", std::int64_t{partition.value});
  const auto defined = client_->find_one(kPromotions, promotion);
  if (!defined) return tl::unexpected(defined.error());
  if (!*defined) return std::nullopt;
  Document filter;
  filter.integer("_id", std::int64_t{partition.value});
  const auto ours = client_->find_one(kTotals, filter);
  if (!ours) return tl::unexpected(ours.error());
  const auto lottery = client_->find_one(kLotteryTotals, filter);
  if (!lottery) return tl::unexpected(lottery.error());
  const auto effects = effects_->totals(partition);
  if (!effects) return tl::unexpected(effects.error());
  LedgerTotals totals{.partition = partition};
  if (*ours) {
    totals.participations = View(**ours).integer("participations");
    totals.spent = View(**ours).integer("spent");
  }
  if (*lottery) totals.winning_accruals = View(**lottery).integer("accruals");
  if (*effects) {
    totals.accruals_pending = (*effects)->accruals_pending;
    totals.accruals_failed = (*effects)->accruals_failed;
  }
  totals.accruals_done =
      totals.participations + totals.winning_accruals - totals.accruals_pending - totals.accruals_failed;
  return std::optional{totals};
}

// --- People

Result<std::string> MongoLedger::user_id(UserRef user) {
  const Result<Names> names = names_of(*client_, {user});
  if (!names) return tl::unexpected(names.error());
  return name_in(*names, user);
}

Result<std::optional<UserRef>> MongoLedger::known_user(std::string_view id) {
  Document filter;
  filter.text("userId", id);
  const auto found = client_->find_one(kIdentities, filter);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return std::nullopt;
  return std::optional{View(**found).user("_id")};
}

Result<UserExport> MongoLedger::export_user(UserRef user) {
  UserExport all;
  std::optional<Failure> failed;
  const auto take = [&failed]<class Part>(Part& into, Result<Part> from) {
    if (failed) return;
    if (!from) {
      failed = from.error();
    } else {
      into = *std::move(from);
    }
  };
  Document by_ref;
  by_ref.user("_id", user);
  const auto blocked = client_->find_one(kBlocked, by_ref);
  if (!blocked) return tl::unexpected(blocked.error());
  all.blocked = *blocked && View(**blocked).boolean("blocked");
  Document about;
  about.user("subjectRef", user);
  take(all.user_id, user_id(user));
  take(all.participations, participations({.user = user, .limit = kAll}));
  take(all.rewards, rewards(user, std::nullopt));
  take(all.refusals, refused_calls(user));
  take(all.audit, audit_rows(*client_, {.filter = about, .sort = by("_id")}));
  take(all.tickets, tickets({.user = user, .limit = kAll}));
  take(all.draws, draws({.user = user, .limit = kAll}));
  take(all.coupons, coupons({.user = user, .limit = kAll}));
  if (failed) return tl::unexpected(*failed);
  Document of_user;
  of_user.user("userRef", user);
  const Find inbound{.filter = of_user, .sort = by("position"), .limit = 0};
  const Result<bool> read = client_->each(kInbound, inbound, [&](const View& view) {
    all.inbound.push_back({.at = view.time("at"),
                           .id = view.uuid("id").value_or(Bytes16{}),
                           .user = user,
                           .reason = view.text("reason"),
                           .promotion_id = view.text("promotionId")});
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return all;
}

}  // namespace windfall::mongo

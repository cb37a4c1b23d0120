#include "application/on_request/coupons.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "application/on_request/look_for.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall {

namespace {

/// The definition, the coupon and the second chance can each change once in between; codes can run out.
constexpr int kProposals = 4;
/// Bytes of its coupon's id that a TEST code shows: enough that two of a tester's coupons differ.
constexpr std::size_t kTestBytes = 6;

CouponFacts facts_of(const CouponRow& row) {
  return {.user = row.draw.user, .win = row.draw.place, .prize = *row.draw.prize, .issue = row.issue};
}

/// Made of the coupon's id: the same whenever it is asked for, and imported by nobody.
std::string test_code(const CouponView& coupon) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string code = kTestCodePrefix;
  for (const std::uint8_t byte : std::span(coupon.id).first<kTestBytes>()) {
    code += kDigits[byte >> 4U];
    code += kDigits[byte & 0x0FU];
  }
  if (coupon.row.issue > 0) code += '-' + std::to_string(coupon.row.issue + 1);
  return code;
}

Failure changing() { return {FailureCode::unavailable, "the coupon changes all the time; try again"}; }

}  // namespace

const char* name_of(CouponStatus status) {
  switch (status) {
    case CouponStatus::pending_code:
      return "PENDING_CODE";
    case CouponStatus::issued:
      return "ISSUED";
    case CouponStatus::used:
      return "USED";
    case CouponStatus::expired:
      return "EXPIRED";
    case CouponStatus::voided:
      break;
  }
  return "VOID";
}

Task<Result<CouponView>> Coupons::view_of(CouponRow row) const {
  auto asking = definition_of(ports_.store, row.draw.promotion_id);
  Result<DefinitionPtr> definition = co_await asking;
  if (!definition) co_return tl::unexpected(definition.error());
  CouponView view{.definition = std::move(*definition), .row = std::move(row), .id = {}, .issued_at = {}};
  const std::optional<Lottery>& lottery = view.definition->promotion.lottery;
  if (!lottery || !view.row.draw.prize || *view.row.draw.prize >= lottery->prizes.size()) {
    co_return fail(FailureCode::damaged,
                   "promotion " + view.row.draw.promotion_id + " has no such prize as a coupon's");
  }
  const DrawRow& draw = view.row.draw;
  view.id = ports_.store.event_ids(draw.promotion_id, draw.epoch, draw.sequence).event;
  view.issued_at = is_test(*view.definition) ? std::optional{draw.at} : view.row.issued_at;
  const bool expired = view.row.expires_at && ports_.store.now(view.definition->partition) >= *view.row.expires_at;
  if (draw.voided) {
    view.status = CouponStatus::voided;
  } else if (view.row.used_at) {
    view.status = CouponStatus::used;
  } else if (!view.issued_at) {
    view.status = CouponStatus::pending_code;
  } else {
    view.status = expired ? CouponStatus::expired : CouponStatus::issued;
  }
  co_return view;
}

Task<Result<std::vector<CouponView>>> Coupons::of_user(LotteryLedger::Page page) {
  auto rows = co_await ports_.reads.run([this, page] { return ports_.ledger.coupons(page); });
  if (!rows) co_return tl::unexpected(rows.error());
  auto viewing = views_of(std::move(*rows));
  co_return co_await viewing;
}

Task<Result<std::vector<CouponView>>> Coupons::views_of(std::vector<CouponRow> rows) const {
  std::vector<CouponView> views;
  views.reserve(rows.size());
  for (CouponRow& row : rows) {
    auto viewing = view_of(std::move(row));
    Result<CouponView> view = co_await viewing;
    if (!view) co_return tl::unexpected(view.error());
    views.push_back(std::move(*view));
  }
  co_return views;
}

Task<Result<std::variant<CouponView, UnknownCoupon>>> Coupons::one(EffectId id, std::optional<UserRef> owner) {
  auto row = co_await ports_.reads.run([this, id] { return ports_.ledger.coupon_of(id); });
  if (!row) co_return tl::unexpected(row.error());
  if (!*row || (owner && (*row)->draw.user != *owner)) co_return UnknownCoupon{};
  auto viewing = view_of(std::move(**row));
  Result<CouponView> view = co_await viewing;
  if (!view) co_return tl::unexpected(view.error());
  co_return std::move(*view);
}

Task<Result<std::optional<std::string>>> Coupons::code_of(CouponView coupon) {
  const bool shown = coupon.status == CouponStatus::issued || coupon.status == CouponStatus::used ||
                     coupon.status == CouponStatus::expired;
  if (!shown) co_return std::optional<std::string>{};
  if (is_test(*coupon.definition)) co_return std::optional{test_code(coupon)};
  if (!coupon.row.ordinal) co_return std::optional<std::string>{};
  const PrizeOfCodes prize{.promotion_id = coupon.definition->promotion.id, .prize_id = coupon.prize().id};
  const auto ordinal = static_cast<std::uint64_t>(*coupon.row.ordinal);
  Result<std::string> code =
      co_await ports_.reads.run([this, prize, ordinal] { return ports_.vault.read(prize, ordinal); });
  if (!code) {
    Failure failure = std::move(code.error());
    // Whoever has the coupon was promised a code: that it is gone is no answer to whether there is a coupon.
    if (failure.code == FailureCode::not_found) failure.code = FailureCode::damaged;
    co_return tl::unexpected(std::move(failure));
  }
  co_return std::optional{std::move(*code)};
}

Task<Result<CouponOutcome>> Coupons::use(EffectId id, UserRef owner) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    auto found = co_await one(id, owner);
    if (!found) co_return tl::unexpected(found.error());
    auto* view = std::get_if<CouponView>(&*found);
    if (view == nullptr) co_return UnknownCoupon{};
    if (view->status == CouponStatus::used) co_return std::move(*view);
    if (view->status != CouponStatus::issued) co_return CouponIs{view->status};
    CouponPlan plan = propose_use(*view->definition, facts_of(view->row), view->row.expires_at);
    Proposal proposal = std::move(plan.proposal);
    const Result<Verdict> verdict = co_await ports_.store.commit(std::move(proposal), Identity{});
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (const auto* accepted = std::get_if<Accepted>(&*verdict)) {
      view->status = CouponStatus::used;
      view->row.used_at = accepted->assignment.time;
      co_return std::move(*view);
    }
    // Somebody else was first, and the ledger will say who.
    const bool caught_up = co_await ports_.caught_up(view->definition->partition);
    if (!caught_up) break;
  }
  co_return tl::unexpected(changing());
}

Task<Result<CouponOutcome>> Coupons::reissue(EffectId id, Audit audit, std::optional<Command> command,
                                             RenderCoupon render) {
  bool with_code = true;
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    auto found = co_await one(id, std::nullopt);
    if (!found) co_return tl::unexpected(found.error());
    auto* view = std::get_if<CouponView>(&*found);
    if (view == nullptr) co_return UnknownCoupon{};
    if (view->status != CouponStatus::issued && view->status != CouponStatus::expired) co_return CouponIs{view->status};
    const CouponFacts facts = facts_of(view->row);
    std::optional<std::int64_t> limit;
    if (with_code && !is_test(*view->definition)) {
      const Result<std::int64_t> below = co_await ports_.supply.limit(view->definition, facts.prize, 1);
      if (!below) co_return tl::unexpected(below.error());
      limit = *below;
    }
    CouponPlan plan = propose_reissue(*view->definition, facts, limit, audit);
    CouponView after = *view;
    after.row.issue = facts.issue + 1;
    const bool coded = limit.has_value() || is_test(*view->definition);
    KeepAnswer keep{
        .command = command, .render = [&](const Accepted& accepted) {
          after.status = coded ? CouponStatus::issued : CouponStatus::pending_code;
          after.issued_at = limit ? std::optional{accepted.assignment.time} : (coded ? after.issued_at : std::nullopt);
          // As the ledger will have it.
          after.row.expires_at = std::max(
              after.row.expires_at, coupon_expiry(after.prize(), after.definition->zone, accepted.assignment.time));
          return render(after);
        }};
    Proposal proposal = std::move(plan.proposal);
    const Result<Verdict> verdict = co_await ports_.store.commit_answering(std::move(proposal), std::move(keep));
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (std::holds_alternative<Accepted>(*verdict)) co_return std::move(after);
    if (const auto* refused = std::get_if<Refused>(&*verdict)) {
      // Another code was wanted, and there is none: the coupon waits for the next import.
      if (plan.rules.at(refused->guard) == CouponRule::codes_left) {
        with_code = false;
        continue;
      }
    }
    const bool caught_up = co_await ports_.caught_up(view->definition->partition);
    if (!caught_up) break;
  }
  co_return tl::unexpected(changing());
}

Task<Result<bool>> Coupons::let_go(HeldAccrual held) {
  co_return co_await ports_.ledger_writer.run([this, held] {
    const std::vector<Effects::Retry> back{{.id = held.effect,
                                            .unknown = held.unsure,
                                            .counted = false,
                                            .next_try = {},
                                            .error = "the win was not voided"}};
    return ports_.effects.retry_later(back);
  });
}

Task<bool> Coupons::may_be_voided(CounterKey voided) {
  std::vector<Look> looks{voided};
  const Result<std::vector<std::int64_t>> values = co_await ports_.store.read(std::move(looks), Freshness::durable);
  co_return !values || values->front() != 0;
}

Task<Result<VoidOutcome>> Coupons::void_win(EffectId draw, std::function<EffectId(const DrawRow&)> effect_of,
                                            Audit audit, std::optional<Command> command, RenderDraw render) {
  std::optional<HeldAccrual> held;
  auto voiding = try_void(draw, std::move(effect_of), std::move(audit), command, std::move(render), &held);
  Result<VoidOutcome> outcome = co_await voiding;
  const bool voided = outcome && std::holds_alternative<Voided>(*outcome);
  if (!held || voided) co_return outcome;
  // Nothing was sent, and nobody but us could have. After a failure the void may be in the log all the same, and the
  // ledger hear of it much later than a partner answers: then it stays held, until the projection of the void ends it.
  // Where nobody can tell, Effects::recover() gives it back as after a crash.
  held->unsure = !outcome;
  if (held->unsure) {
    auto asking = may_be_voided(held->voided);
    if (co_await asking) co_return outcome;
  }
  const HeldAccrual back = *held;
  const Result<bool> given_back = co_await let_go(back);
  if (!given_back) co_return tl::unexpected(given_back.error());
  co_return outcome;
}

Task<Result<VoidOutcome>> Coupons::try_void(EffectId draw, std::function<EffectId(const DrawRow&)> effect_of,
                                            Audit audit, std::optional<Command> command, RenderDraw render,
                                            std::optional<HeldAccrual>* held) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    auto found = co_await ports_.reads.run([this, draw] { return ports_.ledger.draw_of(draw); });
    if (!found) co_return tl::unexpected(found.error());
    if (!*found || !(*found)->prize) co_return UnknownDraw{};
    DrawRow row = std::move(**found);
    auto asking = definition_of(ports_.store, row.promotion_id);
    const Result<DefinitionPtr> known = co_await asking;
    if (!known) co_return tl::unexpected(known.error());
    const DefinitionPtr& definition = *known;
    if (!definition->promotion.lottery) co_return UnknownDraw{};
    const PartitionNo partition = definition->partition;
    std::vector<Look> looks{keys::voided(partition, row.place), keys::second_stage(partition)};
    const Result<std::vector<std::int64_t>> values = co_await ports_.store.read(std::move(looks), Freshness::durable);
    if (!values) co_return tl::unexpected(values.error());
    if ((*values)[0] != 0) {
      row.voided = true;
      co_return Voided{.draw = std::move(row), .before = true};
    }
    if ((*values)[1] == kSecondRunning) co_return CannotVoid{};

    const Prize& prize = definition->promotion.lottery->prizes.at(*row.prize);
    const bool paid = prize.kind == PrizeKind::points && prize.value > 0 && !is_test(*definition);
    if (paid && !*held) {
      const EffectId effect = effect_of(row);
      const Result<bool> mine =
          co_await ports_.ledger_writer.run([this, effect] { return ports_.ledger.cancel_effect(effect); });
      if (!mine) co_return tl::unexpected(mine.error());
      if (!*mine) co_return CannotVoid{};
      *held = HeldAccrual{.effect = effect, .voided = keys::voided(partition, row.place)};
    }
    row.voided = true;
    CouponPlan plan = propose_void(*definition, row.user, row.place, (*values)[1], audit);
    Proposal proposal = std::move(plan.proposal);
    KeepAnswer keep{.command = command, .render = [&](const Accepted&) { return render(row); }};
    const Result<Verdict> verdict = co_await ports_.store.commit_answering(std::move(proposal), std::move(keep));
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (std::holds_alternative<Accepted>(*verdict)) co_return Voided{.draw = std::move(row)};
  }
  co_return fail(FailureCode::unavailable, "the lottery changed while a win was being voided; try again");
}

// --- Importing

Task<Result<ImportCodes::Running>> ImportCodes::begin(DefinitionPtr definition, std::uint32_t prize) {
  std::vector<Look> looks{keys::imported(definition->partition, prize)};
  const Result<std::vector<std::int64_t>> imported = co_await store_.read(std::move(looks), Freshness::durable);
  if (!imported) co_return tl::unexpected(imported.error());
  const PrizeOfCodes named{.promotion_id = definition->promotion.id,
                           .prize_id = definition->promotion.lottery->prizes[prize].id};
  const std::int64_t before = imported->front();
  const Result<CodeVault::Import> begun = co_await writer_.run(
      [this, named, before] { return vault_.begin_import(named, static_cast<std::uint64_t>(before)); });
  if (!begun) co_return tl::unexpected(begun.error());
  co_return Running{.definition = std::move(definition), .prize = prize, .import = *begun, .before = before};
}

Task<Result<std::vector<std::uint64_t>>> ImportCodes::append(Running running, std::span<const CodeLine> lines) {
  const CodeVault::Import import = running.import;
  co_return co_await writer_.run([this, import, lines] { return vault_.append(import, lines); });
}

Task<Result<std::int64_t>> ImportCodes::finish(Running running, Audit audit, std::optional<Command> command,
                                               std::function<AnswerKept(std::int64_t)> render) {
  const CodeVault::Import import = running.import;
  const Result<std::uint64_t> rows = co_await writer_.run([this, import] { return vault_.finish_import(import); });
  if (!rows) {
    co_await give_up(running);
    co_return tl::unexpected(rows.error());
  }
  const auto count = static_cast<std::int64_t>(*rows);
  if (count == 0) {
    co_await give_up(running);
    co_return count;
  }
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    CouponPlan plan = propose_import(*running.definition, running.prize, running.before, count, audit);
    Proposal proposal = std::move(plan.proposal);
    KeepAnswer keep{.command = command, .render = [&](const Accepted&) { return render(count); }};
    const Result<Verdict> verdict = co_await store_.commit_answering(std::move(proposal), std::move(keep));
    if (!verdict) {
      co_await give_up(running);
      co_return tl::unexpected(verdict.error());
    }
    if (std::holds_alternative<Accepted>(*verdict)) {
      co_await end(running, running.before + count);
      imported_();
      co_return count;
    }
    if (!std::holds_alternative<Stale>(*verdict)) break;
    const DefinitionPtr present = store_.find(running.definition->promotion.id);
    if (!present) continue;
    // Before its first codes are committed a prize may move, and go; the vault has them under its id.
    const std::optional<Lottery>& lottery = present->promotion.lottery;
    const std::string& id = running.definition->promotion.lottery->prizes[running.prize].id;
    const std::optional<std::uint32_t> prize = lottery ? prize_index(*lottery, id) : std::nullopt;
    if (!prize || lottery->prizes[*prize].kind != PrizeKind::gifticon) {
      co_await give_up(running);
      co_return fail(FailureCode::conflict, "the prize was taken out while its codes were being imported");
    }
    running.prize = *prize;
    running.definition = present;
  }
  co_await give_up(running);
  co_return fail(FailureCode::unavailable, "the promotion changed while codes were being imported; try again");
}

Task<void> ImportCodes::give_up(Running running) {
  const std::int64_t before = running.before;
  co_await end(std::move(running), before);
}

Task<void> ImportCodes::end(Running running, std::int64_t imported) {
  const CodeVault::Import import = running.import;
  // If this fails, the vault knows of fewer codes than are committed, which the next import puts right.
  (void)co_await writer_.run(
      [this, import, imported] { return vault_.end_import(import, static_cast<std::uint64_t>(imported)); });
}

}  // namespace windfall

// Codes and coupons: one code a win and issue, nothing beyond what was imported, nothing of a void win; and a replay
// that knows how far numbers were taken.
#include "domain/lottery/coupons.hpp"

#include <gtest/gtest.h>

#include "domain/builders.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::test {
namespace {

constexpr WinPlace kFirstWin{.segment = 0, .serial = 3};
constexpr WinPlace kSecondWin{.segment = 7, .serial = 0};

Definition coffee(Mode mode = Mode::live) {
  Promotion p = promotion();
  p.mode = mode;
  p.lottery = Lottery{};
  p.lottery->grants = {VisitGrant{.tickets = 2}};
  p.lottery->prizes = {
      {.id = "americano", .name = "커피", .kind = PrizeKind::gifticon, .value = 4500, .count = 10, .valid_days = {}}};
  return definition(std::move(p));
}

CouponFacts of(WinPlace win, std::uint32_t issue = 0) {
  return {.user = user(1), .win = win, .prize = 0, .issue = issue};
}

/// Decides plans, and keeps the log that they leave.
struct Desk {
  Definition lottery = coffee();
  State state = state_with_partition();
  std::vector<Recorded> log = {
      recorded(creation(), {.assignment = {.epoch = {}, .sequence = {1}, .time = kNoon, .taken = {}}, .looks = {}})};

  /// The rule that refused; nullopt if none did.
  std::optional<CouponRule> decide(const CouponPlan& plan, Instant at = kNoon) {
    EXPECT_EQ(plan.rules.size(), plan.proposal.guards.size());
    const Verdict verdict = state.commit(plan.proposal, at);
    if (const auto* refused = std::get_if<Refused>(&verdict)) return plan.rules.at(refused->guard);
    const auto* accepted = std::get_if<Accepted>(&verdict);
    if (accepted == nullptr) {
      ADD_FAILURE() << "neither accepted nor refused";
      return std::nullopt;
    }
    for (std::size_t i = 0; i < plan.proposal.events.size(); ++i) {
      Recorded entry = recorded(plan.proposal, *accepted);
      entry.sequence.value += i;
      entry.event = plan.proposal.events[i];
      if (keeps_taken(entry.event)) entry.taken = accepted->assignment.taken;
      log.push_back(std::move(entry));
    }
    return std::nullopt;
  }
  std::optional<CouponRule> import(std::int64_t before, std::int64_t count) {
    return decide(propose_import(lottery, 0, before, count, {}));
  }
  std::optional<CouponRule> assign(WinPlace win, std::int64_t limit, std::uint32_t issue = 0) {
    return decide(propose_assignment(lottery, of(win, issue), limit));
  }
  [[nodiscard]] std::int64_t assigned() const { return state.look(keys::assigned(kFirstPartition, 0)); }
  [[nodiscard]] std::uint64_t replayed() const {
    State again;
    for (const Recorded& entry : log) again.apply(entry);
    return again.digest();
  }
};

TEST(Coupons, CodesGoOutInOrderAndNotBeyondWhatWasImported) {
  Desk desk;
  EXPECT_EQ(desk.assign(kFirstWin, 0), CouponRule::codes_left);
  EXPECT_EQ(desk.import(0, 1), std::nullopt);
  EXPECT_EQ(desk.assign(kFirstWin, 1), std::nullopt);
  EXPECT_EQ(std::get<CodeAssigned>(desk.log.back().event).win, kFirstWin);
  EXPECT_EQ(desk.log.back().taken, std::vector<std::int64_t>{0});
  EXPECT_EQ(desk.assign(kSecondWin, 1), CouponRule::codes_left);
}

TEST(Coupons, AnImportIsAnnouncedOnceBehindWhatWasThere) {
  Desk desk;
  EXPECT_EQ(desk.import(0, 5), std::nullopt);
  EXPECT_EQ(desk.import(0, 5), CouponRule::ordinals);
  EXPECT_EQ(desk.import(5, 2), std::nullopt);
  EXPECT_EQ(desk.state.look(keys::imported(kFirstPartition, 0)), 7);
}

TEST(Coupons, AWinGetsOneCodeForEachIssue) {
  Desk desk;
  desk.import(0, 9);
  EXPECT_EQ(desk.assign(kFirstWin, 9), std::nullopt);
  EXPECT_EQ(desk.assign(kFirstWin, 9), CouponRule::as_known) << "a code twice";
  EXPECT_EQ(desk.assign(kFirstWin, 9, 1), CouponRule::as_known) << "nobody asked for another one";
  EXPECT_EQ(desk.decide(propose_reissue(desk.lottery, of(kFirstWin), std::nullopt, {})), std::nullopt);
  EXPECT_EQ(desk.decide(propose_reissue(desk.lottery, of(kFirstWin, 1), std::nullopt, {})), CouponRule::as_known)
      << "what waits for a code has none to burn";
  EXPECT_EQ(desk.assign(kFirstWin, 9, 0), CouponRule::as_known);
  EXPECT_EQ(desk.assign(kFirstWin, 9, 1), std::nullopt);
  EXPECT_EQ(desk.assigned(), 2);
}

TEST(Coupons, AReissueTakesTheNextCodeInTheSameStepOrNothingHappens) {
  Desk desk;
  desk.import(0, 2);
  desk.assign(kFirstWin, 2);
  EXPECT_EQ(desk.decide(propose_reissue(desk.lottery, of(kFirstWin), 2, {})), std::nullopt);
  EXPECT_EQ(desk.assigned(), 2);
  EXPECT_EQ(desk.decide(propose_reissue(desk.lottery, of(kFirstWin, 1), 2, {})), CouponRule::codes_left);
  EXPECT_EQ(desk.state.look(keys::reissued(kFirstPartition, kFirstWin)), 1) << "the code that it has is not burned";
}

TEST(Coupons, OnlyACouponWithACodeIsUsedOnceAndInTime) {
  Desk desk;
  EXPECT_EQ(desk.decide(propose_use(desk.lottery, of(kFirstWin), {})), CouponRule::as_known);
  desk.import(0, 1);
  desk.assign(kFirstWin, 1);
  const CouponPlan late = propose_use(desk.lottery, of(kFirstWin), kNoon);
  EXPECT_TRUE(std::holds_alternative<Stale>(desk.state.commit(late.proposal, kNoon)));
  EXPECT_EQ(desk.decide(propose_use(desk.lottery, of(kFirstWin), later(kNoon, 1))), std::nullopt);
  EXPECT_EQ(desk.decide(propose_use(desk.lottery, of(kFirstWin), {})), CouponRule::unused);
  EXPECT_EQ(desk.decide(propose_reissue(desk.lottery, of(kFirstWin), 1, {})), CouponRule::unused);
}

TEST(Coupons, NothingHappensToAVoidWinAnyMore) {
  Desk desk;
  desk.import(0, 9);
  desk.assign(kFirstWin, 9);
  EXPECT_EQ(desk.decide(propose_void(desk.lottery, user(1), kFirstWin, 0, {})), std::nullopt);
  EXPECT_EQ(desk.decide(propose_void(desk.lottery, user(1), kFirstWin, 0, {})), CouponRule::stands);
  EXPECT_EQ(desk.decide(propose_use(desk.lottery, of(kFirstWin), {})), CouponRule::stands);
  EXPECT_EQ(desk.decide(propose_reissue(desk.lottery, of(kFirstWin), 9, {})), CouponRule::stands);
  EXPECT_EQ(desk.decide(propose_void(desk.lottery, user(2), kSecondWin, 0, {})), std::nullopt);
  EXPECT_EQ(desk.assign(kSecondWin, 9), CouponRule::stands) << "it was waiting";
  EXPECT_EQ(desk.assigned(), 1);
}

TEST(Coupons, NoWinIsTakenBackOnceTheSecondChanceHasBegun) {
  Desk desk;
  ASSERT_TRUE(is_accepted(desk.state.commit(proposal(SecondChanceStarted{.prizes = 1, .pool = 1}), kNoon)));
  EXPECT_EQ(desk.decide(propose_void(desk.lottery, user(1), kFirstWin, 0, {})), CouponRule::second_chance_rests);
}

TEST(Coupons, InATestCodesComeFromNowhere) {
  Desk desk;
  desk.lottery = coffee(Mode::test);
  EXPECT_EQ(desk.decide(propose_reissue(desk.lottery, of(kFirstWin), std::nullopt, {})), std::nullopt);
  EXPECT_EQ(desk.decide(propose_use(desk.lottery, of(kFirstWin, 1), {})), std::nullopt);
  EXPECT_EQ(desk.assigned(), 0);
}

TEST(Coupons, AReplayTakesOnWhereTheLogEnds) {
  Desk desk;
  desk.import(0, 9);
  desk.assign(kFirstWin, 9);
  desk.decide(propose_reissue(desk.lottery, of(kFirstWin), 9, {}));
  desk.assign(kSecondWin, 9);
  CouponPlan burn{.proposal = proposal(CodesBurned{.prize = 0, .count = 4, .audit = {}}), .rules = {}};
  desk.decide(burn);
  EXPECT_EQ(desk.assigned(), 7);
  EXPECT_EQ(desk.replayed(), desk.state.digest());
}

TEST(Coupons, SerialsGoOnAfterAReplayAsWell) {
  Desk desk;
  Proposal draw = proposal(Drew{.user = user(1), .segment = 2, .number = 0});
  draw.takes.push_back({.counter = keys::serials(kFirstPartition, 2)});
  for (std::uint32_t i = 0; i < 3; ++i) {
    std::get<Drew>(draw.events.front()).number = i;
    desk.decide({.proposal = draw, .rules = {}});
  }
  State again;
  for (const Recorded& entry : desk.log) again.apply(entry);
  EXPECT_EQ(again.look(keys::serials(kFirstPartition, 2)), 3) << "the next serial would win what was won already";
  EXPECT_EQ(again.digest(), desk.state.digest());
}

}  // namespace
}  // namespace windfall::test

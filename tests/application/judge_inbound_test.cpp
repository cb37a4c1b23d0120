// Events that came in are judged in order, each is settled once, and what was not settled is found again.
#include "application/on_event/judge_inbound.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/codec/event_codec.hpp"
#include "application/embedded_fixture.hpp"
#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall::test {
namespace {

/// Tokens in plain text: "promotion:number of the inviter".
class PlainTokens final : public InviteTokens {
 public:
  std::string encode(const Invite& invite) override {
    return invite.promotion_id + ":" + std::to_string(invite.inviter.lo);
  }
  std::optional<Invite> decode(std::string_view token) override {
    const std::size_t colon = token.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    return Invite{.promotion_id = std::string(token.substr(0, colon)),
                  .inviter = user(std::stoull(std::string(token.substr(colon + 1))))};
  }
};

/// An inbox beside the store, which sees no settlement by itself.
class OutsideInbox final : public Inbox {
 public:
  Task<Result<std::size_t>> take(std::vector<InboundEvent> events, std::optional<Command> /*command*/,
                                 AnswerKept /*answer*/) override {
    for (InboundEvent& event : events) queue.push_back(std::move(event));
    co_return queue.size();
  }
  std::optional<InboundEvent> next() override {
    if (queue.empty()) return std::nullopt;
    InboundEvent event = std::move(queue.front());
    queue.pop_front();
    return event;
  }
  void put_back(InboundEvent event) override { queue.push_front(std::move(event)); }
  void settled(const InboundEvent& event) override { over.push_back(event.id[0]); }
  void held(const InboundEvent& event) override { waits.push_back(event.id[0]); }
  [[nodiscard]] std::size_t waiting() const override { return queue.size(); }
  [[nodiscard]] std::uint64_t duplicates() const override { return 0; }

  std::deque<InboundEvent> queue;
  std::vector<std::uint8_t> over;
  std::vector<std::uint8_t> waits;
};

class JudgingInbound : public EmbeddedFixture {
 protected:
  static Promotion lottery() {
    Promotion p = promotion();
    p.lottery = Lottery{.grants = {VisitGrant{.tickets = 1}, InviteGrant{.inviter_tickets = 2,
                                                                         .friend_tickets = 1,
                                                                         .first_visit_only = true,
                                                                         .inviter_limit_per_day = 1}},
                        .prizes = {{.id = "a", .name = "A", .kind = PrizeKind::points, .value = 100, .count = 10}}};
    return p;
  }
  void SetUp() override { begin_with_lottery(); }
  void begin_with_lottery() {
    const Answer made = start(store_.commit(creating(kFirstPartition, "lot", lottery()), Identity{}));
    end_turn_and_sync();
    ASSERT_TRUE(accepted(made));
  }
  static constexpr PartitionNo kVisitsOnly{kFirstPartition.value + 1};
  /// A second lottery, which has no grant for invites.
  void grant_visits_only() {
    Promotion visits_only = lottery();
    visits_only.lottery->grants.pop_back();
    const Answer made = start(store_.commit(creating(kVisitsOnly, "visits", visits_only), Identity{}));
    end_turn_and_sync();
    ASSERT_TRUE(accepted(made));
  }
  void decide_in_system(Event event) {
    Proposal p = proposal(std::move(event), kSystemPartition);
    p.revision = store_.system_revision();
    const Answer decided = start(store_.commit(std::move(p), {.user = user(8), .id = "user-8"}));
    end_turn_and_sync();
    ASSERT_TRUE(accepted(decided));
  }

  static InboundEvent event(std::uint8_t number, Inbound::Type type, std::uint64_t who, std::string about) {
    return {.id = {number, 1},
            .type = type,
            .user = user(who),
            .user_id = "user-" + std::to_string(who),
            .about = std::move(about)};
  }
  static Task<bool> written(Completion<bool>* write) { co_return co_await *write; }
  static InboundEvent visit(std::uint8_t number, std::uint64_t who, std::string promotion_id = "lot") {
    return event(number, Inbound::Type::page_visited, who, std::move(promotion_id));
  }
  Later<Result<std::size_t>> take(std::vector<InboundEvent> events) {
    return start(store_.take(std::move(events), std::nullopt, AnswerKept{}));
  }
  /// Lets everything that can happen happen.
  void settle_down() {
    for (int turn = 0; turn < 8; ++turn) end_turn_and_sync();
  }
  void take_and_judge(std::vector<InboundEvent> events) {
    const auto taken = take(std::move(events));
    end_turn_and_sync();
    ASSERT_TRUE(*taken && **taken);
    judge_.poke();
    settle_down();
  }
  [[nodiscard]] std::int64_t held(std::uint64_t who) const {
    return store_.peek(keys::tickets(kFirstPartition, user(who)));
  }
  [[nodiscard]] std::int64_t shares(std::uint64_t who) const {
    return store_.peek(keys::funnel(kFirstPartition, user(who), FunnelStep::shared));
  }
  /// What the journal has: every event, in order.
  [[nodiscard]] std::vector<Recorded> journal() const {
    std::vector<Recorded> all;
    for (const embedded::TurnBatch& batch : batches_) {
      std::string_view body = batch.body;
      while (!body.empty()) all.push_back(*codec::decode(body));
    }
    return all;
  }
  template <class E>
  [[nodiscard]] std::vector<E> journaled() const {
    std::vector<E> found;
    for (const Recorded& recorded : journal()) {
      if (const auto* one = std::get_if<E>(&recorded.event)) found.push_back(*one);
    }
    return found;
  }

  EarnTickets earn_{store_};
  PlainTokens tokens_;
  std::vector<std::string> rejected_;
  std::vector<std::string> troubles_;
  JudgeInbound judge_{store_,
                      store_,
                      earn_,
                      tokens_,
                      time_,
                      {.rejected =
                           [this](const JudgeInbound::Rejected& r) {
                             rejected_.push_back(std::string(r.promotion_id) + " " + std::string(r.reason));
                           },
                       .trouble = [this](const std::string& why) { troubles_.push_back(why); }}};
};

TEST_F(JudgingInbound, AVisitIsGrantedOnceHoweverOftenItIsSent) {
  take_and_judge({visit(1, 7)});
  EXPECT_EQ(1, held(7));
  take_and_judge({visit(1, 7), visit(1, 7)});
  take_and_judge({visit(2, 7)});
  EXPECT_EQ(1, held(7));
  EXPECT_EQ(2U, store_.duplicates());
  EXPECT_EQ(2U, journaled<Inbound>().size());
  const auto settled = journaled<InboundSettled>();
  ASSERT_EQ(2U, settled.size());
  for (const InboundSettled& one : settled) EXPECT_TRUE(!one.dropped && one.reason.empty());
  EXPECT_TRUE(rejected_.empty());
}

TEST_F(JudgingInbound, NothingIsJudgedBeforeItIsDurable) {
  const auto taken = take({visit(1, 7)});
  judge_.poke();
  EXPECT_FALSE(taken->has_value());
  EXPECT_EQ(0U, store_.waiting());
  end_turn_and_sync();
  EXPECT_TRUE(*taken && **taken && ***taken == 1);
  EXPECT_EQ(1U, store_.waiting());
}

TEST_F(JudgingInbound, ABatchIsOneStepInTheJournalAndNamesItsPeople) {
  const auto taken = take({visit(1, 7), visit(2, 8), visit(3, 7)});
  end_turn_and_sync();
  ASSERT_TRUE(*taken && **taken);
  EXPECT_EQ(3U, ***taken);
  std::string_view body = batches_.back().body;
  std::size_t events = 0;
  for (; !body.empty(); ++events) EXPECT_TRUE(std::holds_alternative<Inbound>(codec::decode(body)->event));
  EXPECT_EQ(3U, events);
  ASSERT_LE(2U, batches_.back().identities.size());
  EXPECT_EQ("user-7", batches_.back().identities.at(0).id);
}

TEST_F(JudgingInbound, WhatTheDiskRefusedMayBeSentAgain) {
  const auto lost = take({visit(1, 7)});
  end_turn();
  lose(batches_.size());
  ASSERT_TRUE(*lost && !**lost);
  EXPECT_EQ(0U, store_.waiting());
  take_and_judge({visit(1, 7)});
  EXPECT_EQ(1, held(7));
  EXPECT_EQ(0U, store_.duplicates());
}

TEST_F(JudgingInbound, AnInboxOutsideOfTheStoreIsToldWhatIsSettledAndOnlyThat) {
  OutsideInbox inbox;
  JudgeInbound judge(inbox, store_, earn_, tokens_, time_,
                     {.rejected = [](const JudgeInbound::Rejected&) {},
                      .trouble = [this](const std::string& why) { troubles_.push_back(why); }});
  inbox.queue = {visit(1, 7), visit(2, 8)};
  judge.poke();
  settle_down();
  EXPECT_EQ(inbox.over, (std::vector<std::uint8_t>{1, 2}));
  EXPECT_EQ(1, held(7));

  inbox.queue = {visit(3, 9)};
  judge.poke();
  end_turn();
  lose(batches_.size());
  EXPECT_EQ(inbox.over.size(), 2U) << "what the disk refused is not over";
  EXPECT_EQ(inbox.waiting(), 1U);
  EXPECT_FALSE(troubles_.empty());
}

TEST_F(JudgingInbound, WhatIsRejectedIsOverWhenItsRejectionIsWrittenAndHoldsUpNobodyElse) {
  OutsideInbox inbox;
  std::deque<Completion<bool>> writes;
  JudgeInbound judge(inbox, store_, earn_, tokens_, time_,
                     {.rejected = [](const JudgeInbound::Rejected&) {},
                      .keep = [&writes](const JudgeInbound::Rejected&) { return written(&writes.emplace_back()); },
                      .trouble = [this](const std::string& why) { troubles_.push_back(why); }});
  inbox.queue = {visit(1, 7, "gone"), visit(2, 8, "gone"), visit(3, 9)};
  judge.poke();
  settle_down();
  EXPECT_EQ(inbox.over, std::vector<std::uint8_t>{3});
  EXPECT_EQ(inbox.waits, (std::vector<std::uint8_t>{1, 2}));
  EXPECT_EQ(judge.held(), 2U);
  EXPECT_EQ(judge.in_flight(), 0);
  ASSERT_EQ(writes.size(), 2U);

  writes[1].complete(true);
  EXPECT_EQ(inbox.over, (std::vector<std::uint8_t>{3, 2}));
  writes[0].complete(false);
  EXPECT_EQ(inbox.over.size(), 2U) << "this process ends; the next one judges it again";
  EXPECT_EQ(judge.held(), 0U);
}

TEST_F(JudgingInbound, NoMoreRejectionsAreHeldThanFitIntoMemory) {
  OutsideInbox inbox;
  std::deque<Completion<bool>> writes;
  JudgeInbound judge(inbox, store_, earn_, tokens_, time_,
                     {.rejected = [](const JudgeInbound::Rejected&) {},
                      .keep = [&writes](const JudgeInbound::Rejected&) { return written(&writes.emplace_back()); },
                      .trouble = [this](const std::string& why) { troubles_.push_back(why); }});
  for (std::size_t i = 0; i < JudgeInbound::kMostHeld + 1000; ++i) {
    inbox.queue.push_back(event(1, Inbound::Type::invite_opened, 7, "forged"));
  }
  judge.poke();
  while (judge.in_flight() > 0) end_turn_and_sync();
  EXPECT_GE(judge.held(), JudgeInbound::kMostHeld);
  EXPECT_LT(judge.held(), JudgeInbound::kMostHeld + JudgeInbound::kAtOnce);
  EXPECT_GT(inbox.waiting(), 0U);
  while (judge.held() > 0 || judge.in_flight() > 0) {
    while (!writes.empty()) {
      writes.front().complete(true);
      writes.pop_front();
    }
    end_turn_and_sync();
  }
  EXPECT_EQ(inbox.waiting(), 0U);
  EXPECT_EQ(inbox.over.size(), JudgeInbound::kMostHeld + 1000);
}

TEST_F(JudgingInbound, FriendAndInviterAreGrantedByAnOpen) {
  take_and_judge({event(1, Inbound::Type::invite_opened, 8, "lot:7")});
  EXPECT_EQ(1, held(8));
  EXPECT_EQ(2, held(7));
  EXPECT_TRUE(rejected_.empty());
}

TEST_F(JudgingInbound, WhatGrantsNothingIsSettledWithItsReason) {
  take_and_judge({visit(1, 8), event(2, Inbound::Type::invite_opened, 8, "lot:7"),
                  event(3, Inbound::Type::invite_opened, 7, "lot:7"),
                  event(4, Inbound::Type::invite_opened, 9, "forged"),
                  event(5, Inbound::Type::invite_opened, 9, "gone:7"), visit(6, 9, "gone"),
                  event(7, Inbound::Type::shared, 9, "gone")});
  std::ranges::sort(rejected_);
  EXPECT_EQ((std::vector<std::string>{" INVITE_INVALID", "gone INVITE_INVALID", "gone PROMOTION_NOT_FOUND",
                                      "gone PROMOTION_NOT_FOUND", "lot NOT_FIRST_VISIT", "lot OWN_LINK"}),
            rejected_);
  const auto settled = journaled<InboundSettled>();
  EXPECT_EQ(7U, settled.size());
  for (const InboundSettled& one : settled) {
    const bool not_granted = one.reason == "NOT_FIRST_VISIT" || one.reason == "OWN_LINK" || one.reason.empty();
    EXPECT_EQ(!not_granted, one.dropped) << one.reason;
  }
}

TEST_F(JudgingInbound, AfterTheEndAndForTheBlockedTheRefusalIsTheReason) {
  const Answer blocked = start(store_.commit(
      [this] {
        Proposal p = proposal(UserBlocked{.user = user(9), .blocked = true, .audit = {}}, kSystemPartition);
        p.revision = store_.system_revision();
        return p;
      }(),
      Identity{.user = user(9), .id = "user-9"}));
  end_turn_and_sync();
  ASSERT_TRUE(accepted(blocked));
  take_and_judge({visit(1, 9)});
  time_.set(Instant{kNoon.ms + 400 * kDay});
  take_and_judge({visit(2, 7)});
  EXPECT_EQ((std::vector<std::string>{"lot BLOCKED", "lot OUTSIDE_PERIOD"}), rejected_);
  EXPECT_EQ(2U, judge_.counts().dropped);
}

TEST_F(JudgingInbound, AnOpenWhereInvitesGrantNothingIsSettledWithItsReason) {
  grant_visits_only();
  take_and_judge({event(1, Inbound::Type::invite_opened, 8, "visits:7")});
  EXPECT_EQ(std::vector<std::string>{"visits NO_INVITE_GRANT"}, rejected_);
  EXPECT_EQ(0U, judge_.counts().dropped);
}

TEST_F(JudgingInbound, AnOpenWhereInvitesGrantNothingIsRefusedAsEveryOther) {
  grant_visits_only();
  decide_in_system(UserBlocked{.user = user(8), .blocked = true, .audit = {}});
  take_and_judge({event(1, Inbound::Type::invite_opened, 8, "visits:7")});
  decide_in_system(PausedAll{.paused = true, .audit = {}});
  take_and_judge({event(2, Inbound::Type::invite_opened, 8, "visits:7")});
  decide_in_system(PausedAll{.paused = false, .audit = {}});
  const Answer closed = start(store_.commit(proposal(LotteryClosed{}, kVisitsOnly), Identity{}));
  end_turn_and_sync();
  ASSERT_TRUE(accepted(closed));
  take_and_judge({event(3, Inbound::Type::invite_opened, 9, "visits:7")});
  EXPECT_EQ((std::vector<std::string>{"visits BLOCKED", "visits PROMOTION_PAUSED", "visits OUTSIDE_PERIOD"}),
            rejected_);
  EXPECT_EQ(3U, judge_.counts().dropped);
}

TEST_F(JudgingInbound, AShareIsCountedInTheStepThatSettlesIt) {
  const auto taken = take({event(1, Inbound::Type::shared, 7, "lot")});
  end_turn_and_sync();
  ASSERT_TRUE(*taken && **taken);
  judge_.poke();
  end_turn();
  // One batch holds both: a crash keeps both or neither.
  std::string_view body = batches_.back().body;
  ASSERT_TRUE(std::holds_alternative<InviteShared>(codec::decode(body)->event));
  EXPECT_TRUE(std::holds_alternative<InboundSettled>(codec::decode(body)->event));
  sync(batches_.size());
  EXPECT_EQ(1, shares(7));
}

TEST_F(JudgingInbound, AFailureOfTheStoreIsTriedAgainAndCountsOnce) {
  const auto taken = take({event(1, Inbound::Type::shared, 7, "lot"), visit(2, 7)});
  end_turn_and_sync();
  ASSERT_TRUE(*taken && **taken);
  judge_.poke();
  end_turn();
  lose(batches_.size());
  batches_.pop_back();
  EXPECT_FALSE(troubles_.empty());
  EXPECT_EQ(2U, store_.waiting());
  EXPECT_EQ(0, shares(7));
  time_.advance(JudgeInbound::kRetryMs);
  settle_down();
  EXPECT_EQ(1, shares(7));
  EXPECT_EQ(1, held(7));
  EXPECT_EQ(0U, store_.waiting());
}

TEST_F(JudgingInbound, NotMoreThanAFewAreBegunAtOnceAndTheRestFollows) {
  std::vector<InboundEvent> events;
  for (std::uint64_t i = 0; i < 3 * JudgeInbound::kAtOnce; ++i) {
    InboundEvent one = visit(0, 100 + i);
    one.id = {2, static_cast<std::uint8_t>(i & 0xFF), static_cast<std::uint8_t>(i >> 8)};
    events.push_back(std::move(one));
  }
  const auto taken = take(std::move(events));
  end_turn_and_sync();
  ASSERT_TRUE(*taken && **taken);
  judge_.poke();
  EXPECT_EQ(JudgeInbound::kAtOnce, judge_.in_flight());
  for (int turn = 0; turn < 16; ++turn) end_turn_and_sync();
  EXPECT_EQ(0, judge_.in_flight());
  EXPECT_EQ(3U * JudgeInbound::kAtOnce, judge_.counts().judged);
  EXPECT_EQ(1, held(100));
  EXPECT_EQ(1, held(100 + 3 * JudgeInbound::kAtOnce - 1));
}

/// The store as it would be after a crash that kept the first `batches` batches, with a judge of its own.
struct Restarted {
  Restarted(const std::vector<embedded::TurnBatch>& batches, std::size_t kept, VirtualTime& time) : clock(time) {
    for (std::size_t i = 0; i < kept; ++i) {
      const auto id_of = [&](UserRef who) -> std::string {
        for (const embedded::NamedUser& named : batches[i].identities) {
          if (named.user == who) return named.id;
        }
        return {};
      };
      EXPECT_TRUE(store.replay(batches[i].body, i + 1, id_of));
    }
    judge.poke();
    for (int turn = 0; turn < 8; ++turn) {
      store.end_of_turn();
      store.on_durable(taken, kept + taken);
    }
  }
  VirtualTime& clock;
  std::uint64_t taken = 0;
  std::vector<std::string> rejected;
  embedded::EmbeddedStore store{
      clock,
      {.submit = [this](const embedded::TurnBatch&) -> Result<std::uint64_t> { return ++taken; },
       .at_turn_end = [] {}}};
  EarnTickets earn{store};
  PlainTokens tokens;
  JudgeInbound judge{store,
                     store,
                     earn,
                     tokens,
                     clock,
                     {.rejected = [this](const JudgeInbound::Rejected& r) { rejected.emplace_back(r.reason); },
                      .trouble = [](const std::string&) {}}};
};

TEST_F(JudgingInbound, AfterACrashAtAnyBatchEverythingIsGrantedExactlyOnce) {
  const auto taken = take({visit(1, 8), event(2, Inbound::Type::shared, 7, "lot"), visit(3, 7),
                           event(4, Inbound::Type::invite_opened, 9, "lot:7")});
  end_turn_and_sync();
  ASSERT_TRUE(*taken && **taken);
  const std::size_t acknowledged = batches_.size();
  judge_.poke();
  settle_down();
  for (std::size_t kept = acknowledged; kept <= batches_.size(); ++kept) {
    Restarted after(batches_, kept, time_);
    EXPECT_EQ(1, after.store.peek(keys::tickets(kFirstPartition, user(8)))) << kept;
    EXPECT_EQ(1 + 2, after.store.peek(keys::tickets(kFirstPartition, user(7)))) << kept;
    EXPECT_EQ(1, after.store.peek(keys::tickets(kFirstPartition, user(9)))) << kept;
    EXPECT_EQ(1, after.store.peek(keys::funnel(kFirstPartition, user(7), FunnelStep::shared))) << kept;
    EXPECT_EQ(1, after.store.peek(keys::funnel(kFirstPartition, user(7), FunnelStep::opened))) << kept;
    EXPECT_TRUE(after.rejected.empty()) << kept << " " << after.rejected.front();
    EXPECT_EQ(0U, after.store.waiting()) << kept;
  }
}

TEST_F(JudgingInbound, WhoWasErasedMeanwhileIsNotBroughtBack) {
  const auto taken = take({visit(1, 7)});
  end_turn_and_sync();
  ASSERT_TRUE(*taken && **taken);
  const Answer erased = start(store_.commit(
      [this] {
        Proposal p = proposal(UserErased{.user = user(7), .audit = {}}, kSystemPartition);
        p.revision = store_.system_revision();
        return p;
      }(),
      Identity{}));
  end_turn_and_sync();
  ASSERT_TRUE(accepted(erased));
  judge_.poke();
  settle_down();
  EXPECT_EQ(0, held(7));
  const auto settled = journaled<InboundSettled>();
  ASSERT_EQ(1U, settled.size());
  EXPECT_TRUE(settled[0].dropped);
  EXPECT_EQ("ERASED", settled[0].reason);
}

TEST_F(JudgingInbound, IdsAreRememberedFor30DaysAlsoOverARestart) {
  take_and_judge({event(1, Inbound::Type::shared, 7, "lot")});
  const auto shared_after = [this](std::int64_t ms) {
    Restarted after(batches_, batches_.size(), time_);
    time_.set(Instant{kNoon.ms + ms});
    const auto again = start(after.store.take({event(1, Inbound::Type::shared, 7, "lot")}, std::nullopt, AnswerKept{}));
    after.store.end_of_turn();
    after.store.on_durable(after.taken, 1000 + after.taken);
    EXPECT_TRUE(*again && **again);
    const std::size_t fresh = ***again;
    time_.set(kNoon);
    return fresh;
  };
  EXPECT_EQ(0U, shared_after(1));
  EXPECT_EQ(0U, shared_after(Inbox::kRememberedMs - 1));
  EXPECT_EQ(1U, shared_after(Inbox::kRememberedMs));
  EXPECT_EQ(1U, shared_after(3 * Inbox::kRememberedMs));
}

}  // namespace
}  // namespace windfall::test

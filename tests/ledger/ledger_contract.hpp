// What every ledger promises, in the words of application/port/ledger.hpp. A ledger runs this suite in one file, with
// one line:
//   INSTANTIATE_TEST_SUITE_P(SQLite, LedgerContract, testing::Values(backend), name_of_backend);
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "application/port/ledger_store.hpp"
#include "ledger/ledger_under_test.hpp"
#include "ledger/log_builder.hpp"

namespace windfall::contract {

class LedgerContract : public testing::TestWithParam<LedgerBackend> {
 protected:
  void SetUp() override {
    if (!under_test_) GTEST_SKIP() << "the server of this ledger is not installed";
  }
  void apply() {
    const auto applied = ledger().apply(log_.batch());
    ASSERT_TRUE(applied) << applied.error().message;
    ASSERT_TRUE(*applied);
  }
  LedgerStore& store() { return under_test_->store(); }
  Ledger& ledger() { return store(); }
  Effects& effects() { return store(); }

  std::vector<ParticipationRow> rows(const Ledger::ParticipationQuery& query) {
    return ledger().participations(query).value();
  }
  std::vector<ParticipationRow> rows_of(const std::string& user_id) { return rows({.user = ref_of(user_id)}); }
  void refuse(const std::string& user_id, int times, Instant first) {
    std::vector<std::pair<UserRef, RefusalRow>> refusals;
    for (int i = 0; i < times; ++i) {
      refusals.emplace_back(
          ref_of(user_id),
          RefusalRow{.at = {first.ms + i}, .promotion_id = "p", .code = "SOLD_OUT", .detail = "TOTAL"});
    }
    ASSERT_TRUE(ledger().add_refusals(refusals));
  }

  std::unique_ptr<LedgerUnderTest> under_test_ = GetParam().make({});
  LogBuilder log_;
};

// --- Writing

TEST_P(LedgerContract, StartsAtPositionZeroAndKeepsItsPositionOverARestart) {
  EXPECT_EQ(ledger().position().value(), 0U);
  log_.promotion("p");
  apply();
  EXPECT_EQ(ledger().position().value(), log_.position());
  under_test_->reopen();
  EXPECT_EQ(ledger().position().value(), log_.position());
}

TEST_P(LedgerContract, ABatchAtOrBelowThePositionChangesNothing) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  const LogBatch first = log_.batch();
  ASSERT_TRUE(ledger().apply(first).value());
  log_.join(p, "bob");
  apply();
  EXPECT_FALSE(ledger().apply(first).value());
  LogBatch renamed = first;
  renamed.identities[0].id = "not ann";
  EXPECT_FALSE(ledger().apply(renamed).value());
  EXPECT_EQ(rows({}).size(), 2U);
  EXPECT_EQ(rows({})[0].user_id, "ann");
  EXPECT_EQ(ledger().totals(p).value()->participations, 2);
  EXPECT_EQ(effects().gauges()->pending, 2);
  EXPECT_EQ(ledger().audit(0, 10)->size(), 1U);
  EXPECT_EQ(ledger().position().value(), log_.position());
}

TEST_P(LedgerContract, ABatchIsAppliedWholeOrNotAtAll) {
  const PartitionNo p = log_.promotion("p");
  apply();
  const std::uint64_t before = ledger().position().value();
  log_.join(p, "ann");
  log_.join(PartitionNo{77}, "bob");  // never defined
  const auto applied = ledger().apply(log_.batch());
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, FailureCode::damaged);
  EXPECT_EQ(ledger().position().value(), before);
  EXPECT_TRUE(rows({}).empty());
  EXPECT_EQ(ledger().totals(p).value()->participations, 0);
  EXPECT_EQ(effects().gauges()->pending, 0);
}

TEST_P(LedgerContract, ASyncBringsTotalsUnlessALaterOneAlreadyHas) {
  const PartitionNo p = log_.promotion("p");
  apply();
  const auto at = [&](std::uint64_t sequence) {
    return std::vector<Ledger::Sync>{{.partition = p,
                                      .sequence = {sequence},
                                      .left_join_count = 1,
                                      .join_count = 99,
                                      .spent = 5,
                                      .status = "ACTIVE",
                                      .at = log_.now()}};
  };
  EXPECT_TRUE(ledger().sync(at(5)).value());
  EXPECT_FALSE(ledger().sync(at(4)).value());
  EXPECT_TRUE(ledger().sync(at(5)).value()) << "a status may turn by the calendar, without an event";
  EXPECT_TRUE(ledger().sync(at(6)).value());
}

TEST_P(LedgerContract, TotalsOfWhatIsLostDoNotOutliveIt) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  apply();
  const auto at = [&](std::uint64_t sequence, std::int64_t joins) {
    return std::vector<Ledger::Sync>{{.partition = p,
                                      .sequence = {sequence},
                                      .left_join_count = 100 - joins,
                                      .join_count = joins,
                                      .spent = 5 * joins,
                                      .status = "ACTIVE",
                                      .at = log_.now()}};
  };
  ASSERT_TRUE(ledger().sync(at(7, 6)).value());
  const auto begun = under_test_->begin_later_epoch(p, {2});
  if (!begun) return;  // it keeps no log: its hot state is never lost alone
  ASSERT_TRUE(begun->value());
  EXPECT_TRUE(ledger().sync(at(3, 2)).value()) << "what was lost is behind it no more";
  EXPECT_EQ(under_test_->sql("select title || '|' || revision || '|' || left_join_count || '|' || join_count || '|' || "
                             "spent || '|' || status from promotion"),
            std::vector<std::string>{"Promotion p|1|98|2|10|ACTIVE"});
}

TEST_P(LedgerContract, KeepsTheLastFiftyRefusalsOfEachUser) {
  refuse("ann", 70, {1000});
  refuse("bob", 3, {1000});
  refuse("ann", 1, {5000});
  const std::vector<RefusalRow> ann = ledger().refusals(ref_of("ann")).value();
  ASSERT_EQ(ann.size(), static_cast<std::size_t>(Ledger::kRefusalsKept));
  EXPECT_EQ(ann.front().at.ms, 1021);
  EXPECT_EQ(ann.back().at.ms, 5000);
  EXPECT_EQ(ann.back().promotion_id, "p");
  EXPECT_EQ(ann.back().code, "SOLD_OUT");
  EXPECT_EQ(ann.back().detail, "TOTAL");
  EXPECT_EQ(ledger().refusals(ref_of("bob"))->size(), 3U);
  EXPECT_TRUE(ledger().refusals(ref_of("eve"))->empty());
}

TEST_P(LedgerContract, DropsRefusalsOlderThanTheLimitOnly) {
  refuse("ann", 5, {1000});
  EXPECT_EQ(ledger().drop_older_than(Ledger::Retention::of_all({1003})).value(), 3);
  EXPECT_EQ(ledger().refusals(ref_of("ann"))->front().at.ms, 1003);
  EXPECT_EQ(ledger().drop_older_than(Ledger::Retention::of_all({1003})).value(), 0);
}

TEST_P(LedgerContract, DropsTheBookkeepingOfEffectsSettledBeforeTheLimitButNotWhatHappened) {
  const PartitionNo p = log_.promotion("p");
  const EffectId done = log_.join(p, "ann");
  const EffectId dead = log_.join(p, "bob");
  apply();
  ASSERT_EQ(effects().take_due(PartnerEndpoint::accruals, {5}, 10)->size(), 2U);
  log_.settle(done, EffectSettled::Outcome::done);
  log_.settle(dead, EffectSettled::Outcome::dead, "422");
  apply();
  EXPECT_EQ(ledger().drop_older_than(Ledger::Retention::of_all(kStart)).value(), 0);
  EXPECT_EQ(ledger().drop_older_than(Ledger::Retention::of_all({log_.now().ms + 1})).value(), 1);
  EXPECT_EQ(ledger().rewards(ref_of("ann"), p)->at(0).state, "DONE");
  EXPECT_EQ(rows_of("ann")[0].accrual, AccrualState::done);
  EXPECT_EQ(effects().dead_letters(0, 10)->at(0).last_error, "422");
}

// --- Participations

TEST_P(LedgerContract, ShowsAParticipationAsItWasDecided) {
  const PartitionNo p = log_.promotion("p");
  log_.define(p, "New title", 50);
  log_.join(p, "ann", {.day = {20270}, .amount = 700});
  apply();
  const std::vector<ParticipationRow> found = rows_of("ann");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].ordinal, 1);
  EXPECT_EQ(found[0].partition, p);
  EXPECT_EQ(found[0].epoch, Epoch{1});
  EXPECT_EQ(found[0].sequence, Sequence{3});
  EXPECT_EQ(found[0].user, ref_of("ann"));
  EXPECT_EQ(found[0].user_id, "ann");
  EXPECT_EQ(found[0].promotion_id, "p");
  EXPECT_EQ(found[0].day, LocalDay{20270});
  EXPECT_EQ(found[0].amount, 700);
  EXPECT_EQ(found[0].at, log_.now());
  EXPECT_EQ(found[0].revision, Revision{2});
  EXPECT_FALSE(found[0].test);
  EXPECT_EQ(found[0].accrual, AccrualState::pending);
}

TEST_P(LedgerContract, SendsNothingInTestModeAndForNoPoints) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann", {.test = true});
  log_.join(p, "bob", {.amount = 0});
  apply();
  EXPECT_EQ(rows_of("ann")[0].accrual, AccrualState::done);
  EXPECT_TRUE(rows_of("ann")[0].test);
  EXPECT_EQ(rows_of("bob")[0].accrual, AccrualState::done);
  EXPECT_TRUE(effects().take_due(PartnerEndpoint::accruals, {1}, 10)->empty());
  EXPECT_TRUE(ledger().rewards(ref_of("ann"), {})->empty());
  EXPECT_EQ(ledger().totals(p).value()->accruals_done, 2);
}

TEST_P(LedgerContract, NumbersParticipationsInTheOrderOfDecisionOverAllPromotions) {
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  log_.join(q, "ann");
  log_.join(p, "ann");
  apply();
  log_.join(q, "bob");
  apply();
  const std::vector<ParticipationRow> found = rows({});
  ASSERT_EQ(found.size(), 3U);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].ordinal, static_cast<std::int64_t>(i + 1));
  EXPECT_EQ(found[0].partition, q);
  EXPECT_EQ(found[1].partition, p);
}

TEST_P(LedgerContract, FindsParticipationsByUserPromotionAndInclusiveDays) {
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  for (std::int32_t day = 0; day < 10; ++day) {
    for (const char* user : {"ann", "bob"}) {
      log_.join(p, user, {.day = {20000 + day}});
      log_.join(q, user, {.day = {20000 + day}});
    }
  }
  apply();
  EXPECT_EQ(rows({}).size(), 40U);
  EXPECT_EQ(rows({.user = ref_of("ann")}).size(), 20U);
  EXPECT_EQ(rows({.partition = p}).size(), 20U);
  EXPECT_EQ(rows({.user = ref_of("ann"), .partition = p}).size(), 10U);
  EXPECT_EQ(rows({.from = LocalDay{20002}, .to = LocalDay{20003}}).size(), 8U);
  const std::vector<ParticipationRow> found =
      rows({.user = ref_of("bob"), .partition = q, .from = LocalDay{20002}, .to = LocalDay{20004}});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found.front().day, LocalDay{20002});
  EXPECT_EQ(found.back().day, LocalDay{20004});
  for (const ParticipationRow& row : found) EXPECT_EQ(row.promotion_id, "q");
  EXPECT_TRUE(rows_of("eve").empty());
  EXPECT_TRUE(rows({.partition = PartitionNo{99}}).empty());
}

TEST_P(LedgerContract, PagingSeesEachItemExactlyOnceWhileRowsAreAdded) {
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  const auto add = [&](std::int32_t day) {
    log_.join(p, "ann", {.day = {day}});
    log_.join(q, "bob", {.day = {day}});
    log_.join(q, "ann", {.day = {day}});
    apply();
  };
  for (std::int32_t day = 0; day < 10; ++day) add(day);
  for (const Ledger::ParticipationQuery& query :
       {Ledger::ParticipationQuery{.user = ref_of("ann")}, Ledger::ParticipationQuery{.partition = q},
        Ledger::ParticipationQuery{}}) {
    static std::int32_t next_day = 10;
    const std::size_t listed = rows({.user = query.user, .partition = query.partition, .limit = 1000}).size();
    std::vector<std::int64_t> seen;
    Ledger::ParticipationQuery page = query;
    page.limit = 3;
    while (seen.size() < listed) {
      const std::vector<ParticipationRow> found = rows(page);
      ASSERT_FALSE(found.empty());
      ASSERT_LE(found.size(), 3U);
      for (const ParticipationRow& row : found) seen.push_back(row.ordinal);
      page.after = found.back().ordinal;
      add(next_day++);
    }
    std::vector<std::int64_t> all;
    for (const ParticipationRow& row : rows({.user = query.user, .partition = query.partition, .limit = 1000}))
      all.push_back(row.ordinal);
    all.resize(seen.size());
    EXPECT_EQ(seen, all);
  }
  EXPECT_TRUE(rows({.limit = 0}).empty());
}

TEST_P(LedgerContract, KeepsWhatAnErasedUserIsRefusedLater) {
  log_.promotion("p");
  for (const char* user : {"ann", "eve"}) log_.erase(user);
  apply();
  const Instant erased = log_.now();
  for (const char* user : {"ann", "eve"}) {
    refuse(user, 1, {erased.ms - 5});
    refuse(user, 2, {erased.ms + 5});
    EXPECT_EQ(ledger().refusals(ref_of(user))->size(), 2U) << user;
    EXPECT_EQ(ledger().refusals(ref_of(user))->front().at.ms, erased.ms + 5) << user;
  }
  log_.erase("ann");
  apply();
  EXPECT_TRUE(ledger().refusals(ref_of("ann"))->empty());
  EXPECT_EQ(ledger().refusals(ref_of("eve"))->size(), 2U);
}

TEST_P(LedgerContract, AnErasedUserKeepsItsRowsAndLosesItsIdAndRefusals) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.join(p, "bob");
  apply();
  refuse("ann", 2, {1000});
  refuse("bob", 2, {1000});
  log_.erase("ann");
  apply();
  ASSERT_EQ(rows_of("ann").size(), 1U);
  EXPECT_EQ(rows_of("ann")[0].user_id, "");
  EXPECT_EQ(rows_of("bob")[0].user_id, "bob");
  EXPECT_TRUE(ledger().refusals(ref_of("ann"))->empty());
  EXPECT_EQ(ledger().refusals(ref_of("bob"))->size(), 2U);
  refuse("ann", 1, {9000});  // still under way when the user was erased
  EXPECT_TRUE(ledger().refusals(ref_of("ann"))->empty());
  log_.name_erased("ann");  // as the log reads from now on
  log_.join(p, "cid");
  apply();
  EXPECT_EQ(rows_of("ann")[0].user_id, "");
}

TEST_P(LedgerContract, AUserWhoComesBackAfterAnErasureHasAnIdAgainWhereverTheBatchEnds) {
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  log_.join(p, "ann");
  log_.erase("ann");
  log_.join(q, "ann");
  apply();
  EXPECT_EQ(rows_of("ann")[1].user_id, "ann");
  log_.erase("ann");
  apply();
  log_.join(q, "ann", {.day = {30000}});
  apply();
  EXPECT_EQ(rows_of("ann")[2].user_id, "ann");
}

// --- The rest of the reading

TEST_P(LedgerContract, TotalsAreTheLedgersOwnCount) {
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  const EffectId ann = log_.join(p, "ann");
  const EffectId bob = log_.join(p, "bob", {.amount = 20});
  log_.join(p, "cid");
  log_.settle(ann, EffectSettled::Outcome::done);
  log_.settle(bob, EffectSettled::Outcome::dead, "no such account");
  apply();
  const LedgerTotals totals = *ledger().totals(p).value();
  EXPECT_EQ(totals.partition, p);
  EXPECT_EQ(totals.participations, 3);
  EXPECT_EQ(totals.spent, 1020);
  EXPECT_EQ(totals.accruals_done, 1);
  EXPECT_EQ(totals.accruals_failed, 1);
  EXPECT_EQ(totals.accruals_pending, 1);
  EXPECT_EQ(ledger().totals(q).value()->participations, 0);
  EXPECT_FALSE(ledger().totals(PartitionNo{99}).value());
  EXPECT_EQ(ledger().totals()->size(), 2U);
}

TEST_P(LedgerContract, RewardsTellWhatHappened) {
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  const EffectId first = log_.join(p, "ann");
  log_.join(q, "ann", {.amount = 7});
  apply();
  ASSERT_EQ(effects().take_due(PartnerEndpoint::accruals, {9}, 1)->size(), 1U);
  log_.settle(first, EffectSettled::Outcome::dead, "no such account");
  apply();
  const std::vector<RewardRow> rewards = ledger().rewards(ref_of("ann"), std::nullopt).value();
  ASSERT_EQ(rewards.size(), 2U);
  EXPECT_EQ(rewards[0].state, "DEAD");
  EXPECT_EQ(rewards[0].tries, 1);
  EXPECT_EQ(rewards[0].last_error, "no such account");
  EXPECT_EQ(rewards[0].amount, 500);
  EXPECT_EQ(rewards[0].effect_id.size(), 36U);
  EXPECT_EQ(rewards[1].state, "PENDING");
  EXPECT_EQ(rewards[1].promotion_id, "q");
  EXPECT_EQ(ledger().rewards(ref_of("ann"), q)->size(), 1U);
  EXPECT_TRUE(ledger().rewards(ref_of("bob"), std::nullopt)->empty());
}

TEST_P(LedgerContract, EveryOperatorActionIsAuditedWithWhoWhenBeforeAfterWhy) {
  const PartitionNo p = log_.promotion("p");
  log_.define(p, "New title", 50);
  log_.add(kSystemPartition, PausedAll{.paused = true, .audit = LogBuilder::audit("pauseAll")});
  log_.add(kSystemPartition, PausedAll{.paused = false, .audit = LogBuilder::audit("resumeAll")});
  log_.name("ann");
  log_.add(kSystemPartition,
           UserBlocked{.user = ref_of("ann"), .blocked = true, .audit = LogBuilder::audit("blockUser")});
  log_.add(kSystemPartition,
           UserBlocked{.user = ref_of("ann"), .blocked = false, .audit = LogBuilder::audit("unblockUser")});
  log_.add(kSystemPartition, Audited{.audit = LogBuilder::audit("redrive"), .subject = "42"});
  apply();
  const std::vector<AuditRow> audit = ledger().audit(0, 100).value();
  ASSERT_EQ(audit.size(), 7U);
  for (std::size_t i = 0; i < audit.size(); ++i) {
    EXPECT_EQ(audit[i].seq, static_cast<std::int64_t>(i + 1));
    EXPECT_EQ(audit[i].actor, "key-1");
    EXPECT_EQ(audit[i].reason, "because");
    EXPECT_EQ(audit[i].chain.size(), 64U);
    EXPECT_GT(audit[i].at, kStart);
  }
  EXPECT_EQ(audit[0].subject, "p");
  EXPECT_EQ(audit[0].before, "");
  EXPECT_NE(audit[0].after.find("Promotion p"), std::string::npos);
  EXPECT_EQ(audit[1].before, audit[0].after);
  EXPECT_NE(audit[1].after.find("New title"), std::string::npos);
  EXPECT_EQ(audit[2].action, "pauseAll");
  EXPECT_EQ(audit[2].before, R"({"paused":false})");
  EXPECT_EQ(audit[2].after, R"({"paused":true})");
  EXPECT_EQ(audit[3].before, R"({"paused":true})");
  EXPECT_EQ(audit[4].subject, "ann");
  EXPECT_EQ(audit[4].before, R"({"blocked":false})");
  EXPECT_EQ(audit[4].after, R"({"blocked":true})");
  EXPECT_EQ(audit[5].before, R"({"blocked":true})");
  EXPECT_EQ(audit[5].after, R"({"blocked":false})");
  EXPECT_EQ(audit[6].subject, "42");
  EXPECT_EQ(ledger().audit(2, 3)->front().seq, 3);
  EXPECT_EQ(ledger().audit(2, 3)->size(), 3U);
}

TEST_P(LedgerContract, TheAuditOfKeysShowsTheirRolesAndNeverTheirHashes) {
  log_.keys_changed("k1", R"([{"keyId":"k1","name":"ops","role":"operator","sha256":"c0ffee"}])");
  log_.keys_changed(
      "k2",
      R"([{"keyId":"k1","name":"ops","role":"operator","sha256":"c0ffee"},{"keyId":"k2","name":"gw","role":"gateway","sha256":"beef"}])");
  log_.keys_changed("k1", R"([{"keyId":"k2","name":"gw","role":"gateway","sha256":"beef"}])");
  apply();
  const std::vector<AuditRow> audit = ledger().audit(0, 10).value();
  ASSERT_EQ(audit.size(), 3U);
  EXPECT_EQ(audit[0].subject, "k1");
  EXPECT_EQ(audit[0].before, "");
  EXPECT_EQ(audit[0].after, R"({"keyId":"k1","name":"ops","role":"operator"})");
  EXPECT_EQ(audit[1].after, R"({"keyId":"k2","name":"gw","role":"gateway"})");
  EXPECT_EQ(audit[2].before, audit[0].after);
  EXPECT_EQ(audit[2].after, "");
}

TEST_P(LedgerContract, AnErasedUserIsGoneFromTheAuditAsWell) {
  log_.name("ann");
  log_.add(kSystemPartition,
           UserBlocked{.user = ref_of("ann"), .blocked = true, .audit = LogBuilder::audit("blockUser")});
  log_.erase("ann");
  apply();
  const std::vector<AuditRow> audit = ledger().audit(0, 10).value();
  ASSERT_EQ(audit.size(), 2U);
  for (const AuditRow& row : audit) {
    EXPECT_EQ(row.subject.find("ann"), std::string::npos);
    EXPECT_EQ(row.subject, audit[0].subject);
    EXPECT_FALSE(row.subject.empty());
  }
}

TEST_P(LedgerContract, IsAProjectionOfTheLogHoweverItIsCutIntoBatches) {
  const PartitionNo p = log_.promotion("p");
  std::vector<EffectId> effects_of;
  for (std::int32_t i = 0; i < 20; ++i)
    effects_of.push_back(log_.join(p, "u" + std::to_string(i % 5), {.day = {i / 5}, .amount = i}));
  log_.settle(effects_of[7], EffectSettled::Outcome::done);
  log_.settle(effects_of[8], EffectSettled::Outcome::dead, "x");
  log_.erase("u3");
  const LogBatch whole = log_.batch();
  ASSERT_TRUE(ledger().apply(whole).value());
  const std::unique_ptr<LedgerUnderTest> other = GetParam().make({});
  LogBatch part;
  part.identities = whole.identities;
  for (std::size_t i = 0; i < whole.events.size(); ++i) {
    part.events = {whole.events[i]};
    part.position = i + 1;
    ASSERT_TRUE(other->store().apply(part).value());
    part.identities.clear();
  }
  const std::vector<ParticipationRow> here = rows({.limit = 100});
  const std::vector<ParticipationRow> there = other->store().participations({.limit = 100}).value();
  ASSERT_EQ(here.size(), 20U);
  ASSERT_EQ(there.size(), here.size());
  for (std::size_t i = 0; i < here.size(); ++i) {
    EXPECT_EQ(here[i].ordinal, there[i].ordinal);
    EXPECT_EQ(here[i].user_id, there[i].user_id);
    EXPECT_EQ(here[i].sequence, there[i].sequence);
    EXPECT_EQ(here[i].accrual, there[i].accrual);
  }
  EXPECT_EQ(ledger().audit(0, 10)->back().chain, other->store().audit(0, 10)->back().chain);
}

TEST_P(LedgerContract, ReadersSeeWholeBatchesWhileOneWrites) {
  constexpr int kBatches = 60;
  constexpr std::int64_t kJoins = 20;
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "first");
  apply();
  std::atomic<bool> done = false;
  std::atomic<int> failures = 0;
  std::atomic<int> reads = 0;
  const auto reader = [&] {
    std::int64_t seen = 0;
    while (!done) {
      const auto totals = ledger().totals(p);
      const auto last = ledger().participations({.partition = p, .after = seen, .limit = 1000});
      const bool fine = totals && last && (*totals)->participations % kJoins == 1 && (*totals)->participations >= seen;
      if (!fine) ++failures;
      if (last && !last->empty()) seen = last->back().ordinal;
      if (seen % kJoins != 1) ++failures;
      ++reads;
    }
  };
  std::thread one(reader);
  std::thread two(reader);
  for (int batch = 0; batch < kBatches; ++batch) {
    for (std::int64_t i = 0; i < kJoins; ++i) log_.join(p, "u" + std::to_string(i), {.day = {batch}});
    apply();
  }
  while (reads == 0) std::this_thread::yield();
  done = true;
  one.join();
  two.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(ledger().totals(p).value()->participations, kBatches * kJoins + 1);
}

}  // namespace windfall::contract

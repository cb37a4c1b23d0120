// What every ledger notices by itself: contradictions in the log, a forged audit, counts that do not fit; and what it
// knows of one person. One line of a backend, as for LedgerContract.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ledger/ledger_contract.hpp"

namespace windfall::contract {

class FindingsContract : public LedgerContract {};

TEST_P(FindingsContract, APlantedDoubleJoinIsAnAlarmAndAFindingAndStopsNothing) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.join(p, "ann");  // the guard of the hot state has failed
  log_.join(p, "bob");
  apply();
  const std::vector<LedgerFinding> findings = store().findings().value();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].kind, "JOINED_TWICE");
  EXPECT_EQ(findings[0].partition, p);
  EXPECT_EQ(findings[0].sequence, Sequence{3});
  ASSERT_EQ(under_test_->alarms.size(), 1U);
  EXPECT_NE(under_test_->alarms[0].find("JOINED_TWICE"), std::string::npos);
  EXPECT_EQ(store().participations({})->size(), 2U);
  EXPECT_EQ(store().participations({})->back().ordinal, 2);
  EXPECT_EQ(store().totals(p).value()->participations, 2);
  EXPECT_EQ(store().gauges()->pending, 2);
  EXPECT_TRUE(store().integrity()->empty());
  EXPECT_EQ(store().position().value(), log_.position());
}

TEST_P(FindingsContract, TheSameEventAgainIsIgnored) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  LogBatch batch = log_.batch();
  ASSERT_TRUE(store().apply(batch));
  batch.position += 10;
  batch.events.erase(batch.events.begin());
  ASSERT_TRUE(store().apply(batch));
  EXPECT_TRUE(store().findings()->empty());
  EXPECT_EQ(store().totals(p).value()->participations, 1);
  EXPECT_EQ(store().gauges()->pending, 1);
}

TEST_P(FindingsContract, ASettlementOfNothingChangesNothing) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.settle(EffectId{1, 2, 3}, EffectSettled::Outcome::done);
  apply();
  EXPECT_EQ(store().gauges()->pending, 1);
  EXPECT_EQ(store().position().value(), log_.position());
  EXPECT_TRUE(store().integrity()->empty());
}

TEST_P(FindingsContract, TwoParticipationsWithOneIdempotencyKeyAreAFinding) {
  under_test_ = GetParam().make(
      {.event_ids = [](std::string_view promotion, Epoch epoch, Sequence sequence, std::uint32_t effect) {
        return LedgerEventIds{.event = test_event_ids(promotion, epoch, sequence, effect).event, .effect = {9}};
      }});
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.join(p, "bob");
  apply();
  ASSERT_EQ(store().findings()->size(), 1U);
  EXPECT_EQ(store().findings()->at(0).kind, "EFFECT_ID_TAKEN");
  EXPECT_TRUE(store().integrity()->empty());
}

TEST_P(FindingsContract, ThePromotionsDocumentFollowsTheLogAndTheSync) {
  const PartitionNo p = log_.promotion("p");
  apply();
  const auto document = [&] {
    return under_test_->sql(
        "select title || '|' || revision || '|' || left_join_count || '|' || join_count || '|' || spent || '|' "
        "|| status from promotion")[0];
  };
  EXPECT_EQ(document(), "Promotion p|1|100|0|0|");
  log_.define(p, "Better", 60);
  apply();
  EXPECT_EQ(document(), "Better|2|100|0|0|");
  ASSERT_TRUE(store().sync({{.partition = p,
                             .sequence = {9},
                             .left_join_count = 58,
                             .join_count = 2,
                             .spent = 1000,
                             .status = "ACTIVE",
                             .at = {5}}}));
  ASSERT_TRUE(store().sync({{.partition = p,
                             .sequence = {8},
                             .left_join_count = 59,
                             .join_count = 1,
                             .spent = 500,
                             .status = "PAUSED",
                             .at = {4}}}));
  EXPECT_EQ(document(), "Better|2|58|2|1000|ACTIVE");
  EXPECT_EQ(under_test_->sql("select count(*) from definition_history"), std::vector<std::string>{"2"});
}

TEST_P(FindingsContract, ADefinitionThatIsNoJsonIsKeptAsItIs) {
  log_.add(PartitionNo{1}, DefinitionChanged{.id = "p", .definition = "opaque", .audit = {}});
  apply();
  EXPECT_EQ(under_test_->sql("select definition from promotion"), std::vector<std::string>{"opaque"});
}

TEST_P(FindingsContract, TheAuditChainCatchesTampering) {
  for (int i = 0; i < 6; ++i)
    log_.add(kSystemPartition, Audited{.audit = LogBuilder::audit("redrive"), .subject = std::to_string(i)});
  const LogBatch batch = log_.batch();
  for (const char* forgery :
       {"update audit set reason = 'another' where seq = 3", "update audit set actor = 'nobody' where seq = 1",
        "update audit set after = '{}' where seq = 2", "delete from audit where seq = 4",
        "delete from audit where seq = 6", "delete from audit where seq = 1",
        "update audit set subject = '12' where seq = 2; update audit set chain = (select chain from audit where seq = "
        "3) where seq = 2"}) {
    SCOPED_TRACE(forgery);
    under_test_ = GetParam().make({});
    ASSERT_TRUE(store().apply(batch));
    ASSERT_FALSE(store().first_broken_audit().value());
    under_test_->sql(forgery);
    EXPECT_TRUE(store().first_broken_audit().value());
  }
}

TEST_P(FindingsContract, TheAuditChainHoldsAfterAnErasure) {
  log_.name("ann");
  log_.add(kSystemPartition,
           UserBlocked{.user = ref_of("ann"), .blocked = true, .audit = LogBuilder::audit("blockUser")});
  apply();
  log_.erase("ann");
  apply();
  EXPECT_FALSE(store().first_broken_audit().value());
  EXPECT_EQ(under_test_->sql("select count(*) from audit where subject like '%ann%'"), std::vector<std::string>{"0"});
}

TEST_P(FindingsContract, CountsThatDoNotFitTheRowsAreFound) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.join(p, "bob");
  apply();
  ASSERT_TRUE(store().take_due(PartnerEndpoint::accruals, {1}, 1));
  ASSERT_TRUE(store().integrity()->empty());
  under_test_->sql("update effect_count set count = count + 1 where state = 0");
  EXPECT_EQ(store().integrity()->size(), 1U);
  under_test_->sql("delete from participation where ordinal = 1");
  EXPECT_EQ(store().integrity()->size(), 2U);
}

TEST_P(FindingsContract, PointsThatPass64BitsStayAtTheEndOfTheScaleAndAreNoDifference) {
  const PartitionNo p = log_.promotion("p");
  const auto spent = [&] { return store().totals(p).value()->spent; };
  log_.join(p, "ann", {.amount = INT64_MAX - 1});
  apply();
  EXPECT_EQ(spent(), INT64_MAX - 1);
  EXPECT_TRUE(store().integrity()->empty());
  log_.join(p, "bob", {.amount = 2});
  apply();
  EXPECT_EQ(spent(), INT64_MAX);
  log_.join(p, "eve", {.amount = INT64_MAX});
  log_.join(p, "dan", {.amount = INT64_MAX});
  apply();
  EXPECT_EQ(spent(), INT64_MAX);
  EXPECT_TRUE(store().integrity()->empty());
  under_test_->sql("update total set spent = spent - 1");
  EXPECT_EQ(store().integrity()->size(), 1U);
}

TEST_P(FindingsContract, TheDigestIsThatOfTheLogAndNothingElse) {
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  for (int i = 0; i < 50; ++i) {
    log_.join(p, "u" + std::to_string(i), {.amount = i});
    log_.join(q, "u" + std::to_string(i));
  }
  const LogBatch batch = log_.batch();
  ASSERT_TRUE(store().apply(batch));
  ParticipationDigest expected;
  for (auto recorded = batch.events.rbegin(); recorded != batch.events.rend(); ++recorded) {
    const auto* joined = std::get_if<Participated>(&recorded->event);
    if (joined != nullptr && recorded->partition == p)
      expected.add(joined->user, joined->day, joined->amount, recorded->sequence);
  }
  EXPECT_EQ(store().digest(p).value(), expected);
  EXPECT_EQ(expected.count, 50U);
  EXPECT_NE(store().digest(q).value(), expected);
  under_test_->sql("update participation set amount = amount + 1 where ordinal = 1");
  EXPECT_NE(store().digest(p).value(), expected);
}

TEST_P(FindingsContract, TheBookListsEveryEffect) {
  const PartitionNo p = log_.promotion("p");
  const EffectId ann = log_.join(p, "ann");
  log_.join(p, "bob", {.amount = 9});
  log_.settle(ann, EffectSettled::Outcome::done);
  apply();
  std::vector<BookEntry> book;
  EXPECT_EQ(store().effect_book([&](const BookEntry& entry) { book.push_back(entry); }).value(), 2);
  ASSERT_EQ(book.size(), 2U);
  EXPECT_EQ(book[0].effect, ann);
  EXPECT_EQ(book[0].kind, EffectKind::accrual);
  EXPECT_EQ(book[0].user_id, "ann");
  EXPECT_EQ(book[0].state, "DONE");
  EXPECT_EQ(book[1].promotion_id, "p");
  EXPECT_EQ(book[1].amount, 9);
  EXPECT_EQ(book[1].state, "PENDING");
}

TEST_P(FindingsContract, APersonCanBeExportedAndFoundUntilErased) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.add(kSystemPartition,
           UserBlocked{.user = ref_of("ann"), .blocked = true, .audit = LogBuilder::audit("blockUser")});
  apply();
  ASSERT_TRUE(store().add_refusals(
      {{ref_of("ann"), RefusalRow{.at = {1}, .promotion_id = "p", .code = "BLOCKED", .detail = ""}}}));
  const UserExport before = store().export_user(ref_of("ann")).value();
  EXPECT_EQ(before.user_id, "ann");
  EXPECT_TRUE(before.blocked);
  EXPECT_EQ(before.participations.size(), 1U);
  EXPECT_EQ(before.rewards.size(), 1U);
  EXPECT_EQ(before.refusals.size(), 1U);
  ASSERT_EQ(before.audit.size(), 1U);
  EXPECT_EQ(before.audit[0].action, "blockUser");
  EXPECT_EQ(store().user_id(ref_of("ann")).value(), "ann");
  EXPECT_EQ(store().known_user("ann").value(), ref_of("ann"));
  EXPECT_EQ(store().participation_of(p, Epoch{1}, Sequence{2}).value()->user_id, "ann");
  EXPECT_FALSE(store().participation_of(p, Epoch{2}, Sequence{2}).value());
  log_.erase("ann");
  apply();
  EXPECT_EQ(store().user_id(ref_of("ann")).value(), "");
  EXPECT_FALSE(store().known_user("ann").value());
  EXPECT_EQ(store().export_user(ref_of("ann"))->user_id, "");
  EXPECT_TRUE(store().export_user(ref_of("ann"))->refusals.empty());
}

}  // namespace windfall::contract

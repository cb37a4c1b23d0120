// What the ledger notices by itself: contradictions in the log, a forged audit, counts that do not fit, a damaged file;
// and what it knows of one person.
#include <gtest/gtest.h>

#include "sqlite/sqlite_fixture.hpp"

namespace windfall::sqlite {
namespace {

using contract::ref_of;

class Findings : public testing::Test {
 protected:
  void apply() {
    const auto applied = ledger_->apply(log_.batch());
    ASSERT_TRUE(applied) << applied.error().message;
  }
  std::unique_ptr<SqliteLedger> open() {
    Options options = test_options(path_);
    options.alarm = [this](std::string_view line) { alarms_.emplace_back(line); };
    return SqliteLedger::open(std::move(options)).value();
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.file("ledger.db");
  std::vector<std::string> alarms_;
  std::unique_ptr<SqliteLedger> ledger_ = open();
  contract::LogBuilder log_;
};

TEST_F(Findings, APlantedDoubleJoinIsAnAlarmAndAFindingAndStopsNothing) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.join(p, "ann");  // the guard of the hot state has failed
  log_.join(p, "bob");
  apply();
  const std::vector<Finding> findings = ledger_->findings().value();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].kind, "JOINED_TWICE");
  EXPECT_EQ(findings[0].partition, p);
  EXPECT_EQ(findings[0].sequence, Sequence{3});
  ASSERT_EQ(alarms_.size(), 1U);
  EXPECT_NE(alarms_[0].find("JOINED_TWICE"), std::string::npos);
  EXPECT_EQ(ledger_->participations({})->size(), 2U);
  EXPECT_EQ(ledger_->participations({})->back().ordinal, 2);
  EXPECT_EQ(ledger_->totals(p).value()->participations, 2);
  EXPECT_EQ(ledger_->gauges()->pending, 2);
  EXPECT_TRUE(ledger_->integrity()->empty());
  EXPECT_EQ(ledger_->position().value(), log_.position());
}

TEST_F(Findings, TheSameEventAgainIsIgnored) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  LogBatch batch = log_.batch();
  ASSERT_TRUE(ledger_->apply(batch));
  batch.position += 10;
  batch.events.erase(batch.events.begin());
  ASSERT_TRUE(ledger_->apply(batch));
  EXPECT_TRUE(ledger_->findings()->empty());
  EXPECT_EQ(ledger_->totals(p).value()->participations, 1);
  EXPECT_EQ(ledger_->gauges()->pending, 1);
}

TEST_F(Findings, ASettlementOfNothingChangesNothing) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.settle(EffectId{1, 2, 3}, EffectSettled::Outcome::done);
  apply();
  EXPECT_EQ(ledger_->gauges()->pending, 1);
  EXPECT_EQ(ledger_->position().value(), log_.position());
  EXPECT_TRUE(ledger_->integrity()->empty());
}

TEST_F(Findings, TwoParticipationsWithOneIdempotencyKeyAreAFinding) {
  ledger_.reset();
  Options options = test_options(path_);
  options.event_ids = [](std::string_view promotion, Epoch epoch, Sequence sequence, std::uint32_t effect) {
    return EventIds{.event = test_event_ids(promotion, epoch, sequence, effect).event, .effect = {9}};
  };
  ledger_ = SqliteLedger::open(std::move(options)).value();
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.join(p, "bob");
  apply();
  ASSERT_EQ(ledger_->findings()->size(), 1U);
  EXPECT_EQ(ledger_->findings()->at(0).kind, "EFFECT_ID_TAKEN");
  EXPECT_TRUE(ledger_->integrity()->empty());
}

TEST_F(Findings, ThePromotionsDocumentFollowsTheLogAndTheSync) {
  const PartitionNo p = log_.promotion("p");
  apply();
  const auto document = [&] {
    return sql(path_,
               "select title || '|' || revision || '|' || left_join_count || '|' || join_count || '|' || spent || '|' "
               "|| status from promotion")[0];
  };
  EXPECT_EQ(document(), "Promotion p|1|100|0|0|");
  log_.define(p, "Better", 60);
  apply();
  EXPECT_EQ(document(), "Better|2|100|0|0|");
  ASSERT_TRUE(ledger_->sync({{.partition = p,
                              .sequence = {9},
                              .left_join_count = 58,
                              .join_count = 2,
                              .spent = 1000,
                              .status = "ACTIVE",
                              .at = {5}}}));
  ASSERT_TRUE(ledger_->sync({{.partition = p,
                              .sequence = {8},
                              .left_join_count = 59,
                              .join_count = 1,
                              .spent = 500,
                              .status = "PAUSED",
                              .at = {4}}}));
  EXPECT_EQ(document(), "Better|2|58|2|1000|ACTIVE");
  EXPECT_EQ(sql(path_, "select count(*) from definition_history"), std::vector<std::string>{"2"});
}

TEST_F(Findings, ADefinitionThatIsNoJsonIsKeptAsItIs) {
  log_.add(PartitionNo{1}, DefinitionChanged{.id = "p", .definition = "opaque", .audit = {}});
  apply();
  EXPECT_EQ(sql(path_, "select definition from promotion"), std::vector<std::string>{"opaque"});
}

class AuditChain : public Findings, public testing::WithParamInterface<const char*> {};

TEST_P(AuditChain, CatchesTampering) {
  for (int i = 0; i < 6; ++i)
    log_.add(kSystemPartition, Audited{.audit = contract::LogBuilder::audit("redrive"), .subject = std::to_string(i)});
  apply();
  ASSERT_FALSE(ledger_->first_broken_audit().value());
  sql(path_, GetParam());
  EXPECT_TRUE(ledger_->first_broken_audit().value());
}

INSTANTIATE_TEST_SUITE_P(Each, AuditChain,
                         testing::Values("update audit set reason = 'another' where seq = 3",
                                         "update audit set actor = 'nobody' where seq = 1",
                                         "update audit set at = at + 1 where seq = 6",
                                         "update audit set after = '{}' where seq = 2",
                                         "update audit set subject_user = zeroblob(16) where seq = 2",
                                         "delete from audit where seq = 4", "delete from audit where seq = 6",
                                         "delete from audit where seq = 1",
                                         "update audit set subject = '12' where seq = 2; update audit set chain = "
                                         "(select chain from audit where seq = 3) where seq = 2"));

TEST_F(Findings, TheAuditChainHoldsAfterAnErasure) {
  log_.name("ann");
  log_.add(kSystemPartition,
           UserBlocked{.user = ref_of("ann"), .blocked = true, .audit = contract::LogBuilder::audit("blockUser")});
  apply();
  log_.erase("ann");
  apply();
  EXPECT_FALSE(ledger_->first_broken_audit().value());
  EXPECT_EQ(sql(path_, "select count(*) from audit where subject like '%ann%'"), std::vector<std::string>{"0"});
}

TEST_F(Findings, CountsThatDoNotFitTheRowsAreFound) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.join(p, "bob");
  apply();
  ASSERT_TRUE(ledger_->take_due({1}, 1));
  ASSERT_TRUE(ledger_->integrity()->empty());
  sql(path_, "update effect_count set count = count + 1 where state = 0");
  EXPECT_EQ(ledger_->integrity()->size(), 1U);
  sql(path_, "delete from participation where ordinal = 1");
  EXPECT_EQ(ledger_->integrity()->size(), 2U);
}

TEST_F(Findings, PointsThatPass64BitsStayAtTheEndOfTheScaleAndAreNoDifference) {
  const PartitionNo p = log_.promotion("p");
  const auto spent = [&] { return ledger_->totals(p).value()->spent; };
  log_.join(p, "ann", {.amount = INT64_MAX - 1});
  apply();
  EXPECT_EQ(spent(), INT64_MAX - 1);
  EXPECT_TRUE(ledger_->integrity()->empty());
  log_.join(p, "bob", {.amount = 2});
  apply();
  EXPECT_EQ(spent(), INT64_MAX);
  log_.join(p, "eve", {.amount = INT64_MAX});
  log_.join(p, "dan", {.amount = INT64_MAX});
  apply();
  EXPECT_EQ(spent(), INT64_MAX);
  EXPECT_TRUE(ledger_->integrity()->empty());
  sql(path_, "update total set spent = spent - 1");
  EXPECT_EQ(ledger_->integrity()->size(), 1U);
}

TEST_F(Findings, TheDigestIsThatOfTheLogAndNothingElse) {
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  for (int i = 0; i < 50; ++i) {
    log_.join(p, "u" + std::to_string(i), {.amount = i});
    log_.join(q, "u" + std::to_string(i));
  }
  const LogBatch batch = log_.batch();
  ASSERT_TRUE(ledger_->apply(batch));
  ParticipationDigest expected;
  for (auto recorded = batch.events.rbegin(); recorded != batch.events.rend(); ++recorded) {
    const auto* joined = std::get_if<Participated>(&recorded->event);
    if (joined != nullptr && recorded->partition == p)
      expected.add(joined->user, joined->day, joined->amount, recorded->sequence);
  }
  EXPECT_EQ(ledger_->digest(p).value(), expected);
  EXPECT_EQ(expected.count, 50U);
  EXPECT_NE(ledger_->digest(q).value(), expected);
  sql(path_, "update participation set amount = amount + 1 where ordinal = 1");
  EXPECT_NE(ledger_->digest(p).value(), expected);
}

TEST_F(Findings, TheAccrualBookListsEveryEffect) {
  const PartitionNo p = log_.promotion("p");
  const EffectId ann = log_.join(p, "ann");
  log_.join(p, "bob", {.amount = 9});
  log_.settle(ann, EffectSettled::Outcome::done);
  apply();
  std::vector<BookEntry> book;
  EXPECT_EQ(ledger_->accrual_book([&](const BookEntry& entry) { book.push_back(entry); }).value(), 2);
  ASSERT_EQ(book.size(), 2U);
  EXPECT_EQ(book[0].effect, ann);
  EXPECT_EQ(book[0].user_id, "ann");
  EXPECT_EQ(book[0].state, "DONE");
  EXPECT_EQ(book[1].promotion_id, "p");
  EXPECT_EQ(book[1].amount, 9);
  EXPECT_EQ(book[1].state, "PENDING");
}

TEST_F(Findings, APersonCanBeExportedAndFoundUntilErased) {
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.add(kSystemPartition,
           UserBlocked{.user = ref_of("ann"), .blocked = true, .audit = contract::LogBuilder::audit("blockUser")});
  apply();
  ASSERT_TRUE(ledger_->add_refusals(
      {{ref_of("ann"), RefusalRow{.at = {1}, .promotion_id = "p", .code = "BLOCKED", .detail = ""}}}));
  const UserExport before = ledger_->export_user(ref_of("ann")).value();
  EXPECT_EQ(before.user_id, "ann");
  EXPECT_TRUE(before.blocked);
  EXPECT_EQ(before.participations.size(), 1U);
  EXPECT_EQ(before.rewards.size(), 1U);
  EXPECT_EQ(before.refusals.size(), 1U);
  ASSERT_EQ(before.audit.size(), 1U);
  EXPECT_EQ(before.audit[0].action, "blockUser");
  EXPECT_EQ(ledger_->user_id(ref_of("ann")).value(), "ann");
  EXPECT_EQ(ledger_->known_user("ann").value(), ref_of("ann"));
  EXPECT_EQ(ledger_->participation_of(p, Epoch{1}, Sequence{2}).value()->user_id, "ann");
  EXPECT_FALSE(ledger_->participation_of(p, Epoch{2}, Sequence{2}).value());
  log_.erase("ann");
  apply();
  EXPECT_EQ(ledger_->user_id(ref_of("ann")).value(), "");
  EXPECT_FALSE(ledger_->known_user("ann").value());
  EXPECT_EQ(ledger_->export_user(ref_of("ann"))->user_id, "");
  EXPECT_TRUE(ledger_->export_user(ref_of("ann"))->refusals.empty());
}

}  // namespace
}  // namespace windfall::sqlite

// Terms and epochs in a real PostgreSQL: what a leader of the past may not do any more, and what processes confirm.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "adapters/postgres/postgres_epoch_book.hpp"
#include "ledger/log_builder.hpp"
#include "ledger/postgres_fixture.hpp"

namespace windfall::postgres {
namespace {

using contract::LogBuilder;
using Entry = EpochBook::Entry;

/// Longer than any test takes: nobody is given up.
constexpr std::int64_t kPatient = 600'000;

class EpochBookTest : public testing::Test {
 protected:
  void SetUp() override {
    contract::PostgresServer* server = shared_server();
    if (server == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    connection_ = server->new_schema();
    Options options = test_options(connection_);
    options.term = [this] { return leads_in_.value; };
    ledger_ = PostgresLedger::open(std::move(options)).value();
    partition_ = log_.promotion("p");
    for (int i = 0; i < 5; ++i) log_.join(partition_, "u" + std::to_string(i));
    ASSERT_TRUE(ledger_->apply(log_.batch()));
    last_ = ledger_->places()->front().sequence;
  }
  PostgresEpochBook book(const std::string& process) { return {connection_, process}; }
  std::vector<std::string> run(const std::string& script) { return sql(connection_, script); }
  Entry granted(PostgresEpochBook& book, Term term, Epoch above = {0}) {
    const auto entries = book.grant(term, {{.partition = partition_, .epoch = above}});
    EXPECT_TRUE(entries) << entries.error().message;
    return entries && entries->size() == 1 ? entries->front() : Entry{};
  }
  static FailureCode code_of(const auto& result) { return result ? FailureCode::not_found : result.error().code; }

  std::string connection_;
  std::unique_ptr<PostgresLedger> ledger_;
  LogBuilder log_;
  PartitionNo partition_;
  Sequence last_;
  Term leads_in_{0};
};

TEST_F(EpochBookTest, ALaterTermEndsTheEarlierOneWhateverItsLeaderBelieves) {
  PostgresEpochBook a = book("a");
  PostgresEpochBook b = book("b");
  const Term first = a.begin_term().value();
  EXPECT_TRUE(a.still(first));
  const Term second = b.begin_term().value();
  EXPECT_GT(second, first);
  EXPECT_EQ(code_of(a.still(first)), FailureCode::conflict);
  EXPECT_EQ(code_of(a.grant(first, {{.partition = partition_, .epoch = {9}}})), FailureCode::conflict);
  EXPECT_EQ(code_of(a.awaited(first, {}, kPatient)), FailureCode::conflict);
  EXPECT_EQ(code_of(a.conclude(first, {.partition = partition_, .epoch = {2}}, last_, {})), FailureCode::conflict);
  EXPECT_TRUE(b.still(second));
  PostgresEpochBook again = book("a");
  EXPECT_GT(again.begin_term().value(), second) << "a process that was started anew goes on counting";
}

TEST_F(EpochBookTest, EveryTryGetsAnEpochThatWasNeverGivenBefore) {
  PostgresEpochBook a = book("a");
  const Term term = a.begin_term().value();
  EXPECT_EQ(granted(a, term).epoch, Epoch{2}) << "above the ledger's";
  EXPECT_EQ(granted(a, term).epoch, Epoch{3});
  EXPECT_EQ(granted(a, term, Epoch{7}).epoch, Epoch{8}) << "above what the hot state was known to have";
  PostgresEpochBook b = book("b");
  const Term later = b.begin_term().value();
  EXPECT_EQ(granted(b, later).epoch, Epoch{9});
}

TEST_F(EpochBookTest, OnlyTheNewestEpochOfTheNewestTermIsBegun) {
  PostgresEpochBook a = book("a");
  PostgresEpochBook b = book("b");
  const Term first = a.begin_term().value();
  const Entry of_a = granted(a, first);
  EXPECT_FALSE(ledger_->begin_epoch(partition_, of_a.epoch, Sequence{last_.value - 1}).value()) << "it has gone on";
  const Term second = b.begin_term().value();
  EXPECT_EQ(code_of(ledger_->begin_epoch(partition_, of_a.epoch, last_)), FailureCode::conflict)
      << "its leader was stopped in between";
  EXPECT_EQ(ledger_->places()->front().epoch, Epoch{1});
  const Entry of_b = granted(b, second);
  EXPECT_EQ(code_of(ledger_->begin_epoch(partition_, of_a.epoch, last_)), FailureCode::conflict);
  EXPECT_TRUE(ledger_->begin_epoch(partition_, of_b.epoch, last_).value());
  EXPECT_EQ(code_of(ledger_->begin_epoch(partition_, of_a.epoch, last_)), FailureCode::conflict);
  EXPECT_EQ(ledger_->places()->front().epoch, of_b.epoch);
  EXPECT_EQ(code_of(ledger_->begin_epoch(partition_, Epoch{99}, last_)), FailureCode::conflict) << "granted to nobody";
}

TEST_F(EpochBookTest, APartitionMayEnterAnEpochBeforeItsFirstEvent) {
  PostgresEpochBook a = book("a");
  const auto entries = a.grant(a.begin_term().value(), {{.partition = kSystemPartition, .epoch = {1}}});
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_TRUE(ledger_->begin_epoch(kSystemPartition, entries->front().epoch, Sequence{}).value());
  EXPECT_EQ(ledger_->integrity().value(), std::vector<std::string>{}) << "no event is missing";
  run("update partition_position set sequence = 1 where partition = 0");
  EXPECT_EQ(ledger_->integrity().value(), std::vector<std::string>{"event of partition 0 differs from the rows"});
}

TEST_F(EpochBookTest, TheSyncOfALeaderOfThePastChangesNothing) {
  PostgresEpochBook a = book("a");
  leads_in_ = a.begin_term().value();
  Ledger::Sync document{.partition = partition_, .sequence = last_, .left_join_count = 7, .status = "ACTIVE"};
  ASSERT_TRUE(ledger_->sync({document})) << "of the leader";
  PostgresEpochBook b = book("b");
  const Term later = b.begin_term().value();
  document.left_join_count = 99;
  EXPECT_EQ(code_of(ledger_->sync({document})), FailureCode::conflict);
  EXPECT_EQ(run("select left_join_count from promotion"), std::vector<std::string>{"7"});
  leads_in_ = later;
  EXPECT_TRUE(ledger_->sync({document}));
  EXPECT_EQ(run("select left_join_count from promotion"), std::vector<std::string>{"99"});
}

TEST_F(EpochBookTest, TotalsOfWhatIsLostDoNotOutliveIt) {
  PostgresEpochBook a = book("a");
  leads_in_ = a.begin_term().value();
  const Sequence beyond{last_.value + 3};
  ASSERT_TRUE(ledger_->sync({{.partition = partition_, .sequence = beyond, .left_join_count = 1, .status = "ACTIVE"}}));
  const Entry entry = granted(a, leads_in_);
  ASSERT_TRUE(ledger_->begin_epoch(partition_, entry.epoch, last_).value());
  ASSERT_TRUE(ledger_->sync({{.partition = partition_, .sequence = last_, .left_join_count = 4, .status = "ACTIVE"}}));
  EXPECT_EQ(run("select left_join_count from promotion"), std::vector<std::string>{"4"});
}

TEST_F(EpochBookTest, EveryProcessIsWaitedForAndTheHighestThatOneKnewSaysWhatIsLost) {
  PostgresEpochBook leader = book("leader");
  PostgresEpochBook other = book("other");
  for (PostgresEpochBook* one : {&leader, &other}) EXPECT_TRUE(one->asked()->empty());
  const Term term = leader.begin_term().value();
  const Entry entry = granted(leader, term);
  EXPECT_EQ(leader.awaited(term, {entry}, kPatient).value(), 2U);
  EXPECT_EQ(other.asked().value(), std::vector<Entry>{entry});
  ASSERT_TRUE(other.confirm(entry, Epoch{1}, Sequence{last_.value + 4}));
  EXPECT_TRUE(other.asked()->empty());
  EXPECT_EQ(leader.awaited(term, {entry}, kPatient).value(), 1U);
  ASSERT_TRUE(leader.confirm(entry, Epoch{0}, Sequence{900})) << "of an epoch before the last: it was lost earlier";
  EXPECT_EQ(leader.awaited(term, {entry}, kPatient).value(), 0U);
  const auto ended = leader.conclude(term, entry, last_, Instant{4'000'000'000'000});
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(ended->lost, 4U);
  EXPECT_FALSE(ended->at_least);
  EXPECT_EQ(run("select last_sequence || ' ' || lost from partition_epoch"),
            std::vector<std::string>{std::to_string(last_.value) + " 4"});
}

TEST_F(EpochBookTest, WhoIsSilentForTooLongCountsAsEndedAndMayHaveKnownMore) {
  PostgresEpochBook leader = book("leader");
  PostgresEpochBook silent = book("silent");
  PostgresEpochBook gone = book("gone");
  for (PostgresEpochBook* one : {&leader, &silent, &gone}) ASSERT_TRUE(one->asked());
  ASSERT_TRUE(gone.leave(true)) << "in order: nothing was under way in it";
  const Term term = leader.begin_term().value();
  const Entry entry = granted(leader, term);
  ASSERT_TRUE(leader.confirm(entry, Epoch{1}, last_));
  EXPECT_EQ(leader.awaited(term, {entry}, kPatient).value(), 1U);
  const auto ended = leader.conclude(term, entry, last_, Instant{1'000});
  ASSERT_TRUE(ended);
  EXPECT_FALSE(ended->at_least);
  run("update process set seen_at = now() - interval '1 minute' where name = 'silent'");
  run("update partition_epoch set granted_at = now() - interval '1 minute'");
  EXPECT_EQ(leader.awaited(term, {entry}, 30'000).value(), 0U);
  const auto then = leader.conclude(term, entry, last_, Instant{1'000});
  ASSERT_TRUE(then);
  EXPECT_TRUE(then->at_least);
  // It was only stopped for a while.
  ASSERT_TRUE(silent.asked());
  const Entry next = granted(leader, term);
  EXPECT_EQ(leader.awaited(term, {next}, 30'000).value(), 2U);
}

TEST_F(EpochBookTest, WhoHasNotConfirmedButAsksIsWaitedForHoweverLongItTakes) {
  PostgresEpochBook leader = book("leader");
  ASSERT_TRUE(leader.asked());
  const Term term = leader.begin_term().value();
  const Entry entry = granted(leader, term);
  run("update process set seen_at = now() - interval '1 minute'");
  run("update partition_epoch set granted_at = now() - interval '1 minute'");
  ASSERT_FALSE(leader.asked()->empty());
  EXPECT_EQ(leader.awaited(term, {entry}, 30'000).value(), 1U) << "Kafka may be away from it";
}

TEST_F(EpochBookTest, AProcessThatIsStartedAgainTakesThePlaceOfTheOneThatDied) {
  PostgresEpochBook leader = book("leader");
  PostgresEpochBook before = book("api");
  PostgresEpochBook after = book("api");
  for (PostgresEpochBook* one : {&leader, &before, &after}) ASSERT_TRUE(one->asked());
  EXPECT_EQ(run("select count(*) from process where ended_at is null"), std::vector<std::string>{"2"});
  const Term term = leader.begin_term().value();
  const Entry entry = granted(leader, term);
  for (PostgresEpochBook* one : {&leader, &after}) ASSERT_TRUE(one->confirm(entry, Epoch{1}, last_));
  EXPECT_EQ(leader.awaited(term, {entry}, kPatient).value(), 0U);
  EXPECT_TRUE(leader.conclude(term, entry, last_, Instant{1'000})->at_least) << "the first api may have known more";
}

}  // namespace
}  // namespace windfall::postgres

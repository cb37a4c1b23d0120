// What only the PostgreSQL ledger has: a schema that several processes bring up to date, batches that come again or
// leave a gap, the log that it keeps, effects that several processes send.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <tuple>

#include "adapters/postgres/database.hpp"
#include "adapters/postgres/migrate.hpp"
#include "ledger/lottery_log.hpp"
#include "ledger/postgres_fixture.hpp"

namespace windfall::postgres {
namespace {

using contract::LogBuilder;
using contract::ref_of;

class PostgresOnly : public testing::Test {
 protected:
  void SetUp() override {
    contract::PostgresServer* server = shared_server();
    if (server == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    connection_ = server->new_schema();
  }
  std::unique_ptr<PostgresLedger> open(const std::string& owner = "windfall") {
    Options options = test_options(connection_);
    options.owner = owner;
    options.sending_lease_ms = lease_ms_;
    return PostgresLedger::open(std::move(options)).value();
  }
  FailureCode failure_of(Options options) {
    const auto opened = PostgresLedger::open(std::move(options));
    EXPECT_FALSE(opened);
    return opened ? FailureCode::not_found : opened.error().code;
  }
  std::vector<std::string> run(const std::string& script) { return sql(connection_, script); }

  std::string connection_;
  std::int64_t lease_ms_ = 120'000;
  LogBuilder log_;
};

// --- The schema

TEST_F(PostgresOnly, ProcessesThatStartAtOnceMigrateOnce) {
  std::vector<std::thread> processes;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 4; ++i) {
    processes.emplace_back([&] {
      if (PostgresLedger::open(test_options(connection_))) ++opened;
    });
  }
  for (std::thread& process : processes) process.join();
  EXPECT_EQ(opened, 4);
  EXPECT_EQ(run("select count(*) from schema_history where length(checksum) = 64"),
            std::vector<std::string>{std::to_string(migrations().size())});
  EXPECT_EQ(run("select count(*) from progress"), std::vector<std::string>{"1"});
}

TEST_F(PostgresOnly, ASchemaThatIsNotOursIsRefusedAndLeftAlone) {
  run("create table accounts (id integer)");
  EXPECT_EQ(failure_of(test_options(connection_)), FailureCode::conflict);
  EXPECT_EQ(run("select count(*) from pg_tables where schemaname = current_schema()"), std::vector<std::string>{"1"});
}

TEST_F(PostgresOnly, ANewerSchemaAnotherMigrationAndAnotherLineageAreRefused) {
  open();
  Options other = test_options(connection_);
  other.lineage[15] = 1;
  EXPECT_EQ(failure_of(std::move(other)), FailureCode::conflict);
  run("insert into schema_history (version, name, checksum) values (1000, '1000_future', 'x')");
  EXPECT_EQ(failure_of(test_options(connection_)), FailureCode::conflict);
  run("delete from schema_history where version = 1000; update schema_history set checksum = 'x' where version = 1");
  EXPECT_EQ(failure_of(test_options(connection_)), FailureCode::damaged);
}

TEST_F(PostgresOnly, AMigrationThatFailsChangesNothing) {
  open();
  std::vector<Migration> known(migrations().begin(), migrations().end());
  known.push_back({static_cast<int>(known.size()) + 1, "999_bad",
                   "create table half (id integer); create table half (id integer)"});
  {
    Connection connection(connection_);
    EXPECT_THROW(migrate(connection, known), SqlError);
  }
  EXPECT_EQ(run("select count(*) from pg_tables where schemaname = current_schema() and tablename = 'half'"),
            std::vector<std::string>{"0"});
  open();
}

TEST_F(PostgresOnly, NoMessageShowsAPassword) {
  for (const char* connection : {"host=/nowhere password=hush7", "postgresql://u:hush7@127.0.0.1:1/x",
                                 "password='hush7", "postgresql://u:hush7@[::1/x", "nonsense=hush7"}) {
    Options options = test_options(connection);
    const auto opened = PostgresLedger::open(std::move(options));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message.find("hush7"), std::string::npos) << opened.error().message;
  }
}

// --- Batches as consumers read them

TEST_F(PostgresOnly, WhatWasSeenIsSkippedWhereverABatchBegins) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  for (int i = 0; i < 20; ++i) log_.join(i % 3 == 0 ? q : p, "u" + std::to_string(i));
  const LogBatch whole = log_.batch();
  LogBatch part = whole;
  for (const std::size_t end :
       {std::size_t{5}, std::size_t{3}, std::size_t{12}, std::size_t{12}, whole.events.size()}) {
    part.events.assign(whole.events.begin(), whole.events.begin() + static_cast<std::ptrdiff_t>(end));
    ASSERT_TRUE(ledger->apply(part));
  }
  EXPECT_FALSE(ledger->apply(whole).value()) << "nothing of it is new";
  EXPECT_EQ(ledger->position().value(), whole.events.size());
  EXPECT_EQ(ledger->participations({.limit = 100})->size(), 20U);
  EXPECT_TRUE(ledger->findings()->empty());
  EXPECT_TRUE(ledger->integrity()->empty());
}

TEST_F(PostgresOnly, ADoubleJoinInABatchOfJoinsAloneIsAFindingAndTheOthersCount) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  for (int i = 0; i < 2000; ++i) log_.join(p, "u" + std::to_string(i));
  log_.join(p, "ann");
  log_.join(p, "bob");
  log_.join(p, "bob");
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  ASSERT_EQ(ledger->findings()->size(), 2U);
  EXPECT_EQ(ledger->findings()->at(0).kind, "JOINED_TWICE");
  EXPECT_EQ(ledger->totals(p).value()->participations, 2002);
  EXPECT_EQ(ledger->position().value(), log_.position());
  EXPECT_TRUE(ledger->integrity()->empty());
}

TEST_F(PostgresOnly, PartitionsMayComeInAnyOrder) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  log_.join(p, "ann");
  log_.join(q, "ann");
  LogBatch batch = log_.batch();
  std::ranges::sort(batch.events, [](const Recorded& left, const Recorded& right) {
    return std::tie(right.partition, left.sequence) < std::tie(left.partition, right.sequence);
  });
  ASSERT_TRUE(ledger->apply(batch).value());
  EXPECT_EQ(ledger->participations({})->front().partition, q);
}

TEST_F(PostgresOnly, AGapIsAFailureThatNamesItAndChangesNothing) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.join(p, "bob");
  log_.join(p, "cid");
  LogBatch batch = log_.batch();
  batch.events.erase(batch.events.begin() + 2);
  const auto applied = ledger->apply(batch);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, FailureCode::damaged);
  EXPECT_NE(applied.error().message.find("partition 1 has a gap: epoch 1, sequence 4 follows epoch 1, sequence 2"),
            std::string::npos)
      << applied.error().message;
  EXPECT_EQ(ledger->position().value(), 0U);
  EXPECT_TRUE(ledger->places()->empty());
}

TEST_F(PostgresOnly, ANewEpochGoesOnWhereTheLastOneEndedAndAnOldOneIsSkipped) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  log_.join(p, "bob");
  const LogBatch stale = log_.batch();
  LogBatch renewed = stale;
  renewed.events.front().epoch = {2};
  ASSERT_TRUE(ledger->apply(renewed).value());
  EXPECT_FALSE(ledger->apply(stale).value());
  EXPECT_EQ(ledger->participations({})->size(), 2U);
  EXPECT_EQ(ledger->places()->front().epoch, Epoch{2});
  EXPECT_TRUE(ledger->integrity()->empty());
}

TEST_F(PostgresOnly, ABatchReadAgainDoesNotNameAnErasedPerson) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  LogBatch first = log_.batch();
  log_.erase("ann");
  log_.join(p, "bob");
  LogBatch second = log_.batch();
  ASSERT_TRUE(ledger->apply(first).value());
  // The consumer begins again at the start, and its batch ends elsewhere.
  LogBatch again = first;
  again.events.insert(again.events.end(), second.events.begin(), second.events.begin() + 1);
  ASSERT_TRUE(ledger->apply(again).value());
  EXPECT_EQ(ledger->user_id(ref_of("ann")).value(), "");
  again.events.insert(again.events.end(), second.events.begin() + 1, second.events.end());
  again.identities.insert(again.identities.end(), second.identities.begin(), second.identities.end());
  ASSERT_TRUE(ledger->apply(again).value());
  EXPECT_EQ(ledger->user_id(ref_of("ann")).value(), "");
  EXPECT_EQ(ledger->user_id(ref_of("bob")).value(), "bob");
}

TEST_F(PostgresOnly, AnErasureByAnotherProcessIsNoticed) {
  const auto one = open("one");
  const auto two = open("two");
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  ASSERT_TRUE(one->apply(log_.batch()).value());
  log_.erase("ann");
  ASSERT_TRUE(two->apply(log_.batch()).value());
  EXPECT_EQ(one->user_id(ref_of("ann")).value(), "");
  log_.join(p, "ann", {.day = {30000}});
  ASSERT_TRUE(one->apply(log_.batch()).value());
  EXPECT_EQ(one->user_id(ref_of("ann")).value(), "ann") << "who comes back has an id again";
}

TEST_F(PostgresOnly, TwoProcessesThatApplyTheSameBatchesMakeOneLedger) {
  const auto one = open("one");
  const auto two = open("two");
  const PartitionNo p = log_.promotion("p");
  std::vector<LogBatch> batches;
  for (int batch = 0; batch < 30; ++batch) {
    for (int i = 0; i < 10; ++i) log_.join(p, "u" + std::to_string(i), {.day = {batch}});
    batches.push_back(log_.batch());
  }
  std::atomic<int> failures = 0;
  const auto consume = [&](PostgresLedger& ledger) {
    for (const LogBatch& batch : batches) {
      if (!ledger.apply(batch)) ++failures;
    }
  };
  std::thread other([&] { consume(*two); });
  consume(*one);
  other.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(one->totals(p).value()->participations, 300);
  EXPECT_TRUE(one->integrity()->empty());
}

// --- The log that it keeps

TEST_F(PostgresOnly, TheLogIsKeptAsItWasReadAndCanBeRead) {
  const auto ledger = open();
  contract::LotteryLog lottery(log_, contract::small_lottery("dice"));
  lottery.open(0);
  lottery.draw("ann");
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.add(kSystemPartition, AnswerKept{.status = 200, .headers = {}, .body = std::string("\0\xFF", 2)});
  LogBatch batch = log_.batch();
  batch.events.back().command = Command{.hash = {.hi = 1, .lo = 2}, .fingerprint = 3};
  ASSERT_TRUE(ledger->apply(batch).value());
  std::vector<Recorded> kept;
  for (const PartitionNo partition : {lottery.partition(), p, kSystemPartition}) {
    ASSERT_TRUE(ledger
                    ->each_event(partition, Sequence{0},
                                 [&](const Recorded& recorded) {
                                   kept.push_back(recorded);
                                   return true;
                                 })
                    .value());
  }
  EXPECT_EQ(kept, batch.events);
  EXPECT_EQ(run("select type || ' ' || user_id from v_event where type in ('Drew', 'Participated') order by partition"),
            (std::vector<std::string>{"Drew ann", "Participated ann"}));
  std::vector<Recorded> behind;
  EXPECT_FALSE(ledger
                   ->each_event(lottery.partition(), Sequence{1},
                                [&](const Recorded& recorded) {
                                  behind.push_back(recorded);
                                  return false;
                                })
                   .value());
  ASSERT_EQ(behind.size(), 1U);
  EXPECT_EQ(behind[0].sequence, Sequence{2});
}

TEST_F(PostgresOnly, ViewsShowWhatPeopleCanRead) {
  const auto ledger = open();
  contract::LotteryLog lottery(log_, contract::small_lottery("dice"));
  const contract::LotteryLog::Drawn won = lottery.win(contract::kAmericano);
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.define(p, "Better", 60);
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  EXPECT_EQ(run("select user_id || ' ' || promotion || ' ' || day || ' ' || accrual from v_participation"),
            std::vector<std::string>{"ann p 2025-06-21 PENDING"});
  EXPECT_EQ(run("select user_id || ' ' || prize || ' ' || day from v_draw where prize = 'americano' order by seq limit "
                "1"),
            std::vector<std::string>{won.user + " americano 2025-06-21"});
  EXPECT_EQ(
      run("set timezone = 'UTC'; select state || ' ' || expires_at from v_coupon where user_id = '" + won.user + "'"),
      std::vector<std::string>{"PENDING_CODE 2025-07-21 15:00:00+00"});
  EXPECT_EQ(run("select title || ' ' || (document ->> 'limitJoinCount') from v_promotion where id = 'p'"),
            std::vector<std::string>{"Better 60"});
  for (const char* view : {"v_event", "v_effect", "v_audit", "v_refusal", "v_ticket", "v_inbound_rejection"}) {
    run(std::string("select * from ") + view);
  }
}

TEST_F(PostgresOnly, TextThatPostgresCannotHoldIsKeptAsFarAsItGoes) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  const EffectId effect = log_.join(p, "ann");
  log_.settle(effect, EffectSettled::Outcome::dead, std::string("HTTP 400 \xC3\x28 \0 end", 17));
  log_.add(kSystemPartition,
           Audited{.audit = {.actor = "k", .action = "a", .reason = std::string("a\0b", 3)}, .subject = "s"});
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  EXPECT_EQ(ledger->dead_letters(0, 1)->at(0).last_error, "HTTP 400 \uFFFD( \uFFFD end");
  EXPECT_FALSE(ledger->first_broken_audit().value());
}

// --- Effects of several processes

TEST_F(PostgresOnly, TwoProcessesNeverTakeTheSameEffect) {
  constexpr int kEffects = 2000;
  const auto one = open("one");
  const auto two = open("two");
  const PartitionNo p = log_.promotion("p");
  for (int i = 0; i < kEffects; ++i) log_.join(p, "u" + std::to_string(i));
  ASSERT_TRUE(one->apply(log_.batch()).value());
  std::array<std::vector<EffectId>, 2> taken;
  std::atomic<int> failures = 0;
  const auto send = [&](PostgresLedger& ledger, std::vector<EffectId>& mine) {
    while (true) {
      const auto due = ledger.take_due(PartnerEndpoint::accruals, {1000}, 7);
      if (!due) ++failures;
      if (!due || due->empty()) return;
      for (const DueEffect& effect : *due) mine.push_back(effect.id);
    }
  };
  std::thread other([&] { send(*two, taken[1]); });
  send(*one, taken[0]);
  other.join();
  EXPECT_EQ(failures, 0);
  std::set<EffectId> distinct(taken[0].begin(), taken[0].end());
  distinct.insert(taken[1].begin(), taken[1].end());
  EXPECT_EQ(taken[0].size() + taken[1].size(), static_cast<std::size_t>(kEffects));
  EXPECT_EQ(distinct.size(), static_cast<std::size_t>(kEffects));
  EXPECT_TRUE(one->integrity()->empty());
}

TEST_F(PostgresOnly, RecoveryLeavesAloneWhatAnotherProcessIsSending) {
  const auto one = open("one");
  auto two = open("two");
  const PartitionNo p = log_.promotion("p");
  const EffectId first = log_.join(p, "ann");
  const EffectId second = log_.join(p, "bob");
  ASSERT_TRUE(one->apply(log_.batch()).value());
  ASSERT_EQ(one->take_due(PartnerEndpoint::accruals, {1000}, 1)->at(0).id, first);
  ASSERT_EQ(two->take_due(PartnerEndpoint::accruals, {1000}, 1)->at(0).id, second);
  two = open("two");
  EXPECT_EQ(two->recover().value(), 1);
  EXPECT_EQ(two->take_due(PartnerEndpoint::accruals, {1000}, 9)->at(0).id, second);
  EXPECT_EQ(one->recover().value(), 0) << "its own, and it lives";
  EXPECT_TRUE(
      one->retry_later({{.id = first, .unknown = false, .counted = true, .next_try = {5}, .error = "503"}}).value());
}

TEST_F(PostgresOnly, WhatIsHeldBackForAVoidOutlastsWhatIsBeingSent) {
  lease_ms_ = -1;  // over when it begins
  const auto one = open("one");
  const auto two = open("two");
  const EffectId held = log_.join(log_.promotion("p"), "ann");
  ASSERT_TRUE(one->apply(log_.batch()).value());
  ASSERT_TRUE(one->cancel_effect(held).value());
  EXPECT_EQ(two->recover().value(), 0) << "the ledger may hear of the void when Kafka is back";
  EXPECT_TRUE(two->take_due(PartnerEndpoint::accruals, kEndOfTime, 10)->empty());
}

TEST_F(PostgresOnly, WhatAProcessLeftThatHasGoneIsFoundWithoutAStart) {
  const auto one = open("one");
  lease_ms_ = -1;  // over when it begins
  auto gone = open("two");
  lease_ms_ = 120'000;
  const PartitionNo p = log_.promotion("p");
  const EffectId mine = log_.join(p, "ann");
  const EffectId left = log_.join(p, "bob");
  ASSERT_TRUE(one->apply(log_.batch()).value());
  ASSERT_EQ(one->take_due(PartnerEndpoint::accruals, {1000}, 1)->at(0).id, mine);
  ASSERT_EQ(gone->take_due(PartnerEndpoint::accruals, {1000}, 1)->at(0).id, left);
  gone.reset();
  EXPECT_EQ(one->recover_abandoned().value(), 1);
  EXPECT_EQ(one->recover_abandoned().value(), 0) << "its own is on its way";
  EXPECT_EQ(one->take_due(PartnerEndpoint::accruals, {1000}, 9)->at(0).id, left);
  const auto again = open("one");
  EXPECT_EQ(again->recover_abandoned().value(), 0) << "whoever has its name may run";
  EXPECT_EQ(again->recover().value(), 2);
}

TEST_F(PostgresOnly, WhoWasThoughtToHaveGoneDoesNotTouchWhatAnotherOneSendsNow) {
  lease_ms_ = -1;  // over when it begins
  const auto one = open("one");
  lease_ms_ = 120'000;
  const auto two = open("two");
  const PartitionNo p = log_.promotion("p");
  const EffectId effect = log_.join(p, "ann");
  ASSERT_TRUE(one->apply(log_.batch()).value());
  ASSERT_EQ(one->take_due(PartnerEndpoint::accruals, {1000}, 1)->size(), 1U);
  EXPECT_EQ(two->recover().value(), 1);
  const std::vector<DueEffect> due = two->take_due(PartnerEndpoint::accruals, {1000}, 1).value();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_TRUE(due[0].unknown);
  EXPECT_FALSE(
      one->retry_later({{.id = effect, .unknown = false, .counted = true, .next_try = {5}, .error = "late"}}).value());
  EXPECT_EQ(two->rewards(ref_of("ann"), p)->at(0).state, "SENDING");
}

TEST_F(PostgresOnly, HowEffectsEndedOutlivesARebuildOfAllElse) {
  auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  const EffectId done = log_.join(p, "ann");
  const EffectId open_one = log_.join(p, "bob");
  const LogBatch joins = log_.batch();
  ASSERT_TRUE(ledger->apply(joins).value());
  log_.settle(done, EffectSettled::Outcome::done);
  const LogBatch settled = log_.batch();
  ASSERT_TRUE(ledger->apply(settled).value());
  ledger.reset();
  run("truncate event, partition_position, participation, total, promotion, definition_history, audit; update progress "
      "set position = 0, ordinal = 0, audit = 0, chain = (select value from meta where key = 'lineage')");
  ledger = open();
  ASSERT_TRUE(ledger->apply(joins).value());
  EXPECT_EQ(ledger->participations({})->at(0).accrual, AccrualState::done);
  const std::vector<DueEffect> due = ledger->take_due(PartnerEndpoint::accruals, {1000}, 10).value();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].id, open_one);
  ASSERT_TRUE(ledger->apply(settled).value());
  EXPECT_TRUE(ledger->findings()->empty());
  EXPECT_TRUE(ledger->integrity()->empty());
}

// --- A server that goes away

/// Stopped as by a debugger, or by a disk that answers nobody: its kernel keeps the connection alive.
class Hanging {
 public:
  explicit Hanging(std::int64_t pid) : pid_(static_cast<pid_t>(pid)) { EXPECT_EQ(kill(pid_, SIGSTOP), 0); }
  Hanging(const Hanging&) = delete;
  Hanging& operator=(const Hanging&) = delete;
  ~Hanging() { kill(pid_, SIGCONT); }

 private:
  const pid_t pid_;
};

/// More than a socket takes while nobody reads it.
constexpr std::size_t kMuch = std::size_t{8} * 1024 * 1024;

TEST_F(PostgresOnly, AStatementToAServerThatHangsEndsWithinItsLimitAndLaterOnesAtOnce) {
  constexpr std::int64_t kLimitMs = 300;
  using Work = std::function<void(Connection&)>;
  const Work statements[] = {
      [](Connection& db) { db.select("select 1"); },
      [](Connection& db) { db.execute("begin; commit"); },
      [](Connection& db) { db.execute("select '" + std::string(kMuch, 'x') + "'"); },
      [](Connection& db) { Transaction(db, Transaction::Kind::change).commit(); },
  };
  for (const Work& statement : statements) {
    Connection db(connection_, kLimitMs);
    const Hanging server(db.integer("select pg_backend_pid()"));
    const auto begun = std::chrono::steady_clock::now();
    for (int tries = 0; tries < 3; ++tries) {
      const auto done = attempt([&] {
        statement(db);
        return true;
      });
      ASSERT_FALSE(done);
      EXPECT_EQ(done.error().code, FailureCode::unavailable);
      EXPECT_NE(done.error().message.find(tries == 0 ? "no answer for 300 ms" : "the server hangs"), std::string::npos)
          << done.error().message;
    }
    EXPECT_FALSE(db.usable());
    EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(kLimitMs));
  }
}

TEST_F(PostgresOnly, RowsForAServerThatHangsEndWithinTheLimitToo) {
  run("create table note (text text)");
  Connection db(connection_, 300);
  const std::int64_t pid = db.integer("select pg_backend_pid()");
  const auto done = attempt([&] {
    CopyStream stream(db, "note (text)");
    const Hanging server(pid);
    stream.finish(CopyRows(1).row().text(std::string(kMuch, 'x')));
    return true;
  });
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("no answer for 300 ms"), std::string::npos) << done.error().message;
  EXPECT_FALSE(db.usable());
}

TEST_F(PostgresOnly, WhoMayTakeLongIsWaitedForAsLongAsTheServerAnswersOthers) {
  constexpr std::int64_t kLimitMs = 100;
  Connection db(connection_ + " connect_timeout=2", kLimitMs);
  {
    Transaction snapshot(db, Transaction::Kind::snapshot);
    db.lift_limit();
    EXPECT_EQ(db.integer("select 1 from pg_sleep(0.5)"), 1);
    snapshot.commit();
  }
  EXPECT_TRUE(db.usable());
  EXPECT_FALSE(attempt([&] { return db.integer("select 1 from pg_sleep(0.5)"); })) << "the limit holds again";
}

class PostgresOutage : public testing::Test {
 protected:
  void SetUp() override {
    const std::string why = server_.make();
    if (why == contract::PostgresServer::kMissing) GTEST_SKIP() << "PostgreSQL is not installed";
    ASSERT_EQ(why, "");
  }

  contract::PostgresServer server_;
};

TEST_F(PostgresOutage, AServerThatHangsAsAWholeKeepsNobodyWaitingWhoMayTakeLong) {
  Connection db(server_.base() + " connect_timeout=2", 100);
  Transaction snapshot(db, Transaction::Kind::snapshot);
  db.lift_limit();
  const Hanging process(db.integer("select pg_backend_pid()"));
  const Hanging server(server_.pid());
  const auto read = attempt([&] { return db.integer("select count(*) from pg_class"); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, FailureCode::unavailable);
}

TEST_F(PostgresOutage, CallsFailAsUnavailableWhileItIsAwayAndNothingIsLostOrDoubled) {
  constexpr int kBatches = 40;
  constexpr int kJoins = 50;
  const auto ledger = PostgresLedger::open(test_options(server_.new_schema())).value();
  LogBuilder log;
  const PartitionNo p = log.promotion("p");
  std::vector<LogBatch> batches;
  for (int batch = 0; batch < kBatches; ++batch) {
    for (int i = 0; i < kJoins; ++i) log.join(p, "u" + std::to_string(i), {.day = {batch}});
    batches.push_back(log.batch());
  }
  // Stopped as a crash would, at whatever point of a batch.
  std::atomic<int> applied = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> others = 0;
  std::thread consumer([&] {
    for (const LogBatch& batch : batches) {
      while (true) {
        const auto done = ledger->apply(batch);
        if (done) break;
        ++(done.error().code == FailureCode::unavailable ? refused : others);
        std::this_thread::yield();
      }
      ++applied;
    }
  });
  for (const int stop_at : {5, 20}) {
    while (applied < stop_at) std::this_thread::yield();
    server_.stop();
    const int before = refused;
    while (refused == before) std::this_thread::yield();
    const auto read = ledger->position();
    EXPECT_FALSE(read);
    if (!read) EXPECT_EQ(read.error().code, FailureCode::unavailable);
    ASSERT_EQ(server_.start(), "");
  }
  consumer.join();
  EXPECT_GT(refused, 0);
  EXPECT_EQ(others, 0);
  EXPECT_EQ(ledger->totals(p).value()->participations, kBatches * kJoins);
  EXPECT_EQ(ledger->gauges()->pending, kBatches * kJoins);
  EXPECT_TRUE(ledger->findings()->empty());
  EXPECT_TRUE(ledger->integrity()->empty());
}

}  // namespace
}  // namespace windfall::postgres

// What only the MongoDB ledger has: batches that somebody else finishes, effects that are kept elsewhere, the promotion
// document in the form that its readers know.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/mongo/known.hpp"
#include "adapters/mongo/projection.hpp"
#include "adapters/mongo/writes.hpp"
#include "ledger/lottery_log.hpp"
#include "ledger/mongo_fixture.hpp"

namespace windfall::mongo {
namespace {

using contract::LogBuilder;
using contract::ref_of;

class MongoOnly : public testing::Test {
 protected:
  void SetUp() override {
    contract::FerretServer* server = shared_ferret();
    if (server == nullptr) GTEST_SKIP() << "FerretDB is not built";
    database_ = std::make_unique<BorrowedDatabase>(*server);
    effects_in_ = postgres::shared_server()->new_schema();
    client_ = Client::open(database_->uri(), "").value();
  }
  Options options() {
    Options options = test_options(database_->uri());
    options.patience_ms = 50;
    return options;
  }
  std::unique_ptr<MongoLedger> open() { return MongoLedger::open(options(), test_effects(effects_in_)).value(); }
  std::vector<Document> all(const char* collection) { return client_->find(collection, {.filter = {}}).value(); }
  std::string json(const char* collection) {
    std::string out;
    for (const Document& document : all(collection)) {
      char* text = bson_as_canonical_extended_json(document.raw(), nullptr);
      out += text;
      bson_free(text);
    }
    return out;
  }

  std::unique_ptr<BorrowedDatabase> database_;
  std::string effects_in_;
  std::unique_ptr<Client> client_;
  LogBuilder log_;
};

// --- Batches

/// The batch as it stands in its document, carried out up to a step, as by a process that was killed then.
void carry_out_partly(Client& client, const Writes& writes, std::size_t steps) {
  for (const auto& [collection, documents] : writes.inserts) {
    if (steps == 0) return;
    --steps;
    ASSERT_TRUE(client.insert(collection.c_str(), documents));
  }
  for (const Writes::Set& set : writes.sets) {
    if (steps == 0) return;
    --steps;
    Document change;
    change.document("$set", set.members);
    ASSERT_TRUE(client.change(set.collection.c_str(), {{.filter = set.which, .change = change}}));
  }
}

TEST_F(MongoOnly, ABatchThatWasBegunIsFinishedByWhoeverComesNextWhereverItStopped) {
  const auto ledger = open();
  contract::LotteryLog lottery(log_, contract::small_lottery("dice"));
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  lottery.open(0);
  lottery.draw("bob");
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  for (std::size_t steps = 0; steps < 16; ++steps) {
    SCOPED_TRACE("killed after step " + std::to_string(steps));
    const std::string user = "u" + std::to_string(steps);
    log_.join(p, user);
    lottery.draw(user);
    log_.erase("ann");
    log_.define(p, "Title " + std::to_string(steps), 100);
    const LogBatch batch = log_.batch();

    // What a process would write that is killed then: another one over the same rows makes the document.
    const Progress before = progress_of(View(all(kProgress).at(0)));
    std::vector<const Recorded*> events;
    for (const Recorded& recorded : batch.events) events.push_back(&recorded);
    NamedBefore nobody;
    const Known known = read_known(*client_, before, events, batch.identities, nobody).value();
    Books books{.open_seed = contract::open_test_seed, .by_partition = {}};
    const LedgerEventIdsOf ids = contract::test_event_ids;
    Projection projection(known, books, ids, batch.identities, {7});
    for (std::size_t i = 0; i < batch.events.size(); ++i) ASSERT_TRUE(projection.apply(batch.events[i], i));
    const Writes writes = projection.finish();
    ASSERT_TRUE(client_->insert(kBatches, {document_of(writes, before.batch + 1, {1})}).value());
    carry_out_partly(*client_, writes, steps);

    ASSERT_TRUE(ledger->apply(batch).value());
    EXPECT_EQ(ledger->position().value(), log_.position());
    EXPECT_EQ(ledger->participations({.partition = p})->size(), steps + 2);
    EXPECT_EQ(ledger->participations({.partition = p, .limit = 100})->back().ordinal,
              static_cast<std::int64_t>(steps + 2));
    EXPECT_EQ(ledger->draws({.partition = lottery.partition(), .limit = 100})->size(), steps + 2);
    EXPECT_EQ(ledger->user_id(ref_of("ann")).value(), "");
    EXPECT_EQ(ledger->user_id(ref_of(user)).value(), user);
    EXPECT_EQ(ledger->totals(p).value()->participations, static_cast<std::int64_t>(steps + 2));
    EXPECT_FALSE(ledger->first_broken_audit().value());
    EXPECT_EQ(ledger->integrity().value(), std::vector<std::string>{});
    EXPECT_FALSE(ledger->apply(batch).value()) << "nothing of it is new";
  }
}

TEST_F(MongoOnly, EffectsThatWereMadeBeforeACrashAreNotMadeAgain) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  const EffectId effect = log_.join(p, "ann");
  const LogBatch batch = log_.batch();
  {
    const auto effects = test_effects(effects_in_);
    ASSERT_TRUE(effects->apply_effects(batch, {{.event = 1, .id = effect, .user = ref_of("ann"), .amount = 500}}));
    ASSERT_EQ(effects->take_due(PartnerEndpoint::accruals, {1000}, 10)->size(), 1U);
    ASSERT_TRUE(effects->settle({{.effect = effect, .outcome = EffectSettled::Outcome::done, .detail = ""}}, {2000}));
  }
  ASSERT_TRUE(ledger->apply(batch).value());
  EXPECT_TRUE(ledger->take_due(PartnerEndpoint::accruals, {99999}, 10)->empty());
  EXPECT_EQ(ledger->participations({.user = ref_of("ann")})->at(0).accrual, AccrualState::done);
  EXPECT_TRUE(ledger->findings()->empty());
}

TEST_F(MongoOnly, ProcessesThatApplyAtOnceTakeTurns) {
  constexpr int kBatchesEach = 12;
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  ASSERT_TRUE(open()->apply(log_.batch()).value());
  std::vector<LogBatch> batches[2];
  for (int i = 0; i < kBatchesEach; ++i) {
    for (const PartitionNo partition : {p, q}) {
      log_.join(partition, "u" + std::to_string(i));
      log_.join(partition, "v" + std::to_string(i));
      batches[partition == p ? 0 : 1].push_back(log_.batch());
    }
  }
  std::vector<std::thread> processes;
  std::vector<std::string> failures(2);
  for (std::size_t i = 0; i < 2; ++i) {
    processes.emplace_back([&, i] {
      Options patient = options();
      patient.patience_ms = 30'000;
      const auto ledger = MongoLedger::open(std::move(patient), test_effects(effects_in_)).value();
      for (const LogBatch& batch : batches[i]) {
        const auto applied = ledger->apply(batch);
        if (!applied) failures[i] = applied.error().message;
      }
    });
  }
  for (std::thread& process : processes) process.join();
  EXPECT_EQ(failures, std::vector<std::string>(2));
  const auto ledger = open();
  const auto rows = ledger->participations({.limit = 1000}).value();
  ASSERT_EQ(rows.size(), 4U * kBatchesEach);
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].ordinal, static_cast<std::int64_t>(i + 1));
  EXPECT_EQ(ledger->gauges()->pending, 4 * kBatchesEach);
  EXPECT_EQ(ledger->integrity().value(), std::vector<std::string>{});
}

TEST_F(MongoOnly, AGapStopsTheLedgerAndNamesThePlace) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  log_.join(p, "bob");
  LogBatch batch = log_.batch();
  batch.events.erase(batch.events.begin() + 1);
  const auto applied = ledger->apply(batch);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, FailureCode::damaged);
  EXPECT_NE(applied.error().message.find("partition 1 has a gap"), std::string::npos) << applied.error().message;
  EXPECT_EQ(ledger->position().value(), 0U);
}

TEST_F(MongoOnly, ALongBatchIsAppliedInParts) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  for (int i = 0; i < 1500; ++i) log_.join(p, "u" + std::to_string(i));
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  EXPECT_EQ(ledger->totals(p).value()->participations, 1500);
  EXPECT_EQ(ledger->gauges()->pending, 1500);
  EXPECT_EQ(View(all(kProgress).at(0)).integer("batch"), 2);
}

TEST_F(MongoOnly, LargeDefinitionsDoNotOutgrowADocument) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  for (int i = 0; i < 50; ++i) log_.define(p, std::string(100'000, 'x') + std::to_string(i), 100);
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  EXPECT_EQ(all(kDefinitions).size(), 51U);
  EXPECT_GT(View(all(kProgress).at(0)).integer("batch"), 1);
  EXPECT_FALSE(ledger->first_broken_audit().value());
}

// --- The log that it keeps

TEST_F(MongoOnly, TheLogReadsBackAsItWasAppliedInPages) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  const PartitionNo q = log_.promotion("q");
  for (int i = 0; i < 10; ++i) log_.join(i % 2 == 0 ? p : q, "u" + std::to_string(i));
  const LogBatch batch = log_.batch();
  ASSERT_TRUE(ledger->apply(batch).value());
  std::vector<Recorded> expected;
  std::ranges::copy_if(batch.events, std::back_inserter(expected),
                       [&](const auto& each) { return each.partition == p; });
  std::vector<Recorded> read;
  while (true) {
    const auto page = ledger->events(p, read.empty() ? Sequence{} : read.back().sequence, 4).value();
    if (page.empty()) break;
    ASSERT_LE(page.size(), 4U);
    read.insert(read.end(), page.begin(), page.end());
  }
  EXPECT_EQ(read, expected);
  const auto promotions = ledger->promotions().value();
  ASSERT_EQ(promotions.size(), 2U);
  EXPECT_EQ(promotions[1].second, "q");
}

TEST_F(MongoOnly, AnEpochBeginsBehindTheLastEventOrNotAtAll) {
  const auto ledger = open();
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  EXPECT_FALSE(ledger->begin_epoch(p, {2}, {1}).value()) << "there is a later event";
  EXPECT_TRUE(ledger->begin_epoch(p, {2}, {2}).value());
  EXPECT_TRUE(ledger->begin_epoch({9}, {2}, {0}).value()) << "of a partition without an event";
  log_.join(p, "bob");
  EXPECT_FALSE(ledger->apply(log_.batch()).value()) << "what comes of an earlier epoch is dropped";
  const auto places = ledger->places().value();
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(places[0].epoch, Epoch{2});
  EXPECT_EQ(places[0].sequence, Sequence{2});
  LogBatch batch;
  batch.events.push_back({.partition = p,
                          .epoch = {2},
                          .sequence = {3},
                          .time = log_.now(),
                          .revision = {1},
                          .command = std::nullopt,
                          .event = Participated{.user = ref_of("eve"), .day = contract::kFirstDay, .amount = 5},
                          .taken = {}});
  EXPECT_TRUE(ledger->apply(batch).value());
  EXPECT_EQ(ledger->integrity().value(), std::vector<std::string>{});
}

TEST_F(MongoOnly, TheSyncOfALeaderOfThePastChangesNothing) {
  postgres::Options effects = postgres::test_options(effects_in_);
  effects.keeps = postgres::Options::Keeps::effects;
  Term leads_in{};
  effects.term = [&leads_in] { return leads_in.value; };
  const auto ledger = MongoLedger::open(options(), postgres::PostgresLedger::open(std::move(effects)).value()).value();
  const PartitionNo p = log_.promotion("p");
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  postgres::PostgresEpochBook a(effects_in_, "a");
  leads_in = a.begin_term().value();
  Ledger::Sync document{.partition = p, .sequence = {1}, .left_join_count = 7, .status = "ACTIVE"};
  ASSERT_TRUE(ledger->sync({document}).value()) << "of the leader";
  postgres::PostgresEpochBook b(effects_in_, "b");
  const Term later = b.begin_term().value();
  document.left_join_count = 99;
  const auto late = ledger->sync({document});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, FailureCode::conflict);
  EXPECT_EQ(View(all(kPromotions).at(0)).integer("leftJoinCount"), 7);
  leads_in = later;
  EXPECT_TRUE(ledger->sync({document}).value());
  EXPECT_EQ(View(all(kPromotions).at(0)).integer("leftJoinCount"), 99);
}

// --- Documents

TEST_F(MongoOnly, ThePromotionDocumentHasTheFormThatItsReadersKnow) {
  Promotion promotion;
  promotion.id = "1";
  promotion.title = "프로모션 A";
  promotion.content = "친구 초대하면 적립!";
  promotion.image_url = "https://image.example.com/adv-a.jpg";
  promotion.reward_amount = 500;
  promotion.limit_join_count = 50;
  promotion.start = {20259};
  promotion.end = {20269};
  promotion.timezone = "Asia/Seoul";
  promotion.join_types = {DupLimit{3}, Leading{{"2", "3", "4"}}};
  const auto ledger = open();
  const PartitionNo p = log_.promotion("1", codec::encode_definition(promotion));
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  ASSERT_TRUE(ledger
                  ->sync({{.partition = p,
                           .sequence = {9},
                           .left_join_count = 12,
                           .join_count = 38,
                           .spent = 19000,
                           .status = "ACTIVE",
                           .at = {1750464060000}}})
                  .value());
  const std::vector<Document> documents = all(kPromotions);
  ASSERT_EQ(documents.size(), 1U);
  const View row(documents[0]);
  EXPECT_EQ(row.text("id"), "1");
  EXPECT_EQ(row.text("title"), "프로모션 A");
  EXPECT_EQ(row.integer("rewardAmount"), 500);
  EXPECT_EQ(row.integer("leftJoinCount"), 12);
  EXPECT_EQ(row.integer("limitJoinCount"), 50);
  EXPECT_EQ(row.text("content"), "친구 초대하면 적립!");
  EXPECT_EQ(row.text("imageUrl"), "https://image.example.com/adv-a.jpg");
  EXPECT_EQ(row.text("startDate"), "2025-06-20");
  EXPECT_EQ(row.text("endDate"), "2025-06-30");
  EXPECT_EQ(row.time("createdDate"), log_.now());
  EXPECT_EQ(row.time("lastModifiedDate"), log_.now());
  bson_iter_t at;
  ASSERT_TRUE(bson_iter_init(&at, documents[0].raw()));
  for (const char* name : {"_id", "id", "title", "rewardAmount", "leftJoinCount", "limitJoinCount", "content",
                           "imageUrl", "startDate", "endDate", "joinTypes", "createdDate", "lastModifiedDate"}) {
    ASSERT_TRUE(bson_iter_next(&at));
    EXPECT_STREQ(bson_iter_key(&at), name);
  }
  ASSERT_TRUE(bson_iter_init_find(&at, documents[0].raw(), "_id"));
  EXPECT_TRUE(BSON_ITER_HOLDS_OID(&at));
  const std::vector<Document> types = row.array("joinTypes");
  ASSERT_EQ(types.size(), 2U);
  EXPECT_EQ(View(types[0]).text("joinType"), "N_DUP_LIMIT");
  EXPECT_EQ(View(types[0]).integer("limitDupJoinCount"), 3);
  EXPECT_EQ(View(types[1]).text("joinType"), "LEADING");
  ASSERT_TRUE(bson_iter_init_find(&at, types[1].raw(), "leadPromoId"));
  EXPECT_TRUE(BSON_ITER_HOLDS_ARRAY(&at));
}

TEST_F(MongoOnly, NoSeedIsShownInTheDocumentOfALottery) {
  const auto ledger = open();
  contract::LotteryLog lottery(log_, contract::small_lottery("dice"));
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  const std::vector<Document> documents = all(kPromotions);
  EXPECT_FALSE(View(documents.at(0)).has("secrets"));
  EXPECT_TRUE(View(documents.at(0)).document("lottery").has_value());
}

TEST_F(MongoOnly, NothingThatIsKeptNamesAnErasedPerson) {
  const auto ledger = open();
  contract::LotteryLog lottery(log_, contract::small_lottery("dice"));
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "very-much-ann");
  lottery.open(0);
  lottery.draw("very-much-ann");
  log_.add(lottery.partition(), TicketsAdjusted{.user = ref_of("very-much-ann"),
                                                .tickets = 1,
                                                .audit = {.actor = "key-1", .reason = "very-much-ann called"}});
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  EXPECT_NE(json(kIdentities).find("very-much-ann"), std::string::npos);
  log_.erase("very-much-ann");
  ASSERT_TRUE(ledger->apply(log_.batch()).value());
  for (const char* collection : kCollections) {
    if (collection == kAudit) continue;  // the words of operators, which its chain covers
    EXPECT_EQ(json(collection).find("very-much-ann"), std::string::npos) << collection;
  }
  EXPECT_EQ(postgres::sql(effects_in_, "select count(*) from identity where id = 'very-much-ann'"),
            std::vector<std::string>{"0"});
}

// --- The server

TEST_F(MongoOnly, WhileTheServerIsAwayEveryCallFailsAndWorksAgainWhenItIsBack) {
  Options hasty = options();
  hasty.uri += "?serverSelectionTimeoutMS=200&connectTimeoutMS=200";
  const auto ledger = MongoLedger::open(std::move(hasty), test_effects(effects_in_)).value();
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  const LogBatch batch = log_.batch();
  shared_ferret()->stop();
  const auto applied = ledger->apply(batch);
  const auto read = ledger->participations({});
  ASSERT_EQ(shared_ferret()->start(), "");
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, FailureCode::unavailable);
  EXPECT_NE(applied.error().message.find("mongodb: find in progress"), std::string::npos) << applied.error().message;
  ASSERT_FALSE(read);
  ASSERT_TRUE(ledger->apply(batch).value());
  EXPECT_EQ(ledger->participations({})->size(), 1U);
  EXPECT_EQ(ledger->gauges()->pending, 1);
}

TEST_F(MongoOnly, AServerThatIsAwayAtTheStartIsPreparedWhenItIsBack) {
  Options hasty = options();
  hasty.uri += "?serverSelectionTimeoutMS=200&connectTimeoutMS=200";
  Options other = hasty;
  other.lineage[15] = 1;
  shared_ferret()->stop();
  const auto open_now = MongoLedger::open(hasty, test_effects(effects_in_));
  auto opened = MongoLedger::open_later(hasty, test_effects(effects_in_));
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  const LogBatch batch = log_.batch();
  std::vector<std::string> failures;
  if (opened) {
    const auto applied = (*opened)->apply(batch);
    const auto places = (*opened)->places();
    if (!applied) failures.push_back(applied.error().message);
    if (!places) failures.push_back(places.error().message);
  }
  ASSERT_EQ(shared_ferret()->start(), "");
  ASSERT_FALSE(open_now);
  EXPECT_EQ(open_now.error().code, FailureCode::unavailable);
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_NE(failures[1].find("mongodb: find in progress"), std::string::npos) << failures[1];
  EXPECT_TRUE((*opened)->apply(batch).value());
  EXPECT_EQ((*opened)->participations({})->size(), 1U);
  EXPECT_EQ((*opened)->integrity().value(), std::vector<std::string>{});

  const auto of_another = MongoLedger::open_later(other, test_effects(effects_in_)).value();
  const auto refused = of_another->position();
  ASSERT_FALSE(refused) << "as open() would refuse it";
  EXPECT_EQ(refused.error().code, FailureCode::conflict);
}

TEST_F(MongoOnly, AnotherLineageAndAWholeLedgerInPostgresAreRefused) {
  const auto ledger = open();
  Options other = options();
  other.lineage[15] = 1;
  const auto opened = MongoLedger::open(std::move(other), test_effects(effects_in_));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, FailureCode::conflict);

  const std::string whole = postgres::shared_server()->new_schema();
  const PartitionNo p = log_.promotion("p");
  log_.join(p, "ann");
  {
    const auto in_postgres = postgres::PostgresLedger::open(postgres::test_options(whole)).value();
    ASSERT_TRUE(in_postgres->apply(log_.batch()).value());
  }
  postgres::Options effects = postgres::test_options(whole);
  effects.keeps = postgres::Options::Keeps::effects;
  const auto kept = postgres::PostgresLedger::open(std::move(effects));
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, FailureCode::conflict);
  const auto back = postgres::PostgresLedger::open(postgres::test_options(effects_in_));
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, FailureCode::conflict);
}

TEST(MongoUri, NoMessageShowsAPassword) {
  for (const char* uri : {"mongodb://u:hush7@[::1/x", "nonsense:hush7", "mongodb://u:hush7@/x", "mongodb://:hush7@"}) {
    const auto opened = Client::open(uri, "");
    ASSERT_FALSE(opened) << uri;
    EXPECT_EQ(opened.error().code, FailureCode::invalid);
    EXPECT_EQ(opened.error().message.find("hush7"), std::string::npos) << opened.error().message;
  }
}

}  // namespace
}  // namespace windfall::mongo

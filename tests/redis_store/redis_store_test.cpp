#include "adapters/redis/store/redis_store.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/redis/store/redis_outbox.hpp"
#include "application/lottery_ports.hpp"
#include "application/on_request/coupons.hpp"
#include "application/on_request/look_for.hpp"
#include "application/on_request/manage.hpp"
#include "application/on_request/participate.hpp"
#include "domain/builders.hpp"
#include "domain/lottery/keys.hpp"
#include "redis_store/store_test.hpp"

namespace windfall::redis {
namespace {

using test::command;
using test::kNoon;
using test::user;

TEST_F(RedisStoreTest, JoinsUntilTheStockIsGoneAndNeverMore) {
  create(test::promotion());
  Participate use(*here_->store);
  std::vector<Task<Result<JoinOutcome>>> tasks;
  for (std::uint64_t who = 0; who < 120; ++who) tasks.push_back(use(join_command(who, {}, "1")));
  std::map<std::string, int> words;
  for (const Result<JoinOutcome>& outcome : here_->run_all(std::move(tasks))) ++words[word(outcome)];
  EXPECT_EQ(words, (std::map<std::string, int>{{"joined", 50}, {"SOLD_OUT", 70}}));
  EXPECT_LT(here_->store->counts().calls, 30U) << "a turn's proposals share a call";
  EXPECT_EQ(word(join(3)), "SOLD_OUT");
}

TEST_F(RedisStoreTest, AUserJoinsOnceADayAndTheSameKeyGivesTheSameAnswer) {
  create(test::promotion());
  const Result<JoinOutcome> first = join(1, command(9));
  ASSERT_EQ(word(first), "joined");
  EXPECT_EQ(word(join(1)), "ALREADY_PARTICIPATED");
  const Result<JoinOutcome> again = join(1, command(9));
  ASSERT_EQ(word(again), "replayed");
  EXPECT_EQ(std::get<Joined>(*again).sequence, std::get<Joined>(*first).sequence);
  EXPECT_EQ(std::get<Joined>(*again).at, std::get<Joined>(*first).at);
  Command other = command(9);
  other.fingerprint = 77;
  EXPECT_TRUE(std::holds_alternative<KeyReused>(*join(1, other)));
  clock_.at = test::later(kNoon, test::kDay);
  EXPECT_EQ(word(join(1)), "joined");
}

TEST_F(RedisStoreTest, AnotherProcessSeesWhatOneHasDecided) {
  create(test::promotion());
  const std::unique_ptr<Process> there = start();
  EXPECT_EQ(there->store->lineage(), here_->store->lineage());
  EXPECT_EQ(word(join(*there, 1)), "joined");
  EXPECT_EQ(word(join(1)), "ALREADY_PARTICIPATED");

  Manage use(manage(*here_));
  const auto paused = here_->run(use.pause_all(true, {.actor = "k", .action = "pauseAll", .reason = "x"}, std::nullopt,
                                               [] { return AnswerKept{.status = 200, .headers = "", .body = "{}"}; }));
  ASSERT_TRUE(paused && *paused);
  EXPECT_EQ(word(join(2)), "PROMOTION_PAUSED") << "at once where it was said";
  there->run_for(std::chrono::milliseconds(900));
  EXPECT_EQ(word(join(*there, 2)), "PROMOTION_PAUSED") << "within a second elsewhere";
}

TEST_F(RedisStoreTest, AChangeTakesEffectAtOneRevisionEverywhere) {
  create(test::promotion());
  const std::unique_ptr<Process> there = start();
  Manage use(manage(*here_));
  const auto changed = here_->run(use.change("1", std::nullopt,
                                             [](const ChangeContext& context) {
                                               Promotion next = context.definition.promotion;
                                               next.reward_amount = 700;
                                               return std::optional{next};
                                             },
                                             {.actor = "k", .action = "change", .reason = ""}));
  ASSERT_TRUE(changed) << changed.error().message;
  // The other process has not looked since: its proposal is stale, and it proposes again.
  const Result<JoinOutcome> joined = join(*there, 1);
  ASSERT_EQ(word(joined), "joined");
  EXPECT_EQ(std::get<Joined>(*joined).amount, 700);
}

TEST_F(RedisStoreTest, APrizeWhoseCodesAnotherProcessImportedKeepsItsPlace) {
  Promotion dice = test::promotion();
  dice.start = LocalDay{test::kFirst.days + 1};
  dice.limit_join_count = 0;
  dice.reward_amount = 0;
  dice.lottery = Lottery{};
  dice.lottery->grants = {VisitGrant{}};
  for (const char* id : {"a", "b"})
    dice.lottery->prizes.push_back({.id = id, .name = id, .count = 5, .valid_days = {}});
  create(dice);
  Manage use(manage(*here_));
  const auto swap = [&] {
    return here_->run(use.change("1", std::nullopt,
                                 [](const ChangeContext& context) {
                                   Promotion next = context.definition.promotion;
                                   std::swap(next.lottery->prizes[0], next.lottery->prizes[1]);
                                   return std::optional{next};
                                 },
                                 {.actor = "k", .action = "change", .reason = ""}));
  };

  // Codes of prize a come in elsewhere, while it goes from the first place to the second.
  const std::unique_ptr<Process> there = start();
  test::MemoryVault vault;
  test::DoneAtOnce writer;
  ImportCodes imports(*there->store, vault, writer, [] {});
  const auto running = there->run(imports.begin(there->store->find("1"), 0));
  ASSERT_TRUE(running) << running.error().message;
  const std::vector<CodeLine> lines{{.line = 1, .code = "X1"}};
  ASSERT_TRUE(there->run(imports.append(*running, lines)));
  const auto moved = swap();
  ASSERT_TRUE(moved && std::holds_alternative<PromotionView>(*moved));
  const auto came =
      there->run(imports.finish(*running, {.actor = "k", .action = "importCodes", .reason = ""}, {},
                                [](std::int64_t) { return AnswerKept{.status = 200, .headers = "", .body = "{}"}; }));
  ASSERT_TRUE(came) << came.error().message;
  std::vector<Look> looks{keys::imported(PartitionNo{1}, 0), keys::imported(PartitionNo{1}, 1)};
  EXPECT_EQ(here_->run(here_->store->read(std::move(looks), Freshness::durable)).value(),
            (std::vector<std::int64_t>{0, 1}));

  const auto refused = swap();
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_TRUE(std::holds_alternative<PrizesHaveCodes>(*refused));
}

TEST_F(RedisStoreTest, FirstParticipationIsOneOfAllPromotions) {
  for (const char* id : {"1", "2"}) {
    Promotion promotion = test::promotion();
    promotion.id = id;
    promotion.join_types.emplace_back(FirstTime{});
    create(promotion);
  }
  EXPECT_EQ(word(join(1, {}, "1")), "joined");
  EXPECT_EQ(word(join(1, {}, "2")), "CONDITION_NOT_MET");
  // At the same moment: one of both, and never both.
  Participate use(*here_->store);
  for (std::uint64_t who = 10; who < 30; ++who) {
    std::vector<Task<Result<JoinOutcome>>> both;
    both.push_back(use(join_command(who, {}, "1")));
    both.push_back(use(join_command(who, {}, "2")));
    int joined = 0;
    for (const Result<JoinOutcome>& outcome : here_->run_all(std::move(both)))
      joined += word(outcome) == "joined" ? 1 : 0;
    EXPECT_EQ(joined, 1) << who;
  }
}

TEST_F(RedisStoreTest, AClaimThatCameToNothingIsTakenOverLater) {
  for (const char* id : {"1", "2"}) {
    Promotion promotion = test::promotion();
    promotion.id = id;
    promotion.join_types.emplace_back(FirstTime{});
    create(promotion);
  }
  std::string other = "2";
  const Result<Claim> claimed =
      here_->run(claim(*here_->claims, user(5), std::move(other), clock_.at.ms, std::nullopt));
  ASSERT_TRUE(claimed) << claimed.error().message;
  EXPECT_EQ(word(join(5, {}, "1")), "another first participation of this user is being decided");
  clock_.at = test::later(kNoon, kClaimSettledMs);
  EXPECT_EQ(word(join(5, {}, "1")), "joined");
  EXPECT_EQ(word(join(5, {}, "2")), "CONDITION_NOT_MET");
}

TEST_F(RedisStoreTest, AnswersAreKeptOnceForOperators) {
  create(test::promotion(), command(3));
  const auto kept = here_->run(here_->store->answer_to(command(3).hash));
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->answer.body, "made 1");
  EXPECT_EQ((*kept)->fingerprint, command(3).fingerprint);
  const auto second =
      here_->run(here_->store->keep_answer(command(3), {.status = 200, .headers = "", .body = "other"}));
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second) << "the first one stays";
  const auto none = here_->run(here_->store->answer_to(command(4).hash));
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

/// Asks the store twice, whatever the first answer is.
Task<void> ask_twice(RedisStore* store, std::vector<bool>* answered) {
  for (int i = 0; i < 2; ++i) {
    std::vector<PartitionNo> system{kSystemPartition};
    const auto read = co_await store->headers(std::move(system));
    answered->push_back(read.has_value());
  }
}

TEST_F(RedisStoreTest, WhoeverWaitsAtTheEndOfAProcessGoesOnWhileTheStoreIsThere) {
  std::vector<bool> answered;
  {
    const std::unique_ptr<Process> ending = start();
    detach(ask_twice(ending->store.get(), &answered));
    EXPECT_TRUE(answered.empty()) << "nobody runs the loop";
  }
  EXPECT_EQ(answered, (std::vector<bool>{false, false}));
}

TEST_F(RedisStoreTest, AMissingHeaderIsFencedAndNeverSoldOut) {
  create(test::promotion());
  EXPECT_EQ(word(join(1)), "joined");
  server_.call({"FLUSHALL"});
  const std::string said = word(join(2));
  EXPECT_NE(said.find("fenced"), std::string::npos) << said;
  EXPECT_EQ(here_->store->mirror().fenced(), 1U);
}

TEST_F(RedisStoreTest, WhatAnotherProcessHasJustMadeIsKnownOnceItIsAskedFor) {
  const std::unique_ptr<Process> there = start();
  create(test::promotion());
  EXPECT_FALSE(there->store->find("1"));
  std::vector<Task<Result<bool>>> looks;
  for (int i = 0; i < 3; ++i) looks.push_back(look_for(*there->store, "1"));
  for (const Result<bool>& looked : there->run_all(std::move(looks))) EXPECT_TRUE(looked);
  EXPECT_TRUE(there->store->find("1"));
  EXPECT_EQ(word(join(*there, 1)), "joined");
}

TEST_F(RedisStoreTest, NothingIsSaidOfAPromotionWhoseDefinitionCannotBeAskedFor) {
  create(test::promotion());
  ASSERT_EQ(word(join(1, command(9))), "joined");
  Promotion first = test::promotion();
  first.id = "2";
  first.join_types.emplace_back(FirstTime{});
  create(first);
  // As if the shard were away: the header is there, and nobody can read it.
  server_.call({"RENAME", "{1}:h", "{1}:away"});
  server_.call({"LPUSH", "{1}:h", "unreadable"});
  server_.call({"HSET", "{windfall}:promotions", "never-opened", "99"});
  const std::unique_ptr<Process> there = start();
  EXPECT_TRUE(there->store->awaits("1"));
  EXPECT_TRUE(there->store->awaits_any());
  EXPECT_FALSE(there->store->awaits("unknown"));
  EXPECT_FALSE(there->store->awaits("never-opened")) << "a number alone is no promotion";
  const Result<bool> told = there->run(look_for(*there->store, "1"));
  ASSERT_FALSE(told) << "what was accepted is never denied";
  EXPECT_EQ(told.error().code, FailureCode::unavailable);
  EXPECT_TRUE(there->run(look_for(*there->store, "unknown")));
  const std::string other = word(join(*there, 1, {}, "2"));
  EXPECT_NE(other.find("not every promotion's definition is known"), std::string::npos)
      << "the first of all cannot be judged: " << other;

  server_.call({"DEL", "{1}:h"});
  server_.call({"RENAME", "{1}:away", "{1}:h"});
  there->run_for(std::chrono::milliseconds(900));
  EXPECT_FALSE(there->store->awaits_any());
  EXPECT_EQ(word(join(*there, 1, command(9))), "replayed");
  EXPECT_EQ(word(join(*there, 1, {}, "2")), "CONDITION_NOT_MET");
}

/// A server that answers nobody for as long as this lives.
class Stopped {
 public:
  explicit Stopped(const model::RedisServer& server) : pid_(server.pid()) { kill(pid_, SIGSTOP); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() { kill(pid_, SIGCONT); }

 private:
  pid_t pid_;
};

constexpr std::int64_t kCallMs = 2000;  // a call's own patience

TEST_F(RedisStoreTest, WhoeverWaitsForAServerThatIsAwayIsToldTogether) {
  create(test::promotion());
  Participate use(*here_->store);
  std::vector<Task<Result<JoinOutcome>>> joins;
  for (std::uint64_t who = 0; who < 4 * kMaxProposalsPerCall; ++who) joins.push_back(use(join_command(who, {}, "1")));
  const std::int64_t begun_ms = clock_.monotonic_ms();
  {
    const Stopped stopped(server_);
    for (const Result<JoinOutcome>& outcome : here_->run_all(std::move(joins))) {
      ASSERT_FALSE(outcome);
      EXPECT_EQ(outcome.error().code, FailureCode::unavailable);
    }
  }
  EXPECT_LT(clock_.monotonic_ms() - begun_ms, 2 * kCallMs) << "not one call after the other";
}

TEST_F(RedisStoreTest, AQuestionThatNobodyCanAnswerIsGivenUpForAllWhoAskIt) {
  create(test::promotion());
  std::vector<Task<Result<bool>>> looks;
  for (int i = 0; i < 8; ++i) looks.push_back(look_for(*here_->store, "unknown"));
  const std::int64_t begun_ms = clock_.monotonic_ms();
  {
    const Stopped stopped(server_);
    for (const Result<bool>& looked : here_->run_all(std::move(looks))) EXPECT_FALSE(looked);
  }
  EXPECT_LT(clock_.monotonic_ms() - begun_ms, 3 * kCallMs);
  here_->run_for(std::chrono::milliseconds(500));  // connected again
  EXPECT_TRUE(here_->run(look_for(*here_->store, "unknown"))) << "a failure is nobody's who asks later";
}

TEST_F(RedisStoreTest, OnePromotionDoesNotTakeAllRoomForDecisions) {
  Promotion wide = test::promotion();
  wide.limit_join_count = 10'000;
  wide.daily_limit_join_count.reset();
  create(wide);
  constexpr std::size_t kRoom = 2048;
  constexpr std::size_t kMore = 30;
  Participate use(*here_->store);
  std::vector<Task<Result<JoinOutcome>>> joins;
  for (std::uint64_t who = 0; who < kRoom + kMore; ++who) joins.push_back(use(join_command(who, {}, "1")));
  std::size_t joined = 0;
  std::size_t overloaded = 0;
  std::size_t late = 0;
  for (const Result<JoinOutcome>& outcome : here_->run_all(std::move(joins))) {
    if (outcome && std::holds_alternative<Joined>(*outcome)) ++joined;
    if (!outcome && outcome.error().code == FailureCode::overloaded) ++overloaded;
    if (!outcome && outcome.error().code == FailureCode::unavailable) ++late;
  }
  EXPECT_EQ(joined + overloaded + late, kRoom + kMore);
  if (late > 0) return;  // under a sanitizer so many take longer than a call may, and leave their room to others
  EXPECT_EQ(joined, kRoom);
  EXPECT_EQ(overloaded, kMore);
}

TEST_F(RedisStoreTest, WhatRedisHasLostIsFoldedAgainFromTheLogIntoTheNextEpoch) {
  create(test::promotion());
  for (std::uint64_t who = 1; who <= 5; ++who) ASSERT_EQ(word(join(who, command(who))), "joined");
  RedisOutbox outbox(*here_->client, *here_->store);
  const auto entries = here_->run(outbox.read("1", std::nullopt, 1000));
  ASSERT_TRUE(entries) << entries.error().message;
  std::vector<Recorded> log;
  for (const windfall::OutboxEntry& entry : *entries) log.insert(log.end(), entry.events.begin(), entry.events.end());
  ASSERT_EQ(log.size(), 6U) << "the definition and five joins";
  log.pop_back();  // the last one had not reached the log

  server_.call({"FLUSHALL"});
  ASSERT_NE(word(join(7)), "joined");
  std::vector<std::pair<PartitionNo, Epoch>> begun;
  const LogSource source{
      .events = [&](PartitionNo of, Sequence after, std::size_t) -> Task<Result<std::vector<Recorded>>> {
        std::vector<Recorded> page;
        for (const Recorded& recorded : log) {
          if (recorded.partition == of && recorded.sequence > after && page.size() < 2) page.push_back(recorded);
        }
        co_return page;
      },
      .begin_epoch = [&](PartitionNo of, Epoch next, Sequence) -> Task<Result<bool>> {
        begun.emplace_back(of, next);
        co_return begun.size() != 2;  // the ledger went on meanwhile, once: asked again
      }};
  const auto registered = here_->run(here_->store->restore_registry({{PartitionNo{1}, "1"}}));
  ASSERT_TRUE(registered) << registered.error().message;
  for (const PartitionNo partition : {kSystemPartition, PartitionNo{1}}) {
    const auto done = here_->run(here_->store->rebuild_partition(partition, Epoch{2}, source));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->epoch, Epoch{2});
    if (partition == PartitionNo{1}) {
      EXPECT_EQ(done->events, 5U);
      EXPECT_EQ(here_->store->mirror().at(partition).confirmed.value - done->last.value, 1U)
          << "the join that no log has";
    }
  }
  EXPECT_EQ(here_->store->mirror().fenced(), 0U);
  EXPECT_EQ(word(join(1)), "ALREADY_PARTICIPATED");
  EXPECT_EQ(word(join(2, command(2))), "replayed") << "commands are folded, too";
  EXPECT_EQ(word(join(5, command(5))), "joined") << "the lost one";
  EXPECT_EQ(here_->store->peek(keys::taken(PartitionNo{1})), 5);
  const std::unique_ptr<Process> there = start();
  EXPECT_EQ(there->store->lineage(), here_->store->lineage());
  EXPECT_EQ(word(join(*there, 8)), "joined");
}

}  // namespace
}  // namespace windfall::redis

// The client at a real cluster of three masters with a replica each: slots that move under load, replicas that stand
// still, a master that dies.
#include <gtest/gtest.h>

#include <algorithm>

#include "adapters/redis/client/functions.hpp"
#include "redis/client_loop.hpp"
#include "redis/redis_servers.hpp"

namespace windfall::redis {
namespace {

using std::chrono::milliseconds;

class RealCluster : public testing::Test {
 protected:
  static void SetUpTestSuite() { cluster = std::make_unique<RedisCluster>(); }
  static void TearDownTestSuite() { cluster.reset(); }

  static ClientSettings settings(std::int64_t timeout_ms = 2000) {
    return {.seeds = {cluster->master(0).endpoint(), cluster->replica(2).endpoint()},
            .user = {},
            .password = {},
            .tls = std::nullopt,
            .commit_connections = 2,
            .replicas = 1,
            .call_timeout_ms = timeout_ms};
  }

  /// A key whose slot the i-th of the first masters had; `salt` makes others.
  static std::string key_of(std::size_t master, const std::string& salt) {
    for (int n = 0;; ++n) {
      std::string key = "{" + salt + std::to_string(n) + "}";
      if (RedisCluster::master_of(slot_of(key)) == master) return key;
    }
  }

  static std::unique_ptr<RedisCluster> cluster;
};

std::unique_ptr<RedisCluster> RealCluster::cluster;

/// Somebody who counts one key up, one call after the other, and remembers what was said to it.
struct Counting {
  std::string key;
  Kind kind = Kind::durable;
  bool go_on = true;
  bool ended = false;
  int good = 0;
  int unknown = 0;
  int nothing = 0;
  std::string last_failure;

  /// What the key may be now.
  [[nodiscard]] std::string judge(std::int64_t value) const {
    if (value >= good && value <= good + unknown) return {};
    return key + " is " + std::to_string(value) + " after " + std::to_string(good) + " successes and " +
           std::to_string(unknown) + " unknown outcomes";
  }
};

Task<void> count(Client& client, Counting& counting) {
  while (counting.go_on) {
    Arguments command{"INCR", counting.key};
    Call call{.routing_key = counting.key, .command = std::move(command), .kind = counting.kind};
    Task<Result<Reply>> calling = client.call(std::move(call));
    const Result<Reply> reply = co_await calling;
    if (reply && reply->type == Reply::Type::integer) {
      ++counting.good;
    } else if (!reply && outcome_unknown(reply.error())) {
      ++counting.unknown;
      counting.last_failure = reply.error().message;
    } else {
      ++counting.nothing;
      counting.last_failure = reply ? reply->text : reply.error().message;
    }
  }
  counting.ended = true;
}

void end(ClientLoop& here, std::vector<std::unique_ptr<Counting>>& all) {
  for (auto& one : all) one->go_on = false;
  wait_until("everybody has stopped counting", [&] {
    here.run_for(milliseconds(5));
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return one->ended; });
  });
}

TEST_F(RealCluster, CommandsReachEveryPartOfIt) {
  ClientLoop here(settings());
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  EXPECT_EQ(here.client->shards().size(), 3U);
  std::vector<Call> sets;
  std::vector<Call> gets;
  for (int i = 0; i < 600; ++i) {
    const std::string key = "key" + std::to_string(i);
    sets.push_back({.routing_key = key, .command = {"SET", key, std::to_string(i)}, .kind = Kind::durable});
    gets.push_back({.routing_key = key, .command = {"GET", key}, .kind = Kind::read});
  }
  for (const auto& reply : here.run(here.client->pipeline(sets))) ASSERT_EQ(ClientLoop::shown(reply), "+OK");
  const auto values = here.run(here.client->pipeline(gets));
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(ClientLoop::shown(values[i]), "$" + std::to_string(i));
  EXPECT_EQ(here.client->figures().waits, 6U) << "one for each of two commit connections of three masters";
  EXPECT_EQ(here.client->figures().moved, 0U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_GT(cluster->master(i).ask({"DBSIZE"}).number, 100);
}

TEST_F(RealCluster, WithoutItsReplicaAMastersCommitsAreUnknown) {
  ClientLoop here(settings());
  const std::string key = key_of(1, "frozen");
  ASSERT_EQ(here.say(key, {"INCR", key}, Kind::durable), ":1");
  cluster->replica(1).freeze();
  const auto alone = here.run(here.client->call_durable(key, {"INCR", key}));
  EXPECT_NE(here.say(key, {"GET", key}, Kind::confirmed).find("0 of 1 Redis replicas confirmed"), std::string::npos)
      << "what was read might be forgotten by a failover";
  EXPECT_EQ(here.say(key, {"GET", key}), "$2") << "a plain read does not care";
  Arguments script{"EVAL", "return redis.call('INCR', KEYS[1])", "1", key};
  const auto by_script = here.run(here.client->call_durable(key, std::move(script)));
  EXPECT_EQ(here.say(key_of(2, "whole"), {"SET", key_of(2, "whole"), "1"}, Kind::durable), "+OK") << "others go on";
  cluster->replica(1).go_on();
  ASSERT_FALSE(alone.has_value());
  EXPECT_EQ(alone.error().code, FailureCode::unavailable);
  EXPECT_TRUE(outcome_unknown(alone.error())) << alone.error().message;
  ASSERT_FALSE(by_script.has_value());
  EXPECT_TRUE(outcome_unknown(by_script.error())) << by_script.error().message;
  EXPECT_EQ(here.say(key, {"GET", key}, Kind::confirmed), "$3")
      << "they had happened, as the same commands would learn";
  cluster->wait_until_whole();
}

TEST_F(RealCluster, ASlotThatMovesUnderLoadLosesNothing) {
  ClientLoop here(settings());
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  const std::string tag = key_of(0, "moving");
  const std::string slot = std::to_string(slot_of(tag));
  std::vector<std::unique_ptr<Counting>> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(std::make_unique<Counting>());
    all.back()->key = tag + std::to_string(i);
    detach(count(*here.client, *all.back()));
  }
  here.run_for(milliseconds(50));
  RedisServer& from = cluster->master(0);
  RedisServer& to = cluster->master(1);
  ASSERT_EQ(show(to.ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", cluster->id(0)})), "+OK");
  ASSERT_EQ(show(from.ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", cluster->id(1)})), "+OK");
  here.run_for(milliseconds(20));
  for (int i = 0; i < 8; ++i) {
    const std::string port = std::to_string(to.endpoint().port);
    ASSERT_EQ(show(from.ask({"MIGRATE", "127.0.0.1", port, tag + std::to_string(i), "0", "1000"})), "+OK");
    here.run_for(milliseconds(10));
  }
  EXPECT_GT(here.client->figures().asked, 0U);
  EXPECT_EQ(here.client->figures().moved, 0U);
  ASSERT_EQ(show(to.ask({"CLUSTER", "SETSLOT", slot, "NODE", cluster->id(1)})), "+OK");
  ASSERT_EQ(show(from.ask({"CLUSTER", "SETSLOT", slot, "NODE", cluster->id(1)})), "+OK");
  here.run_for(milliseconds(100));
  end(here, all);
  EXPECT_GT(here.client->figures().moved, 0U);
  for (const auto& one : all) {
    EXPECT_EQ(one->unknown + one->nothing, 0) << one->last_failure;
    EXPECT_GT(one->good, 10);
    EXPECT_EQ(here.say(one->key, {"GET", one->key}), "$" + std::to_string(one->good));
  }
}

TEST_F(RealCluster, AskingForTwoKeysOfAMovingSlotIsTriedAgainUntilTheyAreTogether) {
  ClientLoop here(settings());
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  const std::string tag = key_of(2, "pair");
  const std::string slot = std::to_string(slot_of(tag));
  here.say(tag, {"MSET", tag + "a", "1", tag + "b", "2"}, Kind::write);
  RedisServer& from = cluster->master(2);
  RedisServer& to = cluster->master(1);
  to.ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", cluster->id(2)});
  from.ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", cluster->id(1)});
  const std::string port = std::to_string(to.endpoint().port);
  from.ask({"MIGRATE", "127.0.0.1", port, tag + "a", "0", "1000"});
  std::optional<std::string> answer;
  const auto both = [](Client& client, std::string key, std::optional<std::string>& out) -> Task<void> {
    Arguments command{"MGET", key + "a", key + "b"};
    Task<Result<Reply>> calling = client.call(key, std::move(command));
    const Result<Reply> reply = co_await calling;
    out = ClientLoop::shown(reply);
  };
  detach(both(*here.client, tag, answer));
  here.run_for(milliseconds(60));
  EXPECT_FALSE(answer.has_value());
  EXPECT_GT(here.client->figures().backed_off, 0U);
  from.ask({"MIGRATE", "127.0.0.1", port, tag + "b", "0", "1000"});
  wait_until("both keys are there", [&] {
    here.run_for(milliseconds(10));
    return answer.has_value();
  });
  EXPECT_EQ(*answer, "[$1 $2]");
  to.ask({"CLUSTER", "SETSLOT", slot, "NODE", cluster->id(1)});
  from.ask({"CLUSTER", "SETSLOT", slot, "NODE", cluster->id(1)});
}

TEST_F(RealCluster, ALibraryIsOnEveryMasterAndReachesTheirReplicas) {
  ClientLoop here(settings());
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  const auto library = std::move(*FunctionLibrary::make(*here.client,
                                                        "#!lua name=windfall_test_1\nredis.register_function('bump_1', "
                                                        "function(k) return redis.call('INCR', k[1]) end)\n"));
  const auto ensured = here.run(library->ensure());
  ASSERT_TRUE(ensured.has_value()) << ensured.error().message;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string key = key_of(i, "bumped");
    const Call bump{.routing_key = key, .command = {"FCALL", "bump_1", "1", key}, .kind = Kind::durable};
    EXPECT_EQ(ClientLoop::shown(here.run(library->call(bump))), ":1");
    EXPECT_EQ(cluster->replica(i).ask({"FUNCTION", "LIST"}).items.size(), 1U);
  }
  cluster->master(1).ask({"FUNCTION", "FLUSH"});
  const std::string key = key_of(1, "bumped");
  const Call bump{.routing_key = key, .command = {"FCALL", "bump_1", "1", key}, .kind = Kind::durable};
  EXPECT_EQ(ClientLoop::shown(here.run(library->call(bump))), ":2");
}

TEST_F(RealCluster, ANewMasterIsGivenTheLibrary) {
  auto without_replicas = settings();
  without_replicas.replicas = 0;
  ClientLoop here(without_replicas);
  const std::string key = key_of(1, "emigrant");
  const auto library = std::move(*FunctionLibrary::make(
      *here.client, "#!lua name=windfall_test_2\nredis.register_function('seven_2', function() return 7 end)\n"));
  const Call seven{.routing_key = key, .command = {"FCALL", "seven_2", "1", key}, .kind = Kind::write};
  ASSERT_EQ(ClientLoop::shown(here.run(library->call(seven))), ":7");
  RedisServer& added = cluster->add_master();
  cluster->give(slot_of(key), 1);
  EXPECT_EQ(ClientLoop::shown(here.run(library->call(seven))), ":7");
  EXPECT_GT(here.client->figures().moved, 0U);
  EXPECT_EQ(here.client->shards().size(), 4U);
  EXPECT_EQ(added.ask({"FUNCTION", "LIST"}).items.size(), 1U);
}

// Last: the cluster is not what it was afterwards.
TEST_F(RealCluster, AKilledMasterIsReplacedAndNothingConfirmedIsLost) {
  ClientLoop here(settings(10'000));
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  std::vector<std::unique_ptr<Counting>> all;
  for (std::size_t master = 0; master < 3; ++master) {
    for (const Kind kind : {Kind::durable, Kind::write}) {
      all.push_back(std::make_unique<Counting>());
      all.back()->key = key_of(master, kind == Kind::durable ? "safe" : "loose");
      all.back()->kind = kind;
      detach(count(*here.client, *all.back()));
    }
  }
  here.run_for(milliseconds(200));
  RedisServer& dead = cluster->master(0);
  dead.kill();
  const int before = all[1]->good;
  EXPECT_GT(before, 0);
  wait_until("the replica serves what its master served", [&] {
    here.run_for(milliseconds(50));
    return all[1]->good > before + 20;
  });
  // Nobody confirms what the new master takes, until the dead node is back and follows it.
  const int confirmed = all[0]->good;
  dead.start();
  wait_until("commits are confirmed again", [&] {
    here.run_for(milliseconds(50));
    return all[0]->good > confirmed + 20;
  });
  end(here, all);
  for (std::size_t i = 0; i < all.size(); i += 2) {
    const std::string value = here.say(all[i]->key, {"GET", all[i]->key}, Kind::confirmed);
    EXPECT_EQ(all[i]->judge(std::stoll(value.substr(1))), "") << all[i]->last_failure;
  }
  EXPECT_EQ(all[2]->unknown + all[2]->nothing + all[4]->unknown + all[4]->nothing, 0)
      << "the other masters' callers noticed: " << all[2]->last_failure << all[4]->last_failure;
  EXPECT_GT(here.client->figures().lost, 0U);
}

}  // namespace
}  // namespace windfall::redis

// The cluster machine: where commands go, when they are tried again, and what is said when nobody knows what became of
// them.
#include "adapters/redis/client/cluster.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "redis/cluster_driver.hpp"

namespace windfall::redis {
namespace {

constexpr std::uint16_t kLow = 100;    // a slot of node a
constexpr std::uint16_t kHigh = 9000;  // a slot of node b

Cluster::Settings two_nodes(int replicas = 0) {
  return {.seeds = {kA}, .user = {}, .password = {}, .commit_connections = 2, .replicas = replicas};
}

class TwoNodes : public testing::Test {
 protected:
  void start(int replicas = 0) {
    world.emplace(two_nodes(replicas));
    world->map = halves(kA, kB);
    world->cluster.want_map(world->now);
    world->settle();
    ASSERT_EQ(world->cluster.figures().maps, 1U);
    world->pass(kMapPauseMs);
  }

  std::optional<ClusterDriver> world;
};

TEST_F(TwoNodes, ACommandGoesToTheMasterOfItsSlot) {
  start();
  const RequestId low = world->submit(kLow, {"GET", "x"}, Kind::read);
  const RequestId high = world->submit(kHigh, {"GET", "y"}, Kind::read);
  world->settle();
  EXPECT_EQ(world->owed(kA), "GET x\n");
  EXPECT_EQ(world->owed(kB), "GET y\n");
  world->reply(kB, "GET", bulk("2"));
  world->reply(kA, "GET", bulk("1"));
  EXPECT_EQ(world->outcome(low), "$1");
  EXPECT_EQ(world->outcome(high), "$2");
}

TEST_F(TwoNodes, CommandsWaitForTheMap) {
  world.emplace(two_nodes());
  const RequestId early = world->submit(kHigh, {"GET", "y"}, Kind::read);
  world->settle();
  EXPECT_EQ(world->owed(kB), "");
  world->map = halves(kA, kB);
  world->settle();
  world->reply(kB, "GET", bulk("2"));
  EXPECT_EQ(world->outcome(early), "$2");
}

TEST_F(TwoNodes, AllCommandsOfATurnGoOutInOneWriteOfAConnection) {
  start();
  for (int i = 0; i < 50; ++i) world->submit(kLow, {"SET", "x", std::to_string(i)}, Kind::write);
  world->settle();
  const auto* wire = world->waiting(kA, "SET");
  ASSERT_NE(wire, nullptr);
  EXPECT_EQ(wire->owed.size(), 50U);
  EXPECT_EQ(wire->writes, 2) << "the greeting and one more";
  EXPECT_EQ(wire->owed[49][2], "49") << "in the order of the calls";
}

TEST_F(TwoNodes, ReadsAndCommitsUseDifferentConnections) {
  start();
  world->submit(kLow, {"SET", "x", "1"}, Kind::write);
  world->submit(kLow + 1, {"SET", "z", "1"}, Kind::write);
  world->submit(kLow, {"GET", "x"}, Kind::read);
  world->settle();
  EXPECT_EQ(world->owed(kA), "GET x\nSET x 1\nSET z 1\n") << "two commit connections, chosen by the slot";
}

TEST_F(TwoNodes, AConnectionIntroducesItselfFirst) {
  auto settings = two_nodes();
  settings.user = "windfall";
  settings.password = "secret";
  world.emplace(settings);
  world->cluster.want_map(world->now);
  world->settle();
  ASSERT_EQ(world->greetings.size(), 1U);
  EXPECT_EQ(world->greetings[0],
            (std::vector<std::string>{"HELLO", "2", "AUTH", "windfall", "secret", "SETNAME", "windfall"}));
}

TEST_F(TwoNodes, ARefusedPasswordIsNamedWhenTheCallFails) {
  world.emplace(two_nodes());
  world->greeting = error("WRONGPASS invalid username-password pair");
  const RequestId call = world->submit(kLow, {"GET", "x"}, Kind::read);
  world->settle();
  world->pass(500);
  world->pass(600);
  EXPECT_NE(world->outcome(call).find("no Redis node has described the cluster"), std::string::npos);
  EXPECT_NE(world->cluster.trouble().find("WRONGPASS"), std::string::npos);
}

// ---- durable commands

TEST_F(TwoNodes, ADurableCommandSucceedsWhenTheReplicasHaveIt) {
  start(2);
  const RequestId commit = world->submit(kLow, {"SET", "x", "1"}, Kind::durable);
  world->settle();
  EXPECT_EQ(world->owed(kA), "SET x 1 WAIT 2 500\n");
  world->reply(kA, "SET", simple("OK"));
  EXPECT_EQ(world->outcome(commit), "") << "held until WAIT has spoken";
  world->reply(kA, "WAIT", integer(2));
  EXPECT_EQ(world->outcome(commit), "+OK");
}

TEST_F(TwoNodes, OneWaitStandsBehindATurnsCommands) {
  start(1);
  const RequestId first = world->submit(kLow, {"SET", "x", "1"}, Kind::durable);
  const RequestId plain = world->submit(kLow, {"SET", "y", "1"}, Kind::write);
  const RequestId read = world->submit(kLow, {"GET", "y"}, Kind::confirmed);
  world->settle();
  EXPECT_EQ(world->owed(kA), "SET x 1 SET y 1 GET y WAIT 1 500\n");
  world->reply(kA, "SET", simple("OK"));
  world->reply(kA, "SET", simple("OK"));
  world->reply(kA, "GET", bulk("1"));
  EXPECT_EQ(world->outcome(plain), "+OK") << "it waits for nobody";
  EXPECT_EQ(world->outcome(first) + world->outcome(read), "");
  world->reply(kA, "WAIT", integer(1));
  EXPECT_EQ(world->outcome(first), "+OK");
  EXPECT_EQ(world->outcome(read), "$1");
}

TEST_F(TwoNodes, TooFewReplicasMakeTheOutcomeUnknown) {
  start(2);
  const RequestId commit = world->submit(kLow, {"SET", "x", "1"}, Kind::durable);
  const RequestId read = world->submit(kLow, {"GET", "x"}, Kind::confirmed);
  world->settle();
  world->reply(kA, "SET", simple("OK"));
  world->reply(kA, "GET", bulk("1"));
  world->reply(kA, "WAIT", integer(1));
  EXPECT_EQ(world->outcome(commit), "unavailable: 1 of 2 Redis replicas confirmed; outcome unknown");
  EXPECT_EQ(world->outcome(read), "unavailable: 1 of 2 Redis replicas confirmed; nothing happened");
  EXPECT_TRUE(outcome_unknown(world->done.at(commit).error()));
  EXPECT_FALSE(outcome_unknown(world->done.at(read).error()));
  EXPECT_EQ(world->cluster.figures().unconfirmed, 1U);
}

TEST_F(TwoNodes, AWaitThatIsRefusedConfirmsNothing) {
  start(1);
  const RequestId commit = world->submit(kLow, {"SET", "x", "1"}, Kind::durable);
  world->settle();
  world->reply(kA, "SET", simple("OK"));
  world->reply(kA, "WAIT", error("UNBLOCKED force unblock, instance state changed"));
  EXPECT_TRUE(outcome_unknown(world->done.at(commit).error())) << world->outcome(commit);
}

TEST_F(TwoNodes, WithoutReplicasADurableCommandNeedsNoWait) {
  start(0);
  const RequestId commit = world->submit(kLow, {"SET", "x", "1"}, Kind::durable);
  world->settle();
  EXPECT_EQ(world->owed(kA), "SET x 1\n");
  world->reply(kA, "SET", simple("OK"));
  EXPECT_EQ(world->outcome(commit), "+OK");
}

TEST_F(TwoNodes, AWaitDoesNotConfirmACommandThatWasRedirectedMeanwhile) {
  start(1);
  const RequestId moved = world->submit(kLow, {"SET", "x", "1"}, Kind::durable);
  world->settle();
  world->reply(kA, "SET", error("MOVED 100 b:1"));
  world->settle();
  EXPECT_EQ(world->owed(kB), "SET x 1 WAIT 1 500\n");
  world->reply(kB, "SET", simple("OK"));
  world->reply(kA, "WAIT", integer(1));
  EXPECT_EQ(world->outcome(moved), "") << "that was the WAIT of another node";
  world->reply(kB, "WAIT", integer(0));
  EXPECT_TRUE(outcome_unknown(world->done.at(moved).error()));
}

// ---- redirects

TEST_F(TwoNodes, MovedChangesTheMapAndIsFollowed) {
  start();
  const RequestId first = world->submit(kLow, {"SET", "x", "1"}, Kind::write);
  world->settle();
  world->map = std::nullopt;
  world->reply(kA, "SET", error("MOVED 100 b:1"));
  world->settle();
  world->reply(kB, "SET", simple("OK"));
  EXPECT_EQ(world->outcome(first), "+OK");
  world->submit(kLow, {"GET", "x"}, Kind::read);
  world->settle();
  EXPECT_NE(world->owed(kB).find("GET x"), std::string::npos) << "the next one goes there at once";
  EXPECT_EQ(world->cluster.figures().moved, 1U);
}

TEST_F(TwoNodes, MovedMakesTheWholeMapBeReadAnew) {
  start();
  world->map = halves(kC, kB);
  world->submit(kLow, {"GET", "x"}, Kind::read);
  world->settle();
  world->reply(kA, "GET", error("MOVED 100 c:1"));
  world->pass(kMapPauseMs);
  EXPECT_EQ(world->cluster.figures().maps, 2U);
  EXPECT_EQ(world->maps_with_new_masters, 2) << "a new master is announced, though MOVED had named it before";
  world->submit(kLow + 1, {"GET", "z"}, Kind::read);
  world->settle();
  EXPECT_EQ(world->owed(kC), "GET x GET z\n");
}

TEST_F(TwoNodes, MovedToANamelessHostMeansTheOneThatSaysSo) {
  start();
  const RequestId call = world->submit(kLow, {"GET", "x"}, Kind::read);
  world->settle();
  world->map = std::nullopt;
  world->reply(kA, "GET", error("MOVED 100 :2"));
  world->settle();
  world->reply({.host = "a", .port = 2}, "GET", bulk("1"));
  EXPECT_EQ(world->outcome(call), "$1");
}

TEST_F(TwoNodes, AskIsFollowedOnceAfterAsking) {
  start();
  const RequestId call = world->submit(kLow, {"GET", "x"}, Kind::read);
  world->settle();
  world->reply(kA, "GET", error("ASK 100 b:1"));
  world->settle();
  EXPECT_EQ(world->owed(kB), "ASKING GET x\n");
  world->reply(kB, "ASKING", simple("OK"));
  world->reply(kB, "GET", bulk("1"));
  EXPECT_EQ(world->outcome(call), "$1");
  world->submit(kLow, {"GET", "x"}, Kind::read);
  world->settle();
  EXPECT_EQ(world->owed(kA), "GET x\n") << "the map has not changed";
}

TEST_F(TwoNodes, TryAgainIsTriedAgainWhereTheSlotBelongs) {
  start();
  const RequestId call = world->submit(kLow, {"MGET", "x", "y"}, Kind::read);
  world->settle();
  world->reply(kA, "MGET", error("ASK 100 b:1"));
  world->settle();
  world->reply(kB, "ASKING", simple("OK"));
  world->reply(kB, "MGET", error("TRYAGAIN Multiple keys request during rehashing of slot"));
  world->settle();
  EXPECT_EQ(world->owed(kA) + world->owed(kB), "") << "not at once";
  world->pass(kFirstBackOffMs + 8);
  world->reply(kA, "MGET", list({bulk("1"), bulk("2")}));
  EXPECT_EQ(world->outcome(call), "[$1 $2]");
}

TEST_F(TwoNodes, ClusterDownIsTriedAgainLessAndLessOftenUntilTheDeadline) {
  start();
  const RequestId call = world->submit(kLow, {"GET", "x"}, Kind::read, 1000);
  int tries = 0;
  for (int ms = 0; ms < 1000 && world->outcome(call).empty(); ++ms) {
    world->settle();
    if (world->waiting(kA, "GET") != nullptr) {
      ++tries;
      world->reply(kA, "GET", error("CLUSTERDOWN The cluster is down"));
    }
    world->pass(1);
  }
  EXPECT_EQ(world->outcome(call), "unavailable: Redis a:1 says CLUSTERDOWN The cluster is down; nothing happened");
  EXPECT_GE(tries, 5);
  EXPECT_LE(tries, 8);
}

TEST_F(TwoNodes, NodesThatSendACommandInCirclesAreGivenUp) {
  start();
  world->map = std::nullopt;
  const RequestId call = world->submit(kLow, {"SET", "x", "1"}, Kind::write, 60'000);
  for (int i = 0; i < 2 * kMostRedirects && world->outcome(call).empty(); ++i) {
    world->settle();
    if (world->waiting(kA, "SET") != nullptr) world->reply(kA, "SET", error("MOVED 100 b:1"));
    world->settle();
    if (world->waiting(kB, "SET") != nullptr) world->reply(kB, "SET", error("MOVED 100 a:1"));
    world->pass(kMostBackOffMs + 8);
  }
  EXPECT_NE(world->outcome(call).find("MOVED"), std::string::npos);
  EXPECT_EQ(world->cluster.figures().moved, static_cast<std::uint64_t>(kMostRedirects) + 1);
}

TEST_F(TwoNodes, ErrorsOfTheCommandItselfAreTheCallersBusiness) {
  start();
  for (const char* what : {"WRONGTYPE no", "ERR Function not found", "NOPERM no", "ERR MOVED script: x",
                           "OOM command not allowed script: windfall_commit"}) {
    const RequestId call = world->submit(kLow, {"FCALL", "x"}, Kind::write);
    world->settle();
    world->reply(kA, "FCALL", error(what));
    EXPECT_EQ(world->outcome(call), std::string("-") + what);
  }
}

TEST_F(TwoNodes, WritesThatTheServerDoesNotTakeHaveNotHappened) {
  start(1);
  for (const char* what :
       {"NOREPLICAS Not enough good replicas to write.", "MISCONF disk", "OOM command not allowed"}) {
    const RequestId call = world->submit(kLow, {"SET", "x", "1"}, Kind::durable);
    world->settle();
    world->reply(kA, "SET", error(what));
    world->reply(kA, "WAIT", integer(0));
    EXPECT_NE(world->outcome(call).find("; nothing happened"), std::string::npos) << world->outcome(call);
    EXPECT_EQ(world->done.at(call).error().code,
              std::string_view(what).starts_with("OOM") ? FailureCode::overloaded : FailureCode::unavailable);
  }
}

// ---- connections that break

TEST_F(TwoNodes, AReadWhoseConnectionBreaksIsAskedAgain) {
  start();
  const RequestId call = world->submit(kLow, {"GET", "x"}, Kind::read);
  world->settle();
  world->lose(*world->waiting(kA, "GET"));
  world->pass(100);
  world->reply(kA, "GET", bulk("1"));
  EXPECT_EQ(world->outcome(call), "$1");
}

TEST_F(TwoNodes, AWriteWhoseConnectionBreaksIsNotRepeated) {
  start(1);
  const RequestId plain = world->submit(kLow, {"SET", "x", "1"}, Kind::write);
  const RequestId commit = world->submit(kLow, {"SET", "x", "2"}, Kind::durable);
  const RequestId read = world->submit(kLow, {"GET", "x"}, Kind::confirmed);
  world->settle();
  world->lose(*world->waiting(kA, "SET"));
  EXPECT_EQ(world->outcome(plain), "unavailable: Redis a:1: gone; outcome unknown");
  EXPECT_EQ(world->outcome(commit), "unavailable: Redis a:1: gone; outcome unknown");
  world->pass(100);
  EXPECT_EQ(world->owed(kA), "GET x WAIT 1 500\n") << "only the read";
  EXPECT_EQ(world->outcome(read), "");
  EXPECT_EQ(world->cluster.figures().unknown, 2U);
}

TEST_F(TwoNodes, ACommitWhoseWaitIsLostIsUnknown) {
  start(1);
  const RequestId commit = world->submit(kLow, {"SET", "x", "1"}, Kind::durable);
  world->settle();
  world->reply(kA, "SET", simple("OK"));
  world->lose(*world->waiting(kA, "WAIT"));
  EXPECT_TRUE(outcome_unknown(world->done.at(commit).error()));
}

TEST_F(TwoNodes, AWriteThatWasNeverSentIsSentToTheNextConnection) {
  start();
  world->submit(kLow, {"SET", "w", "0"}, Kind::write);
  world->settle();  // the connection stands
  auto* wire = world->waiting(kA, "SET");
  const RequestId write = world->submit(kLow, {"SET", "x", "1"}, Kind::write);
  world->lose(*wire);  // before the turn's end
  world->pass(100);
  EXPECT_EQ(world->owed(kA), "SET x 1\n");
  world->reply(kA, "SET", simple("OK"));
  EXPECT_EQ(world->outcome(write), "+OK");
}

TEST_F(TwoNodes, ANodeThatCannotBeConnectedIsTriedUntilTheDeadline) {
  start();
  world->refusing[kB] = true;
  const RequestId call = world->submit(kHigh, {"SET", "y", "1"}, Kind::write, 1000);
  world->settle();
  for (int i = 0; i < 10; ++i) world->pass(10);
  EXPECT_EQ(world->outcome(call), "");
  EXPECT_LE(world->wires.size(), 12U) << "not without a pause";
  for (int i = 0; i < 100; ++i) world->pass(10);
  EXPECT_EQ(world->outcome(call), "unavailable: Redis b:1: connection refused; nothing happened");
}

TEST_F(TwoNodes, NewCallsDoNotConnectToADeadNodeEachOnItsOwn) {
  start();
  world->refusing[kB] = true;
  const auto connects_to_b = [&] {
    return std::count_if(world->wires.begin(), world->wires.end(), [](const auto& wire) { return wire.to == kB; });
  };
  const auto before = connects_to_b();
  for (int i = 0; i < 40; ++i) {
    world->submit(kHigh, {"SET", "y", "1"}, Kind::write, 10'000);
    world->pass(1);
  }
  EXPECT_EQ(connects_to_b() - before, 1) << "within " << kReconnectPauseMs << " ms";
}

TEST_F(TwoNodes, APromotedReplicaTakesOver) {
  start();
  world->submit(kHigh, {"SET", "y", "1"}, Kind::write);
  world->settle();
  world->refusing[kB] = true;
  world->lose(*world->waiting(kB, "SET"));
  const RequestId call = world->submit(kHigh, {"SET", "y", "2"}, Kind::write, 3000);
  for (int i = 0; i < 20; ++i) world->pass(20);
  EXPECT_EQ(world->outcome(call), "");
  world->map = halves(kA, kC);
  for (int i = 0; i < 20; ++i) world->pass(20);
  world->reply(kC, "SET", simple("OK"));
  EXPECT_EQ(world->outcome(call), "+OK");
  EXPECT_EQ(world->maps_with_new_masters, 2);
}

TEST_F(TwoNodes, AnotherNodeIsAskedForTheMapWhenOneIsSilent) {
  start();
  world->submit(kLow, {"GET", "x"}, Kind::read, 60'000);
  world->submit(kHigh, {"GET", "y"}, Kind::read, 60'000);
  world->settle();
  world->map = std::nullopt;
  world->cluster.want_map(world->now);
  world->settle();
  const bool first_a = world->owed(kA).find("CLUSTER") != std::string::npos;
  world->pass(kMapTimeoutMs);
  world->pass(kMapPauseMs);
  EXPECT_NE(world->owed(first_a ? kB : kA).find("CLUSTER SHARDS"), std::string::npos);
}

TEST_F(TwoNodes, ASilentConnectionIsGivenUp) {
  start();
  const RequestId read = world->submit(kLow, {"GET", "x"}, Kind::read, 10'000);
  const RequestId write = world->submit(kLow, {"SET", "x", "1"}, Kind::write, 10'000);
  world->settle();
  world->pass(kSilenceMs - 1);
  EXPECT_EQ(world->outcome(write), "");
  world->pass(1);
  EXPECT_EQ(world->outcome(write), "unavailable: Redis a:1: it is silent; outcome unknown");
  world->pass(100);
  world->reply(kA, "GET", bulk("1"));
  EXPECT_EQ(world->outcome(read), "$1");
}

TEST_F(TwoNodes, AConnectionThatDoesNotOpenIsGivenUp) {
  world.emplace(two_nodes());
  world->submit(kLow, {"GET", "x"}, Kind::read, 10'000);
  world->turn();
  ASSERT_EQ(world->wires.size(), 1U);
  world->now += kOpenMs;
  world->cluster.tick(world->now);
  world->turn();
  EXPECT_FALSE(world->wires[0].open);
}

TEST_F(TwoNodes, AReplyThatComesTooLateIsNobodys) {
  start();
  const RequestId late = world->submit(kLow, {"SET", "x", "1"}, Kind::write, 100);
  const RequestId patient = world->submit(kLow, {"SET", "x", "2"}, Kind::write, 1000);
  world->settle();
  world->pass(100);
  EXPECT_EQ(world->outcome(late), "unavailable: Redis did not answer in time; outcome unknown");
  world->reply(kA, "SET", simple("LATE"));
  world->reply(kA, "SET", simple("OK"));
  EXPECT_EQ(world->outcome(patient), "+OK");
}

TEST_F(TwoNodes, AReplyThatNobodyAskedForEndsTheConnection) {
  start();
  world->submit(kLow, {"GET", "x"}, Kind::read);
  world->settle();
  auto* wire = world->waiting(kA, "GET");
  const ConnectionId id = wire->id;
  world->reply(*wire, bulk("1"));
  world->cluster.replied(id, simple("?"), world->now);
  world->settle();
  const auto found = std::find_if(world->wires.begin(), world->wires.end(), [&](const auto& w) { return w.id == id; });
  EXPECT_FALSE(found->open);
}

TEST_F(TwoNodes, ConnectionsToANodeThatHasLeftAreClosedWhenTheyOweNothing) {
  start();
  world->submit(kHigh, {"SET", "y", "1"}, Kind::write);
  world->settle();
  world->map = halves(kA, kC);
  world->cluster.want_map(world->now);
  world->settle();
  auto* wire = world->waiting(kB, "SET");
  ASSERT_NE(wire, nullptr) << "it owes a reply";
  const std::size_t index = static_cast<std::size_t>(wire - world->wires.data());
  world->reply(*wire, simple("OK"));
  EXPECT_FALSE(world->wires[index].open);
}

TEST_F(TwoNodes, TooManyOutstandingCallsAreRefusedAtOnce) {
  world.emplace(two_nodes());
  for (std::size_t i = 0; i < kMostOutstanding; ++i) world->submit(kLow, {"GET", "x"}, Kind::read);
  const RequestId one_more = world->submit(kLow, {"GET", "x"}, Kind::read);
  EXPECT_NE(world->outcome(one_more).find("overloaded"), std::string::npos);
}

TEST(SingleServer, HasEverySlot) {
  ClusterDriver world({.seeds = {kA}, .user = {}, .password = {}});
  world.map = error("ERR This instance has cluster support disabled");
  const RequestId call = world.submit(kHigh, {"GET", "y"}, Kind::read);
  world.settle();
  world.reply(kA, "GET", bulk("1"));
  EXPECT_EQ(world.outcome(call), "$1");
  EXPECT_TRUE(world.cluster.map().alone());
}

TEST(OlderServer, IsAskedByTheOlderCommand) {
  ClusterDriver world({.seeds = {kA}, .user = {}, .password = {}});
  world.cluster.want_map(world.now);
  world.settle();
  world.reply(kA, "CLUSTER", error("ERR Unknown subcommand or wrong number of arguments for 'SHARDS'"));
  world.turn();
  EXPECT_EQ(world.owed(kA), "CLUSTER SLOTS\n");
  world.reply(kA, "CLUSTER", list({list({integer(0), integer(16383), list({bulk("a"), integer(1), bulk("id")})})}));
  EXPECT_EQ(world.cluster.map().unserved(), 0);
}

TEST(FreshServer, WithoutSlotsIsNotBelieved) {
  ClusterDriver world({.seeds = {kB, kA}, .user = {}, .password = {}});
  world.map = list({list({bulk("slots"), list({}), bulk("nodes"), list({})})});
  const RequestId call = world.submit(kLow, {"GET", "x"}, Kind::read);
  world.settle();
  EXPECT_EQ(world.cluster.figures().maps, 0U);
  world.map = halves(kA, kB);
  world.pass(kMapPauseMs);
  world.reply(kA, "GET", bulk("1"));
  EXPECT_EQ(world.outcome(call), "$1");
}

}  // namespace
}  // namespace windfall::redis

// The cluster machine among nodes that do as the dice say.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "redis/cluster_driver.hpp"

namespace windfall::redis {
namespace {

// Nodes that answer, redirect, stall and break as the dice say: every call ends exactly once and in time, a write is
// never sent again after it may have arrived, and whatever is confirmed was confirmed on its own connection.
class Chaos : public testing::TestWithParam<std::uint32_t> {};

TEST_P(Chaos, EveryCallEndsOnceAndNoWriteIsRepeated) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937 dice(GetParam());
  const auto roll = [&](int sides) { return static_cast<int>(dice() % static_cast<unsigned>(sides)); };
  ClusterDriver world({.seeds = {kA, kB}, .user = {}, .password = {}, .commit_connections = 2, .replicas = 1});
  world.map = halves(kA, kB);
  std::map<RequestId, std::int64_t> waiting;  // until when
  std::size_t calls = 0;
  std::set<RequestId> durable;
  std::map<RequestId, std::string> writes;                       // by id, the value that it writes
  std::map<std::string, int> executed;                           // by value, how often a node took it
  std::map<ConnectionId, std::vector<std::string>> unconfirmed;  // by connection, values that no WAIT has covered
  std::map<std::string, bool> confirmed;
  const std::vector<Endpoint> nodes{kA, kB, kC};
  for (int step = 0; step < 2000; ++step) {
    if (step < 1500 && roll(2) == 0) {
      const auto slot = static_cast<std::uint16_t>(roll(kSlots));
      const std::string value = std::to_string(step);
      const auto kind = static_cast<Kind>(roll(4));
      const bool writing = kind == Kind::write || kind == Kind::durable;
      const std::int64_t timeout = 50 + roll(1000);
      const RequestId id = world.submit(slot, {writing ? "SET" : "GET", value}, kind, timeout);
      waiting[id] = world.now + timeout;
      ++calls;
      if (writing) writes[id] = value;
      if (kind == Kind::durable) durable.insert(id);
    }
    world.settle();
    for (std::size_t i = 0; i < world.wires.size(); ++i) {
      auto& wire = world.wires[i];
      if (!wire.open || wire.owed.empty() || roll(3) == 0) continue;
      const std::vector<std::string> command = wire.owed.front();
      const ConnectionId id = wire.id;
      const int what = roll(100);
      if (what < 2) {
        if (command[0] == "SET" && roll(2) == 0) ++executed[command[1]];  // taken, but nobody hears of it
        world.lose(wire);
      } else if (command[0] == "WAIT") {
        const bool enough = roll(10) != 0;
        if (enough) {
          for (const std::string& value : unconfirmed[id]) confirmed[value] = true;
        }
        unconfirmed[id].clear();
        world.reply(wire, integer(enough ? 1 : 0));
      } else if (command[0] == "ASKING" || command[0] == "HELLO" || command[0] == "CLUSTER") {
        world.reply(wire, command[0] == "CLUSTER" ? *world.map : simple("OK"));
      } else if (what < 6) {
        world.reply(wire, error("MOVED " + std::to_string(roll(kSlots)) + " " +
                                text_of(nodes[static_cast<std::size_t>(roll(3))])));
      } else if (what < 10) {
        world.reply(wire, error("ASK 5 " + text_of(nodes[static_cast<std::size_t>(roll(3))])));
      } else if (what < 14) {
        world.reply(wire, error(roll(2) == 0 ? "TRYAGAIN" : "CLUSTERDOWN down"));
      } else {
        if (command[0] == "SET") {
          ++executed[command[1]];
          unconfirmed[id].push_back(command[1]);
        }
        world.reply(wire, simple("OK"));
      }
    }
    if (roll(50) == 0)
      world.map = halves(nodes[static_cast<std::size_t>(roll(3))], nodes[static_cast<std::size_t>(roll(3))]);
    if (roll(40) == 0) world.refusing[kC] = true;
    if (roll(40) == 0) world.refusing.clear();
    world.pass(roll(5));
    std::erase_if(waiting, [&](const auto& entry) { return world.done.contains(entry.first); });
    for (const auto& [id, deadline] : waiting) ASSERT_LT(world.now, deadline) << "still waiting after its deadline";
  }
  world.pass(5000);
  int good = 0;
  for (const auto& [id, result] : world.done) {
    if (!writes.contains(id)) continue;
    const int times = executed[writes[id]];
    EXPECT_LE(times, 1) << "executed twice";
    if (result) {
      EXPECT_EQ(times, 1);
      EXPECT_TRUE(!durable.contains(id) || confirmed[writes[id]]) << "no replica has it";
      ++good;
    } else if (!outcome_unknown(result.error())) {
      EXPECT_EQ(times, 0) << "executed, and said to have not happened: " << result.error().message;
    }
  }
  EXPECT_EQ(world.done.size(), calls);
  EXPECT_GT(good, 20);
}

INSTANTIATE_TEST_SUITE_P(OfManySeeds, Chaos, testing::Range(1U, 21U));

}  // namespace
}  // namespace windfall::redis

// Keys and their slots, and what a cluster says about itself.
#include "adapters/redis/client/slots.hpp"

#include <gtest/gtest.h>

#include "redis/replies.hpp"

namespace windfall::redis {
namespace {

const Endpoint kAsked{.host = "10.0.0.9", .port = 7000};

Reply node(const std::string& host, int port, const std::string& role, const std::string& health = "online") {
  return list({bulk("id"), bulk("f00"), bulk("port"), integer(port), bulk("tls-port"), integer(port + 10000),
               bulk("ip"), bulk(host), bulk("endpoint"), bulk(host), bulk("role"), bulk(role), bulk("health"),
               bulk(health)});
}

Reply shard(std::vector<Reply> slots, std::vector<Reply> nodes) {
  return list({bulk("slots"), list(std::move(slots)), bulk("nodes"), list(std::move(nodes))});
}

std::string owner(const SlotMap& map, std::uint16_t slot) {
  const Endpoint* endpoint = map.owner(slot);
  return endpoint == nullptr ? "nobody" : text_of(*endpoint);
}

TEST(Slots, FollowThePublishedExamples) {
  EXPECT_EQ(crc16("123456789"), 0x31C3);
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of(""), 0);
}

TEST(Slots, OfAKeyWithATagAreThoseOfTheTag) {
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
  EXPECT_EQ(slot_of("foo{}{bar}"), crc16("foo{}{bar}") % kSlots) << "an empty tag is none";
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar")) << "from the first brace to the first that closes";
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
  EXPECT_EQ(slot_of("foo{bar"), crc16("foo{bar") % kSlots);
}

TEST(Endpoints, AreReadFromTextAndWritten) {
  EXPECT_EQ(endpoint_of("127.0.0.1:6379"), (Endpoint{.host = "127.0.0.1", .port = 6379}));
  EXPECT_EQ(endpoint_of("[::1]:6379"), (Endpoint{.host = "::1", .port = 6379}));
  EXPECT_EQ(endpoint_of("::1:6379"), (Endpoint{.host = "::1", .port = 6379}));
  EXPECT_EQ(endpoint_of(":6379"), (Endpoint{.host = "", .port = 6379}));
  for (const char* none : {"", "host", "host:", "host:0", "host:65536", "host:6x"})
    EXPECT_FALSE(endpoint_of(none)) << none;
  EXPECT_EQ(text_of({.host = "::1", .port = 6379}), "[::1]:6379");
}

TEST(SlotMaps, OfShardsNameMastersReplicasAndSlots) {
  const Reply reply = list({shard({integer(0), integer(99), integer(200), integer(16383)},
                                  {node("10.0.0.2", 7001, "replica"), node("10.0.0.1", 7000, "master")}),
                            shard({integer(100), integer(199)}, {node("10.0.0.3", 7000, "master")})});
  const auto map = SlotMap::from_shards(reply, kAsked, SlotMap::Ports::plain);
  ASSERT_TRUE(map.has_value()) << map.error().message;
  EXPECT_EQ(owner(*map, 0), "10.0.0.1:7000");
  EXPECT_EQ(owner(*map, 99), "10.0.0.1:7000");
  EXPECT_EQ(owner(*map, 100), "10.0.0.3:7000");
  EXPECT_EQ(owner(*map, 16383), "10.0.0.1:7000");
  EXPECT_EQ(map->unserved(), 0);
  ASSERT_EQ(map->shards().size(), 2U);
  EXPECT_EQ(map->shards()[0].replicas, (std::vector<Endpoint>{{.host = "10.0.0.2", .port = 7001}}));
  EXPECT_FALSE(map->alone());
}

TEST(SlotMaps, OfAConnectionUnderTlsNameTlsPorts) {
  const Reply reply = list({shard({integer(0), integer(16383)}, {node("10.0.0.1", 7000, "master")})});
  const auto map = SlotMap::from_shards(reply, kAsked, SlotMap::Ports::tls);
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(owner(*map, 1), "10.0.0.1:17000");
}

TEST(SlotMaps, TakeTheHostThatWasAskedWhereANodeDoesNotKnowItsOwn) {
  for (const char* unnamed : {"", "?"}) {
    const Reply reply = list({shard({integer(0), integer(16383)}, {node(unnamed, 7005, "master")})});
    const auto map = SlotMap::from_shards(reply, kAsked, SlotMap::Ports::plain);
    ASSERT_TRUE(map.has_value());
    EXPECT_EQ(owner(*map, 1), "10.0.0.9:7005");
  }
}

TEST(SlotMaps, LeaveOutADeadMasterWhoseSlotsAreTakenOver) {
  const Reply reply =
      list({shard({}, {node("10.0.0.1", 7000, "master", "fail")}), shard({}, {node("10.0.0.4", 7000, "master")}),
            shard({integer(0), integer(16383)}, {node("10.0.0.2", 7000, "master")})});
  const auto map = SlotMap::from_shards(reply, kAsked, SlotMap::Ports::plain);
  ASSERT_TRUE(map.has_value());
  ASSERT_EQ(map->shards().size(), 2U) << "a new master without slots is there: libraries are loaded on it";
  EXPECT_FALSE(map->knows({.host = "10.0.0.1", .port = 7000}));
  EXPECT_TRUE(map->knows({.host = "10.0.0.4", .port = 7000}));
}

TEST(SlotMaps, SayWhichSlotsNobodyServes) {
  const Reply reply = list({shard({integer(0), integer(16000)}, {node("10.0.0.1", 7000, "master")})});
  const auto map = SlotMap::from_shards(reply, kAsked, SlotMap::Ports::plain);
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(owner(*map, 16001), "nobody");
  EXPECT_EQ(map->unserved(), 383);
}

TEST(SlotMaps, OfTheOlderCommandSayTheSame) {
  const auto place = [](const char* host, int port) { return list({bulk(host), integer(port), bulk("id"), list({})}); };
  const Reply reply = list({list({integer(0), integer(99), place("10.0.0.1", 7000), place("10.0.0.2", 7001)}),
                            list({integer(100), integer(16383), place("", 7002)})});
  const auto map = SlotMap::from_slots(reply, kAsked);
  ASSERT_TRUE(map.has_value()) << map.error().message;
  EXPECT_EQ(owner(*map, 99), "10.0.0.1:7000");
  EXPECT_EQ(owner(*map, 100), "10.0.0.9:7002");
  EXPECT_TRUE(map->knows({.host = "10.0.0.2", .port = 7001}));
}

TEST(SlotMaps, RefuseWhatIsNoMap) {
  const std::vector<Reply> wrong = {
      error("ERR"),
      list({bulk("x")}),
      list({shard({integer(0)}, {node("a", 1, "master")})}),
      list({shard({integer(5), integer(4)}, {node("a", 1, "master")})}),
      list({shard({integer(0), integer(16384)}, {node("a", 1, "master")})}),
      list({shard({integer(-1), integer(4)}, {node("a", 1, "master")})}),
      list({shard({bulk("0"), integer(4)}, {node("a", 1, "master")})}),
  };
  for (const Reply& reply : wrong) {
    EXPECT_FALSE(SlotMap::from_shards(reply, kAsked, SlotMap::Ports::plain).has_value()) << show(reply);
    EXPECT_FALSE(SlotMap::from_slots(reply, kAsked).has_value()) << show(reply);
  }
  EXPECT_FALSE(
      SlotMap::from_slots(list({list({integer(0), integer(1), list({bulk("a"), integer(0)})})}), kAsked).has_value());
}

TEST(SlotMaps, FollowASlotThatMoves) {
  SlotMap map = SlotMap::single({.host = "a", .port = 1});
  EXPECT_TRUE(map.alone());
  map.move(7, {.host = "b", .port = 2});
  EXPECT_EQ(owner(map, 7), "b:2");
  EXPECT_EQ(owner(map, 8), "a:1");
  EXPECT_TRUE(map.knows({.host = "b", .port = 2}));
}

}  // namespace
}  // namespace windfall::redis

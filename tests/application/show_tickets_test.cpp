// What a person holds, where it can be told.
#include "application/on_request/show_tickets.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "application/memory_store.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"

namespace windfall::test {
namespace {

Promotion lottery(const std::string& id) {
  Promotion p = promotion();
  p.id = id;
  p.limit_join_count = 0;
  p.lottery = Lottery{.grants = {VisitGrant{.tickets = 2}}};
  return p;
}

TEST(ShowingTickets, LooksAtAllLotteriesAtOnceAndTellsTheLatestFirst) {
  VirtualTime time{kNoon};
  MemoryStore store{time};
  for (const char* id : {"a", "b", "c"}) store.add(lottery(id));
  store.add(promotion());
  ShowTickets show{store};
  store.hold_reads = true;
  const auto found = start(show.on_their_way(UserRef{.hi = 1, .lo = 1}));
  ASSERT_EQ(store.held_reads.size(), 3U) << "one waits for no other";
  for (const std::size_t i : {1U, 2U, 0U}) {
    EXPECT_FALSE(found->has_value());
    store.held_reads[i].complete(true);
  }
  ASSERT_TRUE(found->has_value() && **found);
  std::vector<std::string> told;
  for (const auto& [definition, tickets] : ***found) {
    told.push_back(definition->promotion.id);
    EXPECT_EQ(tickets, 2);
  }
  EXPECT_EQ(told, (std::vector<std::string>{"c", "b", "a"}));
}

TEST(ShowingTickets, SaysSoIfOneCannotBeRead) {
  VirtualTime time{kNoon};
  MemoryStore store{time};
  for (const char* id : {"a", "b"}) store.add(lottery(id));
  store.broken = Failure{.code = FailureCode::unavailable, .message = "its shard is away"};
  ShowTickets show{store};
  EXPECT_FALSE(value_of(show.on_their_way(UserRef{.hi = 1, .lo = 1})));
}

}  // namespace
}  // namespace windfall::test

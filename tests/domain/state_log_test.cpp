// State as a fold over the log: replay, digests, users by the million, days beyond the first word.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include "domain/builders.hpp"

namespace windfall::test {
namespace {

/// A log with every kind of event, decided by a State; the digest of the state and the log itself.
struct Story {
  State state;
  std::vector<Recorded> log;

  void tell(const Proposal& p, Instant at) {
    const Verdict verdict = state.commit(p, at);
    ASSERT_TRUE(is_accepted(verdict));
    log.push_back(recorded(p, std::get<Accepted>(verdict)));
  }
};

Story fixed_story() {
  Story story;
  story.tell(proposal(KeyChanged{.key_id = "k", .keys = "keys", .audit = {}}, kSystemPartition), later(kNoon, -5));
  story.tell(creation(), kNoon);
  for (std::uint32_t i = 0; i < 200; ++i) {
    Proposal join = proposal(participated(user(i % 30), i * 3, 500 + i));
    if (i % 4 == 0) join.command = command(i);
    // The clock goes back at every seventh.
    story.tell(join, later(kNoon, i * kHour - (i % 7 == 0 ? kDay : 0)));
  }
  const auto in_system = [&story](Event event) {
    Proposal p = proposal(std::move(event), kSystemPartition);
    p.revision = Revision{1};
    story.tell(p, kNoon);
  };
  in_system(PausedAll{.paused = true, .audit = {}});
  in_system(UserBlocked{.user = user(3), .blocked = true, .audit = {}});
  in_system(UserBlocked{.user = user(4), .blocked = false, .audit = {}});
  in_system(EffectSettled{});
  in_system(AnswerKept{.status = 200, .headers = "", .body = "{}"});
  in_system(UserErased{.user = user(3), .audit = {}});
  story.tell(proposal(DefinitionChanged{.id = "1", .definition = "정의", .audit = {}}), later(kNoon, 300 * kHour));
  story.tell(creation(PartitionNo{2}, "2"), Instant{-5});
  return story;
}

TEST(StateLog, replayed_gives_the_state_that_decided_it) {
  const Story story = fixed_story();
  State again;
  for (const Recorded& r : story.log) again.apply(r);
  EXPECT_EQ(again.digest(), story.state.digest());
  EXPECT_EQ(again.header(kFirstPartition).definition, "정의");
  EXPECT_EQ(again.header(kFirstPartition).time, story.state.header(kFirstPartition).time);
  EXPECT_EQ(again.look(keys::spent(kFirstPartition)), story.state.look(keys::spent(kFirstPartition)));
  const auto last =
      std::find_if(story.log.rbegin(), story.log.rend(), [](const Recorded& r) { return r.command.has_value(); });
  ASSERT_NE(last, story.log.rend());
  const auto record = again.accepted(kFirstPartition, last->command->hash, last->time);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->sequence, last->sequence);
  EXPECT_EQ(record->time, last->time);
  EXPECT_EQ(again.undo_mark(), again.undo_forgotten()) << "replay leaves nothing to undo";
}

TEST(StateLog, prefix_replayed_and_continued_decides_as_if_nothing_had_happened) {
  const Story story = fixed_story();
  State again;
  for (const Recorded& r : story.log) again.apply(r);
  Proposal more = proposal(participated(user(1), 601));
  more.revision = Revision{2};
  Story continued = fixed_story();
  EXPECT_TRUE(is_accepted(again.commit(more, later(kNoon, 301 * kHour))));
  EXPECT_TRUE(is_accepted(continued.state.commit(more, later(kNoon, 301 * kHour))));
  EXPECT_EQ(again.digest(), continued.state.digest());
}

TEST(StateDigest, is_the_same_with_every_compiler) {
  // Computed once; clang and g++, debug and release have to agree with it, since digests are compared between machines.
  constexpr std::uint64_t kDigest = 11'793'655'779'913'981'923U;
  const std::uint64_t digest = fixed_story().state.digest();
  std::cout << "digest of the fixed story: " << digest << "\n";
  EXPECT_EQ(digest, kDigest);
}

TEST(StateDigest, does_not_depend_on_the_order_in_which_users_came_only_on_what_they_did) {
  const auto state_of = [](const std::vector<std::uint64_t>& order) {
    State state = state_with_partition();
    for (const std::uint64_t n : order)
      (void)state.commit(proposal(participated(user(n), static_cast<std::uint32_t>(n % 60))), kNoon);
    return state.digest();
  };
  std::vector<std::uint64_t> order;
  for (std::uint64_t n = 1; n <= 6000; ++n) order.push_back(n);
  const std::uint64_t forwards = state_of(order);
  std::reverse(order.begin(), order.end());
  EXPECT_EQ(state_of(order), forwards);
  order.back() = 6001;
  EXPECT_NE(state_of(order), forwards);
}

TEST(StateDigest, tells_apart_what_differs_in_one_thing) {
  std::map<std::uint64_t, std::string> seen;
  const auto expect_new = [&seen](const std::string& what, const std::vector<Proposal>& proposals, Instant at = kNoon) {
    State state = state_with_partition();
    for (const Proposal& p : proposals) ASSERT_TRUE(is_accepted(state.commit(p, at))) << what;
    const auto [where, fresh] = seen.emplace(state.digest(), what);
    EXPECT_TRUE(fresh) << what << " looks like " << where->second;
  };
  Proposal repeatable = proposal(participated(user(1)));
  repeatable.command = command(1);
  Proposal taking = proposal(Audited{});
  taking.takes = {{counter(9)}};
  Proposal taking_for = proposal(Audited{});
  taking_for.takes = {{counter(9, 0, user(1))}};
  expect_new("nothing", {});
  expect_new("an audit entry", {proposal(Audited{})});
  expect_new("a join", {proposal(participated(user(1)))});
  expect_new("a join a millisecond later", {proposal(participated(user(1)))}, later(kNoon, 1));
  expect_new("a join of another", {proposal(participated(user(2)))});
  expect_new("a join on another day", {proposal(participated(user(1), 1))});
  expect_new("a join on a day of the second word", {proposal(participated(user(1), 48))});
  expect_new("a join for more", {proposal(participated(user(1), 0, 501))});
  expect_new("a join that may be repeated", {repeatable});
  expect_new("a definition", {proposal(DefinitionChanged{.id = "1", .definition = "x", .audit = {}})});
  expect_new("another definition", {proposal(DefinitionChanged{.id = "1", .definition = "y", .audit = {}})});
  expect_new("a take", {taking});
  expect_new("a take for a user", {taking_for});
  expect_new("a second partition", {creation(PartitionNo{2}, "2")});
}

TEST(StateUsers, keep_every_day_of_two_years) {
  State state = state_with_partition();
  std::set<std::uint32_t> joined;
  for (std::uint32_t day = 0; day <= kMaxDenseMember; day += 1 + (day % 5)) {
    ASSERT_TRUE(is_accepted(state.commit(proposal(participated(user(1), day)), kNoon)));
    joined.insert(day);
    EXPECT_EQ(state.look(SizeOf{days_of(user(1))}), static_cast<std::int64_t>(joined.size()));
  }
  for (std::uint32_t day = 0; day <= kMaxDenseMember; ++day) {
    EXPECT_EQ(state.look(MemberOf{.set = days_of(user(1)), .member = day}), joined.contains(day) ? 1 : 0) << day;
    EXPECT_EQ(state.look(MemberOf{.set = days_of(user(2)), .member = day}), 0) << day;
  }
  EXPECT_EQ(state.look(SizeOf{days_of(user(2))}), 0);
  for (std::uint8_t kind = 1; kind <= kMaxBitSet; ++kind) {
    EXPECT_EQ(state.look(SizeOf{{.partition = kFirstPartition, .kind = kind, .user = user(1)}}), 0)
        << "days are no own bits";
  }
}

TEST(StateUsers, have_counters_beside_their_days) {
  State state = state_with_partition();
  Proposal p = proposal(Audited{});
  for (std::int32_t index = 0; index < 20; ++index) {
    for (std::int32_t times = 0; times <= index; ++times) p.takes.push_back({counter(6, index, user(1))});
  }
  ASSERT_TRUE(is_accepted(state.commit(p, kNoon)));
  for (std::int32_t index = 0; index < 20; ++index) {
    EXPECT_EQ(state.look(counter(6, index, user(1))), index + 1);
    EXPECT_EQ(state.look(counter(6, index, user(2))), 0);
    EXPECT_EQ(state.look(counter(6, index)), 0) << "the partition's own counter of that name is another";
    EXPECT_EQ(state.look(counter(7, index, user(1))), 0);
  }
  EXPECT_EQ(state.look(SizeOf{days_of(user(1))}), 0) << "counters are no days";
}

TEST(StateUsers, may_be_a_million_each_counted_once) {
  constexpr std::uint64_t kUsers = 1'000'000;
  State state = state_with_partition();
  Proposal join = proposal(participated(user(0)));
  for (std::uint64_t n = 0; n < kUsers; ++n) {
    join.events.front() = participated(user(n), static_cast<std::uint32_t>(n % 40));
    ASSERT_TRUE(is_accepted(state.commit(join, kNoon)));
    if (n % 1000 == 0) state.forget_undo();
  }
  EXPECT_EQ(state.users(kFirstPartition), kUsers);
  EXPECT_EQ(state.look(keys::taken(kFirstPartition)), static_cast<std::int64_t>(kUsers));
  for (std::uint64_t n = 0; n < kUsers; n += 997) {
    ASSERT_EQ(state.look(SizeOf{days_of(user(n))}), 1);
    ASSERT_EQ(state.look(MemberOf{.set = days_of(user(n)), .member = static_cast<std::uint32_t>(n % 40)}), 1);
    ASSERT_TRUE(state.unknown(kFirstPartition, user(kUsers + n)));
  }
  EXPECT_LT(state.user_bytes(kFirstPartition), kUsers * 40) << "24 bytes a user, a quarter and an eighth of slack";
}

TEST(StateUsers, are_unknown_until_an_event_of_that_partition_puts_them_into_a_set) {
  State state = state_with_partition();
  ASSERT_TRUE(is_accepted(state.commit(creation(PartitionNo{2}, "2"), kNoon)));
  EXPECT_TRUE(state.unknown(kFirstPartition, user(1)));
  ASSERT_TRUE(is_accepted(state.commit(proposal(participated(user(1))), kNoon)));
  EXPECT_FALSE(state.unknown(kFirstPartition, user(1)));
  EXPECT_TRUE(state.unknown(PartitionNo{2}, user(1)));
  EXPECT_TRUE(state.unknown(PartitionNo{3}, user(1))) << "of a partition to come nobody is known";
}

}  // namespace
}  // namespace windfall::test

// Batches that could not be stored: what is taken back was never there.
#include <gtest/gtest.h>

#include "domain/builders.hpp"

namespace windfall::test {
namespace {

/// One of everything that can be undone.
void commit_everything(State& state, Instant at, std::uint64_t salt) {
  Proposal join = proposal(participated(user(salt), 3));
  join.revision = state.header(kFirstPartition).revision;
  join.command = command(salt);
  join.takes = {{counter(7)}, {counter(7, 2)}, {counter(7, 0, user(salt))}};
  join.events.emplace_back(participated(user(salt), 100));
  ASSERT_TRUE(is_accepted(state.commit(join, at)));
  Proposal change =
      proposal(DefinitionChanged{.id = "1", .definition = "changed " + std::to_string(salt), .audit = {}});
  change.revision = state.header(kFirstPartition).revision;
  ASSERT_TRUE(is_accepted(state.commit(change, at)));
  const PartitionNo next{static_cast<std::uint32_t>(state.partitions())};
  ASSERT_TRUE(is_accepted(state.commit(creation(next, "new"), at)));
  Proposal there = proposal(participated(user(salt), 0), next);
  ASSERT_TRUE(is_accepted(state.commit(there, at)));
  ASSERT_TRUE(is_accepted(
      state.commit(proposal(UserBlocked{.user = user(salt), .blocked = true, .audit = {}}, kSystemPartition), at)));
}

TEST(StateUndo, takes_back_counters_days_definitions_commands_partitions_and_time) {
  State state = state_with_partition();
  commit_everything(state, kNoon, 1);
  const std::size_t mark = state.undo_mark();
  const std::uint64_t before = state.digest();
  commit_everything(state, later(kNoon, 5), 2);
  ASSERT_NE(state.digest(), before);
  state.undo_to(mark);
  EXPECT_EQ(state.digest(), before);
  EXPECT_EQ(state.partitions(), 3U);
  EXPECT_EQ(state.header(kFirstPartition).time, kNoon);
  EXPECT_EQ(state.header(kFirstPartition).definition, "changed 1");
  EXPECT_EQ(state.look(SizeOf{days_of(user(2))}), 0);
  EXPECT_FALSE(state.accepted(kFirstPartition, command(2).hash, kNoon).has_value());
  EXPECT_TRUE(state.accepted(kFirstPartition, command(1).hash, kNoon).has_value());
  commit_everything(state, later(kNoon, 5), 2);
}

TEST(StateUndo, and_doing_it_again_gives_the_same_state_as_doing_it_once) {
  State once = state_with_partition();
  commit_everything(once, kNoon, 1);
  State twice = state_with_partition();
  commit_everything(twice, kNoon, 1);
  twice.undo_to(twice.undo_forgotten());
  commit_everything(twice, kNoon, 1);
  EXPECT_EQ(once.digest(), twice.digest());
}

TEST(StateUndo, keeps_batches_before_the_mark_and_marks_stay_right_when_earlier_ones_are_forgotten) {
  State state = state_with_partition();
  commit_everything(state, kNoon, 1);
  const std::size_t first_end = state.undo_mark();
  commit_everything(state, kNoon, 2);
  const std::size_t second_end = state.undo_mark();
  const std::uint64_t after_second = state.digest();
  commit_everything(state, kNoon, 3);

  state.forget_undo_before(first_end);   // the first batch is stored
  state.forget_undo_before(second_end);  // and the second, by the mark taken before the first was forgotten
  EXPECT_EQ(state.undo_forgotten(), second_end);
  state.undo_to(state.undo_forgotten());  // the third is not
  EXPECT_EQ(state.digest(), after_second);
}

TEST(StateUndo, leaves_no_trace_of_a_user_so_that_the_next_event_carries_the_identity) {
  State state = state_with_partition();
  for (const std::uint32_t day : {0U, 47U, 48U, 767U}) {
    ASSERT_TRUE(state.unknown(kFirstPartition, user(day)));
    ASSERT_TRUE(is_accepted(state.commit(proposal(participated(user(day), day)), kNoon)));
    EXPECT_FALSE(state.unknown(kFirstPartition, user(day))) << day;
    state.undo_to(state.undo_forgotten());
    EXPECT_TRUE(state.unknown(kFirstPartition, user(day))) << day;
  }
}

TEST(StateUndo, brings_back_the_commands_that_a_later_day_had_dropped) {
  State state = state_with_partition();
  Proposal join = proposal(participated(user(1)));
  join.command = command(1);
  ASSERT_TRUE(is_accepted(state.commit(join, kNoon)));
  state.forget_undo();
  const std::uint64_t before = state.digest();

  Proposal later_join = proposal(participated(user(2), 2));
  later_join.command = command(2);
  ASSERT_TRUE(is_accepted(state.commit(later_join, later(kNoon, 2 * kDay))));  // a clock set two days forward
  state.undo_to(state.undo_forgotten());                                       // disk full
  EXPECT_EQ(state.digest(), before) << "equal for equal logs";
  EXPECT_TRUE(std::holds_alternative<Repeated>(state.commit(join, later(kNoon, 1)))) << "and set back again";
}

TEST(StateUndo, gives_the_commands_of_a_dropped_day_back_in_pieces_once_nothing_can_be_undone) {
  State state = state_with_partition();
  constexpr std::uint64_t kCommands = 20'000;
  for (std::uint64_t i = 0; i < kCommands; ++i) {
    Proposal join = proposal(participated(user(i)));
    join.command = command(i);
    ASSERT_TRUE(is_accepted(state.commit(join, kNoon)));
  }
  state.forget_undo();
  ASSERT_EQ(state.dropped_bytes(), 0U);

  Proposal first = proposal(participated(user(1), 2));
  first.command = command(kCommands);
  ASSERT_TRUE(is_accepted(state.commit(first, later(kNoon, 2 * kDay))));
  EXPECT_EQ(state.dropped_bytes(), 0U) << "it may still be undone";
  state.forget_undo();
  const std::size_t dropped = state.dropped_bytes();
  EXPECT_GT(dropped, kCommands * sizeof(CommandRecord) / 2);

  std::uint64_t commits = 0;
  for (std::size_t left = dropped; left > 0; ++commits) {
    ASSERT_TRUE(is_accepted(state.commit(proposal(participated(user(commits), 3)), later(kNoon, 2 * kDay))));
    state.forget_undo();
    ASSERT_LT(commits, 5'000U) << "every commit gives a piece back";
    // One of 4096 segments, and at last the list of them.
    ASSERT_LT(left - state.dropped_bytes(), 100'000U) << "but only a piece";
    left = state.dropped_bytes();
  }
  EXPECT_GT(commits, 1'000U);
  EXPECT_TRUE(state.accepted(kFirstPartition, command(kCommands).hash, later(kNoon, 2 * kDay)).has_value());
}

TEST(StateUndo, of_a_command_accepted_anew_leaves_its_old_record_as_a_replay_would) {
  State state = state_with_partition();
  Proposal join = proposal(participated(user(1)));
  join.command = command(1);
  ASSERT_TRUE(is_accepted(state.commit(join, kNoon)));
  state.forget_undo();
  const std::uint64_t before = state.digest();
  Proposal anew = proposal(participated(user(1), 1));
  anew.command = command(1);
  ASSERT_TRUE(is_accepted(state.commit(anew, later(kNoon, kDay))));
  state.undo_to(state.undo_forgotten());
  EXPECT_EQ(state.digest(), before);
}

TEST(StateUndo, of_refused_and_stale_proposals_is_nothing) {
  State state = state_with_partition();
  const std::size_t mark = state.undo_mark();
  Proposal refused = proposal(participated(user(1)));
  refused.guards = {Below{.counter = counter(0), .limit = 0}};
  (void)state.commit(refused, kNoon);
  Proposal stale = proposal(participated(user(1)));
  stale.revision = Revision{9};
  (void)state.commit(stale, kNoon);
  EXPECT_EQ(state.undo_mark(), mark);
}

}  // namespace
}  // namespace windfall::test

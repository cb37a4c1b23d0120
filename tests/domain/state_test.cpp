// State as an interpreter: conditions, takes, changes, looks, revision, window, time, creation, repetition.
#include <gtest/gtest.h>

#include "domain/builders.hpp"

namespace windfall::test {
namespace {

struct ConditionRow {
  const char* sentence;
  Guard guard;
  bool holds;
};

/// Counter 0 is 3 (three joins), counter 9 was never touched; user 1 has joined on days 0 and 50.
State state_with_joins() {
  State state = state_with_partition();
  for (const Participated& event : {participated(user(1), 0), participated(user(1), 50), participated(user(2), 0)}) {
    (void)state.commit(proposal(event), kNoon);
  }
  return state;
}

TEST(StateConditions, hold_exactly_as_their_names_say) {
  const std::vector<ConditionRow> rows{
      {"3 is below 4", Below{.counter = counter(0), .limit = 4}, true},
      {"3 is not below 3", Below{.counter = counter(0), .limit = 3}, false},
      {"3 is not below 2", Below{.counter = counter(0), .limit = 2}, false},
      {"a missing counter is below 1", Below{.counter = counter(9), .limit = 1}, true},
      {"a missing counter is not below 0", Below{.counter = counter(9), .limit = 0}, false},
      {"a missing index of a counter is 0", Equals{.counter = counter(1, 700), .value = 0}, true},
      {"3 is at least 3", AtLeast{.counter = counter(0), .amount = 3}, true},
      {"3 is not at least 4", AtLeast{.counter = counter(0), .amount = 4}, false},
      {"a missing counter is at least 0", AtLeast{.counter = counter(9), .amount = 0}, true},
      {"a missing counter is not at least 1", AtLeast{.counter = counter(9), .amount = 1}, false},
      {"a missing counter is at least -1", AtLeast{.counter = counter(9), .amount = -1}, true},
      {"3 equals 3", Equals{.counter = counter(0), .value = 3}, true},
      {"3 does not equal 2", Equals{.counter = counter(0), .value = 2}, false},
      {"3 does not equal 4", Equals{.counter = counter(0), .value = 4}, false},
      {"day 1 is absent", Absent{.set = days_of(user(1)), .member = 1}, true},
      {"day 0 is not absent", Absent{.set = days_of(user(1)), .member = 0}, false},
      {"day 50 is not absent", Absent{.set = days_of(user(1)), .member = 50}, false},
      {"day 2, at the bit of day 50 in the first word, is absent", Absent{.set = days_of(user(1)), .member = 2}, true},
      {"day 48, at the bit of day 0 in the second word, is absent", Absent{.set = days_of(user(1)), .member = 48},
       true},
      {"of a stranger everything is absent", Absent{.set = days_of(user(7)), .member = 0}, true},
      {"an own bit is absent although days are there",
       Absent{.set = {.partition = kFirstPartition, .kind = 1, .user = user(1)}, .member = 0}, true},
      {"two days are fewer than 3", Fewer{.set = days_of(user(1)), .than = 3}, true},
      {"two days are not fewer than 2", Fewer{.set = days_of(user(1)), .than = 2}, false},
      {"nothing is fewer than 1", Fewer{.set = days_of(user(7)), .than = 1}, true},
      {"nothing is not fewer than 0", Fewer{.set = days_of(user(7)), .than = 0}, false},
      {"nothing is not fewer than -1", Fewer{.set = days_of(user(7)), .than = -1}, false},
      {"an unmade partition's counter is 0",
       Equals{.counter = {.partition = PartitionNo{99}, .kind = 0, .index = 0, .user = {}}, .value = 0}, true},
      {"an unmade partition's set is empty", Fewer{.set = days_of(user(1), PartitionNo{99}), .than = 1}, true},
      {"another promotion's day is its own", Absent{.set = days_of(user(1), kSystemPartition), .member = 0}, true},
  };
  for (const ConditionRow& row : rows) {
    State state = state_with_joins();
    Proposal p = proposal(Audited{});
    p.guards = {Below{.counter = counter(9), .limit = 1}, row.guard};
    const Verdict verdict = state.commit(p, kNoon);
    EXPECT_EQ(is_accepted(verdict), row.holds) << row.sentence;
    if (const auto* refused = std::get_if<Refused>(&verdict)) {
      EXPECT_EQ(refused->guard, 1U) << row.sentence;
    }
  }
}

TEST(StateConditions, the_first_that_fails_is_named_and_the_looks_show_what_it_saw) {
  State state = state_with_joins();
  const std::uint64_t before = state.digest();
  Proposal p = proposal(participated(user(1), 0));
  p.guards = {Below{.counter = counter(0), .limit = 4}, Absent{.set = days_of(user(1)), .member = 0},
              Below{.counter = counter(0), .limit = 0}};
  p.looks = {counter(0), MemberOf{.set = days_of(user(1)), .member = 50},
             MemberOf{.set = days_of(user(1)), .member = 51}, SizeOf{days_of(user(1))}};
  const Verdict verdict = state.commit(p, later(kNoon, 5));
  const auto* refused = std::get_if<Refused>(&verdict);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->guard, 1U);
  EXPECT_EQ(refused->time, later(kNoon, 5));
  EXPECT_EQ(refused->looks, (std::vector<std::int64_t>{3, 1, 0, 2}));
  EXPECT_EQ(state.digest(), before) << "a refused call changes nothing, not even the time";
}

TEST(StateTakes, give_the_number_before_and_count_on) {
  State state = state_with_partition();
  Proposal p = proposal(Audited{});
  p.takes = {{counter(5)}, {counter(5)}, {counter(5, 3)}, {counter(5, 0, user(1))}};
  p.looks = {counter(5), counter(5, 3), counter(5, 0, user(1)), counter(5, 0, user(2))};
  const Verdict first = state.commit(p, kNoon);
  EXPECT_EQ(std::get<Accepted>(first).assignment.taken, (std::vector<std::int64_t>{0, 1, 0, 0}));
  EXPECT_EQ(std::get<Accepted>(first).looks, (std::vector<std::int64_t>{2, 1, 1, 0}));
  const Verdict second = state.commit(p, kNoon);
  EXPECT_EQ(std::get<Accepted>(second).assignment.taken, (std::vector<std::int64_t>{2, 3, 1, 1}));
}

TEST(StateChanges, of_a_participation_are_three_counters_and_a_day) {
  State state = state_with_partition();
  Proposal p = proposal(participated(user(1), 4, 700));
  p.looks = {keys::taken(kFirstPartition),
             keys::taken_on(kFirstPartition, 4),
             keys::taken_on(kFirstPartition, 3),
             keys::spent(kFirstPartition),
             MemberOf{.set = days_of(user(1)), .member = 4},
             SizeOf{days_of(user(1))}};
  EXPECT_EQ(std::get<Accepted>(state.commit(p, kNoon)).looks, (std::vector<std::int64_t>{1, 1, 0, 700, 1, 1}));
}

TEST(StateChanges, of_a_sum_of_points_stay_at_the_end_of_the_scale_and_can_be_undone) {
  State state = state_with_partition();
  const auto join = [&](std::uint64_t who, Amount amount) {
    Proposal p = proposal(participated(user(who)));
    std::get<Participated>(p.events.front()).amount = amount;
    ASSERT_TRUE(is_accepted(state.commit(p, kNoon)));
  };
  const auto spent = [&] { return state.look(keys::spent(kFirstPartition)); };
  join(1, INT64_MAX - 1);
  state.forget_undo();
  EXPECT_EQ(spent(), INT64_MAX - 1);
  join(2, 2);
  EXPECT_EQ(spent(), INT64_MAX);
  join(3, INT64_MAX);
  EXPECT_EQ(spent(), INT64_MAX);
  state.undo_to(state.undo_forgotten());
  EXPECT_EQ(spent(), INT64_MAX - 1);
}

TEST(StateChanges, of_a_definition_keep_the_name_and_the_creation_and_raise_the_revision) {
  State state = state_with_partition();
  ASSERT_TRUE(is_accepted(
      state.commit(proposal(DefinitionChanged{.id = "other", .definition = "second", .audit = {}}), later(kNoon, 9))));
  const PartitionHeader& header = state.header(kFirstPartition);
  EXPECT_EQ(header.name, "1");
  EXPECT_EQ(header.definition, "second");
  EXPECT_EQ(header.revision, Revision{2});
  EXPECT_EQ(header.created, kNoon);
  EXPECT_EQ(header.modified, later(kNoon, 9));
  EXPECT_EQ(header.sequence, Sequence{2});
}

TEST(StateChanges, of_the_red_button_blocks_and_keys_stand_in_the_system_partition) {
  State state;
  ASSERT_TRUE(is_accepted(state.commit(proposal(PausedAll{.paused = true, .audit = {}}, kSystemPartition), kNoon)));
  ASSERT_TRUE(is_accepted(
      state.commit(proposal(UserBlocked{.user = user(1), .blocked = true, .audit = {}}, kSystemPartition), kNoon)));
  EXPECT_EQ(state.look(keys::paused_all()), 1);
  EXPECT_EQ(state.look(keys::blocked(user(1))), 1);
  EXPECT_EQ(state.look(keys::blocked(user(2))), 0);
  ASSERT_TRUE(is_accepted(state.commit(proposal(PausedAll{.paused = false, .audit = {}}, kSystemPartition), kNoon)));
  ASSERT_TRUE(is_accepted(
      state.commit(proposal(UserBlocked{.user = user(1), .blocked = false, .audit = {}}, kSystemPartition), kNoon)));
  EXPECT_EQ(state.look(keys::paused_all()), 0);
  EXPECT_EQ(state.look(keys::blocked(user(1))), 0);
  ASSERT_TRUE(is_accepted(
      state.commit(proposal(KeyChanged{.key_id = "k", .keys = "all keys", .audit = {}}, kSystemPartition), kNoon)));
  EXPECT_EQ(state.header(kSystemPartition).definition, "all keys");
  EXPECT_EQ(state.header(kSystemPartition).revision, Revision{1});
}

TEST(StateChanges, of_several_events_happen_together_each_with_its_own_sequence) {
  State state = state_with_partition();
  Proposal p = proposal(participated(user(1), 0));
  p.events.emplace_back(Audited{});
  p.events.emplace_back(participated(user(2), 0));
  p.looks = {keys::taken(kFirstPartition)};
  const Verdict verdict = state.commit(p, kNoon);
  EXPECT_EQ(std::get<Accepted>(verdict).assignment.sequence, Sequence{2}) << "of the first event";
  EXPECT_EQ(std::get<Accepted>(verdict).looks, std::vector<std::int64_t>{2});
  EXPECT_EQ(state.header(kFirstPartition).sequence, Sequence{4});
}

TEST(StateStale, answers_another_revision_with_the_one_in_force) {
  State state = state_with_partition();
  for (const std::uint32_t wrong : {0U, 2U}) {
    Proposal p = proposal(participated(user(1)));
    p.revision = Revision{wrong};
    p.guards = {Below{.counter = counter(0), .limit = 0}};  // would be refused: stale comes first
    const Verdict verdict = state.commit(p, later(kNoon, 1));
    ASSERT_TRUE(std::holds_alternative<Stale>(verdict));
    EXPECT_EQ(std::get<Stale>(verdict).revision, Revision{1});
    EXPECT_EQ(std::get<Stale>(verdict).now, later(kNoon, 1));
  }
}

TEST(StateStale, answers_a_time_outside_of_the_window_which_holds_its_start_but_not_its_end) {
  State state = state_with_partition();
  const auto commit_at = [&state](std::int64_t ms) {
    Proposal p = proposal(Audited{});
    p.window = {.from = later(kNoon, 10), .until = later(kNoon, 20)};
    return state.commit(p, later(kNoon, ms));
  };
  EXPECT_TRUE(std::holds_alternative<Stale>(commit_at(9)));
  EXPECT_TRUE(is_accepted(commit_at(10)));
  EXPECT_TRUE(is_accepted(commit_at(19)));
  EXPECT_TRUE(std::holds_alternative<Stale>(commit_at(20)));
  EXPECT_EQ(state.header(kFirstPartition).time, later(kNoon, 19)) << "stale moves no time";
}

TEST(StateTime, never_decreases_within_a_partition_whatever_the_clock_says) {
  State state = state_with_partition();
  ASSERT_TRUE(is_accepted(state.commit(proposal(Audited{}), later(kNoon, 1000))));
  const Verdict verdict = state.commit(proposal(Audited{}), later(kNoon, -kDay));
  EXPECT_EQ(std::get<Accepted>(verdict).assignment.time, later(kNoon, 1000));

  Proposal yesterday = proposal(Audited{});
  yesterday.window = {.from = later(kNoon, -2 * kDay), .until = later(kNoon, 0)};
  const Verdict late = state.commit(yesterday, later(kNoon, -kDay));
  ASSERT_TRUE(std::holds_alternative<Stale>(late))
      << "the window is compared with the partition's time, not with the clock";
  EXPECT_EQ(std::get<Stale>(late).now, later(kNoon, 1000));
}

TEST(StateTime, that_can_be_set_moves_the_system_partition_back_and_no_promotion_that_has_decided) {
  State state = state_with_partition();
  state.let_definitions_move_back();
  Proposal blocked = proposal(UserBlocked{.user = user(1), .blocked = true, .audit = {}}, kSystemPartition);
  blocked.revision = Revision{};
  ASSERT_TRUE(is_accepted(state.commit(blocked, later(kNoon, kDay))));
  ASSERT_TRUE(is_accepted(state.commit(proposal(Audited{}), later(kNoon, kDay))));
  EXPECT_EQ(std::get<Accepted>(state.commit(blocked, kNoon)).assignment.time, kNoon);
  EXPECT_EQ(std::get<Accepted>(state.commit(proposal(Audited{}), kNoon)).assignment.time, later(kNoon, kDay));
}

TEST(StateTime, that_was_set_back_drops_no_command_of_the_last_day) {
  State state;
  state.let_definitions_move_back();
  const auto deed = [](std::uint64_t n) {
    Proposal p = proposal(UserBlocked{.user = user(n), .blocked = true, .audit = {}}, kSystemPartition);
    p.revision = Revision{};
    p.command = command(n);
    return p;
  };
  ASSERT_TRUE(is_accepted(state.commit(deed(1), kNoon)));
  ASSERT_TRUE(is_accepted(state.commit(deed(2), later(kNoon, -2 * kDay)))) << "the same parity of days";
  EXPECT_TRUE(std::holds_alternative<Repeated>(state.commit(deed(1), later(kNoon, kHour))));
  EXPECT_TRUE(is_accepted(state.commit(deed(2), kNoon))) << "two days later the key is free";
}

TEST(StateTime, of_one_partition_does_not_move_another) {
  State state = state_with_partition();
  ASSERT_TRUE(is_accepted(state.commit(creation(PartitionNo{2}, "2"), later(kNoon, -kDay))));
  EXPECT_EQ(state.header(PartitionNo{2}).time, later(kNoon, -kDay));
  ASSERT_TRUE(is_accepted(state.commit(proposal(Audited{}), later(kNoon, 5))));
  EXPECT_EQ(state.header(PartitionNo{2}).time, later(kNoon, -kDay));
}

TEST(StateCreation, makes_the_next_partition_only_if_accepted) {
  State state;
  EXPECT_EQ(state.partitions(), 1U) << "the system partition exists from the start";
  Proposal refused = creation();
  refused.guards = {Equals{.counter = keys::paused_all(), .value = 1}};
  EXPECT_TRUE(std::holds_alternative<Refused>(state.commit(refused, kNoon)));
  Proposal stale = creation();
  stale.revision = Revision{1};
  EXPECT_TRUE(std::holds_alternative<Stale>(state.commit(stale, kNoon)));
  EXPECT_EQ(state.partitions(), 1U);

  const Verdict verdict = state.commit(creation(), kNoon);
  EXPECT_EQ(std::get<Accepted>(verdict).assignment.sequence, Sequence{1});
  EXPECT_EQ(state.partitions(), 2U);
  EXPECT_EQ(state.header(kFirstPartition).name, "1");
  EXPECT_EQ(state.header(kFirstPartition).revision, Revision{1});
  EXPECT_EQ(state.header(kFirstPartition).created, kNoon);
}

Proposal repeatable(std::uint64_t n, UserRef who, std::uint32_t day_index = 0) {
  Proposal p = proposal(participated(who, day_index));
  p.command = command(n);
  return p;
}

TEST(StateCommands, give_the_same_answer_for_a_day_to_the_millisecond) {
  State state = state_with_partition();
  const Instant at = later(kNoon, 123);
  ASSERT_TRUE(is_accepted(state.commit(repeatable(1, user(1)), at)));
  for (const std::int64_t ms : {std::int64_t{0}, kHour, kDay - 1}) {
    const Verdict verdict = state.commit(repeatable(1, user(1)), later(at, ms));
    ASSERT_TRUE(std::holds_alternative<Repeated>(verdict)) << ms;
    const CommandRecord& record = std::get<Repeated>(verdict).record;
    EXPECT_EQ(record.hash, command(1).hash);
    EXPECT_EQ(record.fingerprint, 1U);
    EXPECT_EQ(record.sequence, Sequence{2});
    EXPECT_EQ(record.time, at);
    EXPECT_EQ(record.shown, (std::array<std::int64_t, 2>{kFirst.days, 500}));
  }
  EXPECT_EQ(state.look(keys::taken(kFirstPartition)), 1);
  EXPECT_TRUE(is_accepted(state.commit(repeatable(1, user(1), 1), later(at, kDay))))
      << "after a day it is a new command";
}

TEST(StateCommands, are_repeated_even_if_the_definition_or_the_day_has_changed_meanwhile) {
  State state = state_with_partition();
  ASSERT_TRUE(is_accepted(state.commit(repeatable(1, user(1)), kNoon)));
  ASSERT_TRUE(
      is_accepted(state.commit(proposal(DefinitionChanged{.id = "1", .definition = "2nd", .audit = {}}), kNoon)));
  Proposal again = repeatable(1, user(1));
  again.window = {.from = kBeginningOfTime, .until = kNoon};
  EXPECT_TRUE(std::holds_alternative<Repeated>(state.commit(again, later(kNoon, 1))));
}

TEST(StateCommands, are_not_kept_when_refused_or_stale_and_judged_anew) {
  State state = state_with_partition();
  Proposal p = repeatable(1, user(1));
  p.guards = {Below{.counter = counter(0), .limit = 0}};
  EXPECT_TRUE(std::holds_alternative<Refused>(state.commit(p, kNoon)));
  p.guards.clear();
  p.revision = Revision{7};
  EXPECT_TRUE(std::holds_alternative<Stale>(state.commit(p, kNoon)));
  EXPECT_TRUE(is_accepted(state.commit(repeatable(1, user(1)), kNoon)));
}

TEST(StateCommands, outlive_the_change_of_day_but_not_the_second_one) {
  State state = state_with_partition();
  const Instant evening{(20'259 * kDay) + (23 * kHour)};
  ASSERT_TRUE(is_accepted(state.commit(repeatable(1, user(1)), evening)));
  ASSERT_TRUE(is_accepted(state.commit(repeatable(2, user(2)), later(evening, 2 * kHour))));
  EXPECT_TRUE(state.accepted(kFirstPartition, command(1).hash, later(evening, 2 * kHour)).has_value());
  ASSERT_TRUE(is_accepted(state.commit(repeatable(3, user(3)), later(evening, 26 * kHour))));
  EXPECT_FALSE(state.accepted(kFirstPartition, command(1).hash, later(evening, 26 * kHour)).has_value());
  EXPECT_FALSE(state.accepted(kFirstPartition, command(2).hash, later(evening, 26 * kHour)).has_value());
  EXPECT_TRUE(state.accepted(kFirstPartition, command(3).hash, later(evening, 26 * kHour)).has_value());
  EXPECT_FALSE(state.accepted(kFirstPartition, command(4).hash, evening).has_value());
}

TEST(StateCommands, belong_to_their_partition) {
  State state = state_with_partition();
  ASSERT_TRUE(is_accepted(state.commit(creation(PartitionNo{2}, "2"), kNoon)));
  ASSERT_TRUE(is_accepted(state.commit(repeatable(1, user(1)), kNoon)));
  EXPECT_FALSE(state.accepted(PartitionNo{2}, command(1).hash, kNoon).has_value());
}

}  // namespace
}  // namespace windfall::test

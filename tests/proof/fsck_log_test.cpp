// What fsck sees in the journal: every invariant catches its planted violation, and nothing else is blamed for it.
#include <gtest/gtest.h>

#include <filesystem>

#include "proof/story.hpp"

namespace windfall::proof {
namespace {

TEST(FsckOfTheJournal, finds_nothing_in_a_story_that_obeys_all_rules) {
  Story story;
  const PartitionNo lead = story.promotion("lead");
  const PartitionNo follow = story.promotion("follow", [](Promotion& p) {
    p.daily_limit_join_count = 2;
    p.join_types = {Leading{.promotions = {"lead"}}, DupLimit{2}, MinJoinCount{1}};
  });
  const PartitionNo trial = story.promotion("trial", [](Promotion& p) { p.mode = Mode::test; });
  const PartitionNo fresh = story.promotion("fresh", [](Promotion& p) { p.join_types = {FirstTime{}}; });
  story.settle(story.join(lead, "ann"));
  story.join(follow, "ann").command = Command{.hash = {.hi = 1, .lo = 2}, .fingerprint = 3};
  story.join(trial, "bob");
  story.join(fresh, "bob");  // a join of a TEST promotion counts for no LIVE one
  story.system(PausedAll{.paused = true, .audit = Story::audit("pauseAll")});
  story.system(PausedAll{.paused = false, .audit = Story::audit("resumeAll")});
  story.system(UserBlocked{.user = Story::ref("eve"), .blocked = true, .audit = Story::audit("blockUser")});
  story.system(KeyChanged{.key_id = "k-2", .keys = "", .audit = Story::audit("createKey")});
  story.later(kDayMs);
  story.join(follow, "ann").command = Command{.hash = {.hi = 1, .lo = 2}, .fingerprint = 3};  // more than 24 h later
  story.change(lead, [](Promotion& p) { p.limit_join_count = 1; });
  const Report report = story.judged();
  EXPECT_TRUE(report.ok()) << report.as_text();
  EXPECT_EQ(report.checks_of(Invariant::i2), 5);
  EXPECT_EQ(report.checks_of(Invariant::i12), 2);
}

TEST(FsckOfTheJournal, finds_an_oversold_total) {
  Story story;
  const PartitionNo p = story.promotion("p", [](Promotion& d) { d.limit_join_count = 1; });
  story.join(p, "ann");
  story.join(p, "bob");
  expect_only(story.judged(), Invariant::i1, "2 taken of 1 in total");
}

TEST(FsckOfTheJournal, finds_an_oversold_day) {
  Story story;
  const PartitionNo p = story.promotion("p", [](Promotion& d) { d.daily_limit_join_count = 1; });
  story.join(p, "ann");
  story.join(p, "bob");
  expect_only(story.judged(), Invariant::i1, "2 taken of 1 on 2025-06-21");
}

TEST(FsckOfTheJournal, finds_a_limit_that_was_lowered_below_what_is_taken) {
  Story story;
  const PartitionNo p = story.promotion("p");
  story.join(p, "ann");
  story.join(p, "bob");
  story.change(p, [](Promotion& d) { d.limit_join_count = 1; });
  expect_only(story.judged(), Invariant::i1, "frame 4, partition 1, sequence 4: 2 taken of 1");
}

TEST(FsckOfTheJournal, finds_a_second_participation_of_a_day) {
  Story story;
  const PartitionNo p = story.promotion("p");
  story.join(p, "ann");
  story.join(p, "ann");
  const Report report = story.judged();
  EXPECT_EQ(report.violations_of(Invariant::i2), 1);
  EXPECT_NE(found(report, Invariant::i2).find("frame 3, partition 1, sequence 3"), std::string::npos);
  // The ledger's own key has refused the row and told so.
  EXPECT_NE(found(report, Invariant::i13).find("JOINED_TWICE"), std::string::npos) << report.as_text();
}

TEST(FsckOfTheJournal, finds_that_the_key_of_the_references_is_another_one) {
  Story story;
  story.join(story.promotion("p"), "ann");
  const std::string path = story.directory() + "/user-hash.key";
  const std::string key = read_file(path);
  write_file(path, std::string(32, 'a') + "\n");
  const Report with_another = story.judged();
  expect_only(with_another, Invariant::i2, path);
  expect_only(with_another, Invariant::i2, "is not the key");
  write_file(path, "no key\n");
  expect_only(story.fsck(), Invariant::i2, path);
  std::filesystem::remove(path);
  const Report without = story.fsck();
  EXPECT_TRUE(without.ok()) << "as a backup without its keys is restored: " << without.as_text();
  EXPECT_EQ(without.notes_of(Invariant::i2).size(), 1U);
  write_file(path, key);
  const Report sound = story.fsck();
  EXPECT_TRUE(sound.ok()) << sound.as_text();
  EXPECT_TRUE(sound.notes_of(Invariant::i2).empty());
}

TEST(FsckOfTheJournal, finds_a_second_participation_even_when_months_lie_between) {
  Story story;
  const PartitionNo p = story.promotion("p", [](Promotion& d) { d.end = {d.start.days + 200}; });
  for (int i = 0; i < 3; ++i) {
    story.join(p, "ann");
    story.later(70 * kDayMs);
  }
  story.later(-70 * kDayMs);
  story.join(p, "ann");
  EXPECT_EQ(story.judged().violations_of(Invariant::i2), 1);
}

struct RuleCase {
  const char* name;
  const char* words;
  std::function<void(Story&)> plant;
};

class FsckOfRules : public testing::TestWithParam<RuleCase> {};

TEST_P(FsckOfRules, finds_the_acceptance_that_should_have_been_refused) {
  Story story;
  GetParam().plant(story);
  expect_only(story.judged(), Invariant::i3, GetParam().words);
}

const std::vector<RuleCase> kRules{
    {"dup_limit", "N_DUP_LIMIT",
     [](Story& s) {
       const PartitionNo p = s.promotion("p", [](Promotion& d) { d.join_types = {DupLimit{1}}; });
       s.join(p, "ann");
       s.later(kDayMs);
       s.join(p, "ann");
     }},
    {"leading", "LEADING",
     [](Story& s) {
       const PartitionNo a = s.promotion("a");
       s.promotion("b");
       const PartitionNo c = s.promotion("c", [](Promotion& d) { d.join_types = {Leading{.promotions = {"a", "b"}}}; });
       s.join(a, "ann");
       s.join(c, "ann");
     }},
    {"leading_by_a_test", "LEADING",
     [](Story& s) {
       const PartitionNo a = s.promotion("a", [](Promotion& d) { d.mode = Mode::test; });
       const PartitionNo b = s.promotion("b", [](Promotion& d) { d.join_types = {Leading{.promotions = {"a"}}}; });
       s.join(a, "ann");
       s.join(b, "ann");
     }},
    {"first_time", "FIRST_TIME",
     [](Story& s) {
       const PartitionNo a = s.promotion("a");
       const PartitionNo b = s.promotion("b", [](Promotion& d) { d.join_types = {FirstTime{}}; });
       s.join(a, "ann");
       s.join(b, "ann");
     }},
    {"min_join_count", "MIN_JOIN_COUNT",
     [](Story& s) {
       const PartitionNo a = s.promotion("a");
       const PartitionNo b = s.promotion("b", [](Promotion& d) { d.join_types = {MinJoinCount{2}}; });
       s.join(a, "ann");
       s.join(b, "ann");
     }},
    {"before_the_start", "outside of the period",
     [](Story& s) {
       const PartitionNo p = s.promotion("p", [](Promotion& d) { d.end = d.start; });
       s.later(kDayMs);
       s.join(p, "ann");
     }},
    {"draft", "draft",
     [](Story& s) { s.join(s.promotion("p", [](Promotion& d) { d.lifecycle = Lifecycle::draft; }), "ann"); }},
    {"paused", "the promotion is paused",
     [](Story& s) { s.join(s.promotion("p", [](Promotion& d) { d.lifecycle = Lifecycle::paused; }), "ann"); }},
    {"ended", "has ended",
     [](Story& s) { s.join(s.promotion("p", [](Promotion& d) { d.lifecycle = Lifecycle::ended; }), "ann"); }},
    {"paused_all", "everything is paused",
     [](Story& s) {
       const PartitionNo p = s.promotion("p");
       s.system(PausedAll{.paused = true, .audit = Story::audit("pauseAll")});
       s.join(p, "ann");
     }},
    {"blocked", "the user is blocked",
     [](Story& s) {
       const PartitionNo p = s.promotion("p");
       s.system(UserBlocked{.user = Story::ref("ann"), .blocked = true, .audit = Story::audit("blockUser")});
       s.join(p, "ann");
     }},
    {"old_revision", "decided under revision 1, but 2 is in force",
     [](Story& s) {
       const PartitionNo p = s.promotion("p");
       s.change(p, [](Promotion& d) { d.title = "other"; });
       s.join(p, "ann", [](Recorded& r, Participated&) { r.revision = Revision{1}; });
     }},
};

INSTANTIATE_TEST_SUITE_P(Rules, FsckOfRules, testing::ValuesIn(kRules),
                         [](const auto& info) { return std::string{info.param.name}; });

TEST(FsckOfTheJournal, says_that_segments_cannot_be_checked) {
  Story story;
  story.join(story.promotion("p", [](Promotion& d) { d.join_types = {InSegment{{"vip"}}}; }), "ann");
  const Report report = story.judged();
  EXPECT_TRUE(report.ok()) << report.as_text();
  ASSERT_EQ(report.notes_of(Invariant::i3).size(), 1U);
  EXPECT_NE(report.notes_of(Invariant::i3).front().find("SEGMENT"), std::string::npos);
}

TEST(FsckOfTheJournal, finds_nothing_where_the_sum_of_points_passes_64_bits) {
  Story story;
  const PartitionNo p = story.promotion("p", [](Promotion& d) { d.reward_amount = INT64_MAX; });
  for (const char* user : {"ann", "bob", "eve"}) story.join(p, user);
  const Report report = story.judged();
  EXPECT_TRUE(report.ok()) << report.as_text();
}

TEST(FsckOfTheJournal, finds_another_amount_than_was_promised) {
  Story story;
  story.join(story.promotion("p"), "ann", [](Recorded&, Participated& e) { e.amount = 501; });
  expect_only(story.judged(), Invariant::i4, "501 points instead of the 500 promised");
}

TEST(FsckOfTheJournal, finds_an_acceptance_that_is_marked_as_a_test) {
  Story story;
  story.join(story.promotion("p"), "ann", [](Recorded&, Participated& e) { e.test = true; });
  expect_only(story.judged(), Invariant::i4, "marked as a test");
}

TEST(FsckOfTheJournal, finds_a_settlement_that_no_acceptance_caused) {
  Story story;
  story.join(story.promotion("p"), "ann");
  story.system(EffectSettled{.effect = {1, 2, 3}, .outcome = EffectSettled::Outcome::done, .detail = {}});
  expect_only(story.judged(), Invariant::i4, "was settled, but no acceptance and no win caused it");
}

TEST(FsckOfTheJournal, finds_a_command_that_was_accepted_twice) {
  Story story;
  const PartitionNo p = story.promotion("p");
  const Command command{.hash = {.hi = 5, .lo = 6}, .fingerprint = 7};
  story.join(p, "ann").command = command;
  story.later(kDayMs - 1001);
  story.join(p, "bob").command = command;
  expect_only(story.judged(), Invariant::i12, "was accepted before, at 2025-06-21T03:00:01.000Z");
}

TEST(FsckOfTheJournal, finds_time_that_goes_back_within_a_partition) {
  Story story;
  const PartitionNo p = story.promotion("p");
  story.join(p, "ann");
  story.join(p, "bob", [](Recorded& r, Participated&) { r.time.ms -= 2000; });
  expect_only(story.judged(), Invariant::i15, "time goes back");
}

TEST(FsckOfTheJournal, notes_that_the_system_went_back_with_a_development_clock) {
  Story story;
  story.promotion("p");
  story.system(PausedAll{.paused = true, .audit = Story::audit("pauseAll")});
  story.system(PausedAll{.paused = false, .audit = Story::audit("resumeAll")}).time.ms -= 2000;
  EXPECT_TRUE(story.judged().ok());
}

TEST(FsckOfTheJournal, finds_a_day_that_is_not_the_date_of_its_time) {
  Story story;
  const PartitionNo p = story.promotion("p");
  story.later(11 * 3'600'000);  // 23:00 in Seoul
  story.join(p, "ann", [](Recorded&, Participated& e) {
    ++e.day.days;
    ++e.day_index;
  });
  expect_only(story.judged(), Invariant::i15, "but counted for 2025-06-22");
}

TEST(FsckOfTheJournal, finds_an_operator_action_of_nobody) {
  Story story;
  story.promotion("p");
  Audit audit = Story::audit("repair");
  audit.actor.clear();
  story.system(Audited{.audit = audit, .subject = "something"});
  expect_only(story.judged(), Invariant::i16, "without an actor");
}

TEST(FsckOfTheJournal, finds_an_event_that_is_missing_in_its_partition) {
  Story story;
  const PartitionNo p = story.promotion("p");
  story.join(p, "ann", [](Recorded& r, Participated&) { ++r.sequence.value; });
  story.save();
  const Report report = story.fsck();
  EXPECT_NE(found(report, Invariant::i11).find("does not follow event 1"), std::string::npos) << report.as_text();
  EXPECT_FALSE(report.judged(Invariant::i14));  // never replayed, so never said to be the same
  EXPECT_EQ(report.violations_of(Invariant::i14), 0);
}

class DamagedJournal : public testing::Test {
 protected:
  DamagedJournal() {
    const PartitionNo p = story.promotion("p");
    for (int i = 0; i < 5; ++i) story.join(p, "user-" + std::to_string(i));
  }
  /// Overwrites bytes of the first segment.
  void plant(std::uint64_t offset, std::string_view bytes) {
    std::string image = read_file(story.segment());
    image.replace(offset, bytes.size(), bytes);
    write_file(story.segment(), image);
  }
  Story story;
};

TEST_F(DamagedJournal, is_named_with_file_and_offset_when_a_byte_is_flipped) {
  story.save();
  const std::uint64_t offset = story.offset_of(3);
  const std::string image = read_file(story.segment());
  plant(offset + 70, std::string(1, static_cast<char>(image[offset + 70] ^ 1)));
  const Report report = story.fsck();
  EXPECT_NE(found(report, Invariant::i11).find(story.segment() + " at offset " + std::to_string(offset)),
            std::string::npos)
      << report.as_text();
}

TEST_F(DamagedJournal, leaves_unjudged_what_is_compared_with_the_whole_of_it) {
  story.save();
  story.project();
  const std::uint64_t offset = story.offset_of(3);
  const std::string image = read_file(story.segment());
  plant(offset + 70, std::string(1, static_cast<char>(image[offset + 70] ^ 1)));
  const Report report = story.fsck();
  EXPECT_FALSE(report.ok());
  for (const Invariant one :
       {Invariant::i4, Invariant::i9, Invariant::i10, Invariant::i13, Invariant::i14, Invariant::i16}) {
    EXPECT_FALSE(report.judged(one)) << name_of(one);
    EXPECT_EQ(report.violations_of(one), 0) << name_of(one);
  }
  EXPECT_TRUE(report.judged(Invariant::i11));
  const std::string text = report.as_text();
  EXPECT_NE(text.find("I13  NOT JUDGED"), std::string::npos) << text;
  EXPECT_NE(text.find("ledger.db was not compared, since the journal is damaged: see I11"), std::string::npos) << text;
  EXPECT_NE(text.find("restore the last backup"), std::string::npos) << text;
  for (const char* wrong : {"the journal is right", "not deterministic", "with two people"}) {
    EXPECT_EQ(text.find(wrong), std::string::npos) << text;
  }
  EXPECT_NE(report.as_json().find(R"({"id":"I14","checked":0,"violations":0,"state":"NOT_JUDGED","notes":[")"),
            std::string::npos)
      << report.as_json();
}

TEST_F(DamagedJournal, blames_no_decision_for_what_stood_in_a_frame_that_is_gone) {
  const PartitionNo follow =
      story.promotion("follow", [](Promotion& d) { d.join_types = {Leading{.promotions = {"p"}}}; });
  story.join(follow, "user-1");
  story.save();
  const std::uint64_t offset = story.offset_of(3);  // user-1 joins what follow asks for, and nothing of p comes after
  plant(offset, std::string(story.offset_of(7) - offset, '\0'));
  const Report report = story.fsck();
  EXPECT_GT(report.violations_of(Invariant::i11), 0);
  EXPECT_EQ(report.violations_of(Invariant::i3), 0) << report.as_text();
}

TEST_F(DamagedJournal, is_looked_at_before_the_advice_on_what_else_is_found) {
  story.join(PartitionNo{1}, "user-0");
  story.save();
  const std::uint64_t offset = story.offset_of(3);
  plant(offset, std::string(story.offset_of(4) - offset, '\0'));
  const Report report = story.fsck();
  EXPECT_EQ(report.violations_of(Invariant::i2), 1);
  EXPECT_NE(report.as_text().find("what to do: see I11 first"), std::string::npos) << report.as_text();
  EXPECT_EQ(report.as_text().find("stop the promotion"), std::string::npos) << report.as_text();
}

TEST_F(DamagedJournal, is_named_when_a_frame_is_gone) {
  story.save();
  const std::uint64_t offset = story.offset_of(3);
  plant(offset, std::string(story.offset_of(4) - offset, '\0'));
  const Report report = story.fsck();
  EXPECT_NE(found(report, Invariant::i11).find("frame 3 is bad"), std::string::npos) << report.as_text();
}

TEST_F(DamagedJournal, is_a_note_where_only_the_last_frame_is_torn) {
  story.save(false);
  const std::uint64_t offset = story.offset_of(6);
  plant(offset + 80, std::string(4, 'x'));
  const Report report = story.fsck();
  EXPECT_TRUE(report.ok()) << report.as_text();
  EXPECT_NE(report.as_text().find("frame 6 was never completed"), std::string::npos) << report.as_text();
}

TEST_F(DamagedJournal, is_no_torn_tail_where_the_ledger_has_seen_the_frame) {
  story.save(false);
  story.project();
  plant(story.offset_of(6) + 80, std::string(4, 'x'));
  const Report report = story.fsck();
  EXPECT_NE(found(report, Invariant::i11).find("the ledger has seen frame 6"), std::string::npos) << report.as_text();
}

TEST_F(DamagedJournal, is_reported_where_the_lineage_file_is_damaged) {
  story.save();
  std::string lineage = read_file(story.directory() + "/lineage");
  lineage[20] = static_cast<char>(lineage[20] ^ 1);
  write_file(story.directory() + "/lineage", lineage);
  const Report report = story.fsck();
  EXPECT_GT(report.violations_of(Invariant::i11), 0);
  EXPECT_FALSE(report.judged(Invariant::i1));
  EXPECT_EQ(report.as_json().find(R"("state":"HOLDS")"), std::string::npos) << report.as_json();
}

}  // namespace
}  // namespace windfall::proof

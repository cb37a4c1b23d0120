// What fsck sees in the ledger and in the partner's book: each row that was touched is found.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <map>

#include "adapters/codec/encoding.hpp"
#include "proof/story.hpp"

namespace windfall::proof {
namespace {

/// Two promotions, four acceptances, two of them settled, some operator actions.
class FsckOfTheLedger : public testing::Test {
 protected:
  FsckOfTheLedger() {
    p = story.promotion("p");
    ann = &story.join(p, "ann");
    bob = &story.join(p, "bob");
    story.join(p, "cat");
    story.join(story.promotion("trial", [](Promotion& d) { d.mode = Mode::test; }), "ann");
    story.settle(*ann);
    story.settle(*bob, EffectSettled::Outcome::dead);
    story.system(UserBlocked{.user = Story::ref("eve"), .blocked = true, .audit = Story::audit("blockUser")});
    story.system(Audited{.audit = Story::audit("repair"), .subject = "something"});
    story.save();
    story.project();
  }
  Report after(const std::string& script) {
    story.sql(script);
    return story.fsck();
  }
  [[nodiscard]] std::string entry(const Recorded& acceptance, const std::string& user, int amount = 500,
                                  int times = 1) const {
    return R"({"eventId":")" + codec::to_uuid_text(story.effect_of(acceptance)) + R"(","userId":")" + user +
           R"(","promotionId":"p","amount":)" + std::to_string(amount) + R"(,"times":)" + std::to_string(times) + "}";
  }
  Story story;
  PartitionNo p;
  const Recorded* ann = nullptr;
  const Recorded* bob = nullptr;
};

TEST_F(FsckOfTheLedger, finds_nothing_in_a_ledger_that_follows_from_the_journal) {
  const Report report = story.fsck();
  EXPECT_TRUE(report.ok()) << report.as_text();
  EXPECT_GE(report.checks_of(Invariant::i13), 4);
  EXPECT_GE(report.checks_of(Invariant::i16), 4);
}

TEST_F(FsckOfTheLedger, writes_nothing) {
  std::map<std::string, std::string> before;
  for (const auto& file : std::filesystem::recursive_directory_iterator(story.directory())) {
    if (file.is_regular_file()) before[file.path()] = read_file(file.path());
  }
  (void)story.fsck();
  std::map<std::string, std::string> after_it;
  for (const auto& file : std::filesystem::recursive_directory_iterator(story.directory())) {
    if (file.is_regular_file()) after_it[file.path()] = read_file(file.path());
  }
  EXPECT_TRUE(before == after_it);
}

TEST_F(FsckOfTheLedger, is_satisfied_where_the_ledger_is_missing) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(story.directory() + "/ledger.db" + suffix);
  const Report report = story.fsck();
  EXPECT_TRUE(report.ok()) << report.as_text();
  EXPECT_NE(report.as_text().find("there is no ledger"), std::string::npos);
}

struct Tampering {
  const char* name;
  Invariant invariant;
  const char* script;
  const char* words;
};

class FsckOfTamperedRows : public FsckOfTheLedger, public testing::WithParamInterface<Tampering> {};

TEST_P(FsckOfTamperedRows, finds_the_row) {
  const Report report = after(GetParam().script);
  EXPECT_FALSE(report.ok());
  EXPECT_NE(found(report, GetParam().invariant).find(GetParam().words), std::string::npos) << report.as_text();
}

INSTANTIATE_TEST_SUITE_P(
    Rows, FsckOfTamperedRows,
    testing::Values(
        Tampering{"amount", Invariant::i13, "update participation set amount = 501 where ordinal = 2", "amount is not"},
        Tampering{"day", Invariant::i13, "update participation set day = day + 1 where ordinal = 2", "day is not"},
        Tampering{"user", Invariant::i13, "update participation set user = 2 where ordinal = 4", "user is not"},
        Tampering{"time", Invariant::i13, "update participation set at = at - 1 where ordinal = 1", "at is not"},
        Tampering{"event_id", Invariant::i13, "update participation set event_id = zeroblob(16) where ordinal = 1",
                  "event_id is not"},
        Tampering{"row_gone", Invariant::i13, "delete from participation where ordinal = 2", "has no row"},
        Tampering{"row_put_in", Invariant::i13,
                  "insert into participation select 5, partition, epoch, 99, event_id, user, day + 5, amount, at, "
                  "revision, test, null from participation where ordinal = 1",
                  "sequence 99 is not in the journal"},
        Tampering{"total", Invariant::i13, "update total set spent = spent + 1 where partition = 1",
                  "total of partition 1"},
        Tampering{"definition", Invariant::i13, "update promotion set definition = '{}' where id = 'p'",
                  "promotion p: is not what"},
        Tampering{"revision", Invariant::i13, "update promotion set revision = revision - 1 where id = 'p'",
                  "promotion p: is not what"},
        Tampering{"history_by_the_revision_before", Invariant::i13,
                  "update definition_history set revision = revision - 1 where partition = 1", "definition_history"},
        Tampering{"history", Invariant::i13, "update definition_history set definition = '{}'", "definition_history"},
        Tampering{"unblocked", Invariant::i13, "delete from blocked", "blocked: 0 people"},
        Tampering{"counts", Invariant::i13, "update effect_count set count = count + 1", "effect_count"},
        Tampering{"synced", Invariant::i13, "update promotion set join_count = 7, synced_sequence = 4 where id = 'p'",
                  "synced counts"},
        Tampering{"lineage", Invariant::i13, "update meta set value = 'ff' where key = 'lineage'",
                  "belongs to lineage ff"},
        Tampering{"effect_gone", Invariant::i4, "delete from effect where no = 2", "an acceptance without an effect"},
        Tampering{"effect_twice", Invariant::i4,
                  "insert into effect (no, id, ordinal, partition, user, amount, occurred_at, state, next_try, "
                  "updated_at) select 9, id, ordinal, partition, user, amount, occurred_at, 3, 0, 0 from effect where "
                  "no = 1",
                  "has no acceptance of its own"},
        Tampering{"effect_amount", Invariant::i4, "update effect set amount = 5000 where no = 3",
                  "5000 points instead of 500"},
        Tampering{"effect_id", Invariant::i4, "update effect set id = zeroblob(16) where no = 1", "should be"},
        Tampering{"effect_shared", Invariant::i4, "update participation set effect = 1 where ordinal = 2",
                  "belongs to another acceptance"},
        Tampering{"effect_of_a_test", Invariant::i4, "update participation set effect = 1 where ordinal = 4",
                  "an effect of an acceptance that pays nothing"},
        Tampering{"not_done", Invariant::i4, "update effect set state = 0 where no = 1",
                  "PENDING in the ledger, but DONE"},
        Tampering{"done_too_early", Invariant::i4, "update effect set state = 3 where no = 3", "but not settled"},
        Tampering{"audit_words", Invariant::i16, "update audit set reason = 'none' where seq = 2", "audit 2"},
        Tampering{"audit_before", Invariant::i16, "update audit set before = 'x' where seq = 2",
                  "the chain breaks here"},
        Tampering{"audit_gone", Invariant::i16, "delete from audit where seq = 3", "is not the action"},
        Tampering{"audit_tail_gone", Invariant::i16, "delete from audit where seq = 4", "has no row for this action"},
        Tampering{"audit_put_in", Invariant::i16,
                  "insert into audit select 5, at, actor, action, subject, subject_user, before, after, reason, chain "
                  "from audit where seq = 4",
                  "is no action of the journal"}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST_F(FsckOfTheLedger, reads_what_a_crash_left_in_the_write_ahead_log) {
  // As a killed server leaves it: copied while a connection is open, so that the last commit stands in the log only.
  const std::string ledger = story.directory() + "/ledger.db";
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(ledger.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, "pragma wal_autocheckpoint = 0; update effect set state = 0 where no = 1", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  std::map<std::string, std::string> left;
  for (const char* suffix : {"", "-wal", "-shm"}) left[ledger + suffix] = read_file(ledger + suffix);
  sqlite3_close(database);
  ASSERT_FALSE(left[ledger + "-wal"].empty());
  for (const auto& [path, bytes] : left) write_file(path, bytes);
  const Report report = story.fsck();
  EXPECT_NE(found(report, Invariant::i4).find("PENDING in the ledger"), std::string::npos) << report.as_text();
  for (const auto& [path, bytes] : left) EXPECT_TRUE(read_file(path) == bytes) << path;
}

// --- The partner's book

TEST_F(FsckOfTheLedger, joins_the_partners_book) {
  const Report report = story.fsck(story.book(entry(*ann, "ann")));
  EXPECT_TRUE(report.ok()) << report.as_text();
}

TEST_F(FsckOfTheLedger, finds_a_done_effect_that_the_partner_does_not_know) {
  expect_only(story.fsck(story.book("")), Invariant::i4, "is DONE, but not in the partner's book");
}

TEST_F(FsckOfTheLedger, finds_what_the_partner_has_booked_twice) {
  expect_only(story.fsck(story.book(entry(*ann, "ann", 500, 2))), Invariant::i4, "booked 2 times");
  expect_only(story.fsck(story.book(entry(*ann, "ann") + "," + entry(*ann, "ann"))), Invariant::i4, "booked 2 times");
}

TEST_F(FsckOfTheLedger, finds_a_booking_for_somebody_else_or_of_another_amount) {
  expect_only(story.fsck(story.book(entry(*ann, "bob"))), Invariant::i4, "another user, promotion or amount");
  expect_only(story.fsck(story.book(entry(*ann, "ann", 501))), Invariant::i4, "another user, promotion or amount");
}

TEST_F(FsckOfTheLedger, finds_a_booking_that_no_acceptance_caused) {
  const std::string stray =
      R"({"eventId":"00000000-0000-8000-8000-000000000001","userId":"ann","promotionId":"p","amount":500,"times":1})";
  expect_only(story.fsck(story.book(entry(*ann, "ann") + ",\n " + stray)), Invariant::i4,
              "no acceptance in the journal");
}

TEST_F(FsckOfTheLedger, says_which_dead_letters_the_partner_has_booked) {
  const Report report = story.fsck(story.book(entry(*ann, "ann") + "," + entry(*bob, "bob")));
  EXPECT_TRUE(report.ok()) << report.as_text();
  EXPECT_NE(report.as_text().find("1 dead letters are booked at the partner"), std::string::npos);
}

TEST_F(FsckOfTheLedger, refuses_a_book_that_is_none) {
  write_file(story.file("book.json"), "{\"entries\":[{\"eventId\":1}]}");
  const Result<Report> report = proof::fsck({.directory = story.directory(), .book = story.file("book.json")});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, FailureCode::invalid);
}

TEST_F(FsckOfTheLedger, gives_its_report_as_json) {
  const std::string json = after("update total set spent = 0 where partition = 1").as_json();
  EXPECT_TRUE(json.starts_with(R"({"ok":false,"invariants":[{"id":"I1","checked":)")) << json;
  EXPECT_NE(json.find(R"({"id":"I9","checked":0,"violations":0,"state":"HOLDS","notes":[]})"), std::string::npos);
  EXPECT_NE(json.find(R"("findings":[{"id":"I13","where":"ledger.db, total of partition 1","what":")"),
            std::string::npos);
}

}  // namespace
}  // namespace windfall::proof

// What fsck sees of codes: the events of a prize against each other, and the rows of codes.db against the events. Each
// planted mistake is found, and a crash's rest is none.
#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/vault/key_seals.hpp"
#include "adapters/vault/master_keys.hpp"
#include "app/proof/ledger_file.hpp"
#include "proof/lottery_story.hpp"

namespace windfall::proof {
namespace {

const PrizeOfCodes kAmericano{.promotion_id = "dice", .prize_id = "americano"};
constexpr int kImported = 6;

class FsckOfCodes : public testing::Test {
 protected:
  FsckOfCodes() {
    dice.open();
    event(CodesImported{.prize = LotteryStory::kGifticon, .count = kImported, .audit = Story::audit("codes.import")});
    for (int i = 0; i < 3; ++i) {
      const LotteryStory::Drawn won = dice.win(LotteryStory::kGifticon);
      wins.push_back(won);
      assigned.push_back(&assign(won, i));
    }
  }
  Recorded& event(Event of) { return story.event(dice.partition, std::move(of)); }
  Recorded& assign(const LotteryStory::Drawn& won, std::int64_t ordinal, std::uint32_t issue = 0) {
    Recorded& recorded = story.event(
        dice.partition,
        CodeAssigned{.user = Story::ref(won.user), .win = won.place, .prize = LotteryStory::kGifticon, .issue = issue},
        won.user);
    recorded.taken = {ordinal};
    return recorded;
  }

  using Vault = std::unique_ptr<sqlite::SqliteCodeVault>;
  Vault vault() {
    if (!seals_) {
      seals_ = vault::KeySeals::make(vault::load_master_keys(story.keys(), story.directory()).value()).value();
    }
    return sqlite::SqliteCodeVault::open(file(), *seals_).value();
  }
  /// An import of that many codes, of which `announced` are in the log.
  void import(int codes = kImported, int announced = kImported) {
    std::filesystem::create_directories(story.directory());
    const Vault into = vault();
    const auto running = into->begin_import(kAmericano, 0).value();
    std::vector<std::string> texts;
    std::vector<CodeLine> lines;
    for (int i = 0; i < codes; ++i) texts.push_back("CODE-" + std::to_string(i));
    for (const std::string& text : texts) lines.push_back({.line = lines.size() + 1, .code = text});
    ASSERT_TRUE(into->append(running, lines)->empty());
    ASSERT_TRUE(into->end_import(running, static_cast<std::uint64_t>(announced)));
  }
  [[nodiscard]] std::string file() const { return story.directory() + "/codes.db"; }
  /// Changes the rows behind the vault's back.
  void sql(const std::string& script) const {
    sqlite::Connection(file(), sqlite::Access::write).execute(script.c_str());
  }
  Report judged() {
    story.save();
    return story.fsck();
  }

  Story story;
  LotteryStory dice{story};
  std::vector<LotteryStory::Drawn> wins;
  std::vector<Recorded*> assigned;

 private:
  std::unique_ptr<vault::KeySeals> seals_;
};

TEST_F(FsckOfCodes, finds_nothing_where_all_that_was_imported_is_there) {
  story.save();
  import();
  const Report report = story.fsck();
  EXPECT_TRUE(report.ok()) << report.as_text();
  EXPECT_TRUE(report.notes_of(Invariant::i9).empty()) << report.as_text();
  EXPECT_GE(report.checks_of(Invariant::i9), 2 * kImported - 2) << "events and rows";
}

TEST_F(FsckOfCodes, names_what_a_crash_left_of_an_import_and_does_not_blame_it) {
  story.save();
  import(kImported + 5);
  const Report report = story.fsck();
  EXPECT_TRUE(report.ok()) << report.as_text();
  ASSERT_EQ(report.notes_of(Invariant::i9).size(), 1U) << report.as_text();
  EXPECT_NE(report.notes_of(Invariant::i9).front().find("5 codes were written and never announced"), std::string::npos)
      << report.as_text();
}

TEST_F(FsckOfCodes, finds_a_code_that_was_given_out_and_deleted_since) {
  story.save();
  import();
  sql("delete from code where ordinal = 0; update code_prize set count = count - 1");
  expect_only(story.fsck(), Invariant::i9, "6 codes were imported, and 5 of them are there");
}

TEST_F(FsckOfCodes, counts_without_the_master_keys_and_says_that_it_opened_nothing) {
  story.save();
  import();
  std::filesystem::remove(story.keys());
  const Report report = story.fsck();
  EXPECT_TRUE(report.ok()) << report.as_text();
  ASSERT_EQ(report.notes_of(Invariant::i9).size(), 1U) << report.as_text();
  EXPECT_TRUE(report.notes_of(Invariant::i9).front().starts_with("not checked")) << report.as_text();
}

TEST_F(FsckOfCodes, finds_a_vault_that_is_gone) { expect_only(judged(), Invariant::i9, "the vault has none of them"); }

TEST_F(FsckOfCodes, finds_fewer_codes_than_were_imported) {
  story.save();
  import(kImported - 1, kImported - 1);
  expect_only(story.fsck(), Invariant::i9, "6 codes were imported, of 5 that were written");
}

TEST_F(FsckOfCodes, finds_rows_that_were_deleted_behind_the_vault) {
  story.save();
  import();
  sql("delete from code where ordinal = 1");
  expect_only(story.fsck(), Invariant::i9, "there are 5 rows; 6 are counted");
}

TEST_F(FsckOfCodes, finds_a_code_that_was_deleted_before_anybody_got_it) {
  story.save();
  import();
  sql("delete from code where ordinal = 3; update code_prize set count = count - 1");
  const Report report = story.fsck();
  EXPECT_FALSE(report.ok());
  EXPECT_NE(report.as_text().find("3 codes are yet to be given out, and 2 of them are there"), std::string::npos)
      << report.as_text();
}

TEST_F(FsckOfCodes, finds_a_code_that_cannot_be_read) {
  story.save();
  import();
  sql("update code set sealed = zeroblob(length(sealed)) where ordinal = 2");
  expect_only(story.fsck(), Invariant::i9, "ordinal 2: is not what was written there");
}

TEST_F(FsckOfCodes, finds_codes_that_changed_places) {
  story.save();
  import();
  sql("update code set ordinal = 100 where ordinal = 0; update code set ordinal = 0 where ordinal = 1;"
      "update code set ordinal = 1 where ordinal = 100");
  expect_only(story.fsck(), Invariant::i9, "ordinal 0: is not what was written there");
}

TEST_F(FsckOfCodes, finds_codes_under_a_key_that_is_not_there) {
  story.save();
  import();
  sql("update code set key = 7 where ordinal = 5");
  expect_only(story.fsck(), Invariant::i9, "ordinal 5: ");
}

TEST_F(FsckOfCodes, finds_a_row_beyond_what_was_ever_written) {
  story.save();
  import();
  sql("update code set ordinal = 40 where ordinal = 5");
  expect_only(story.fsck(), Invariant::i9, "a row has ordinal 40, of 6 that were written");
}

TEST_F(FsckOfCodes, finds_a_vault_that_is_ahead_of_the_log) {
  story.save();
  import(kImported + 2, kImported + 2);
  expect_only(story.fsck(), Invariant::i9, "8 codes are committed as the vault has it, 6 by the log");
}

TEST_F(FsckOfCodes, finds_a_file_that_is_no_vault) {
  story.save();
  write_file(file(), "nonsense, and long enough to be looked at");
  expect_only(story.fsck(), Invariant::i9, "cannot be read");
}

TEST_F(FsckOfCodes, finds_a_code_that_two_wins_have) {
  assigned[2]->taken = {1};
  story.save();
  import();
  expect_only(story.fsck(), Invariant::i9, "code 1 of prize 0 was given out; the next one was 2");
}

TEST_F(FsckOfCodes, finds_a_code_that_was_never_imported) {
  event(CodesBurned{.prize = LotteryStory::kGifticon, .count = 3, .audit = Story::audit("recover")});
  assign(dice.win(LotteryStory::kGifticon), 6);
  story.save();
  import();
  expect_only(story.fsck(), Invariant::i9, "code 6 of prize 0 was given out, of 6 imported");
}

TEST_F(FsckOfCodes, finds_a_second_code_for_a_win_that_was_promised_none) {
  assign(wins[0], 3, 1);
  story.save();
  import();
  expect_only(story.fsck(), Invariant::i9, "a win got code 2 after 1 codes and 0 reissues");
}

TEST_F(FsckOfCodes, finds_a_code_for_a_win_that_was_voided) {
  const LotteryStory::Drawn won = dice.win(LotteryStory::kGifticon);
  dice.void_win(won);
  assign(won, 3);
  story.save();
  import();
  expect_only(story.fsck(), Invariant::i9, "a void win got a code");
}

/// Coupons that were used, and given another code, as the ledger has them.
class FsckOfCouponRows : public FsckOfCodes {
 protected:
  FsckOfCouponRows() {
    story.later(1000);
    event(CouponUsed{.user = Story::ref(wins[0].user), .win = wins[0].place});
    story.later(1000);
    event(CouponReissued{
        .user = Story::ref(wins[1].user), .win = wins[1].place, .issue = 1, .audit = Story::audit("reissueCoupon")});
    story.later(1000);
    assign(wins[1], 3, 1);
    story.save();
    story.project();
    import();
  }
  void expect_found(const char* script, const char* words) {
    story.sql(script);
    expect_only(story.fsck(), Invariant::i13, words);
  }
};

TEST_F(FsckOfCouponRows, finds_nothing_in_those_that_the_log_explains) {
  const Report report = story.fsck();
  EXPECT_TRUE(report.ok()) << report.as_text();
}

TEST_F(FsckOfCouponRows, finds_one_that_was_used_and_does_not_say_so) {
  expect_found("update coupon set used_at = null where used_at is not null", "used_at is not what the log says");
}

TEST_F(FsckOfCouponRows, finds_one_that_was_used_at_another_time) {
  expect_found("update coupon set used_at = used_at + 1", "used_at is not what the log says");
}

TEST_F(FsckOfCouponRows, finds_one_that_still_has_the_code_of_before) {
  expect_found("update coupon set ordinal = 1 where issue = 1", "its code is not what the log says");
}

TEST_F(FsckOfCouponRows, finds_one_whose_reissue_is_forgotten) {
  expect_found("update coupon set issue = 0 where issue = 1", "issue is not what the log says");
}

TEST_F(FsckOfCouponRows, finds_one_that_was_issued_at_another_time) {
  expect_found("update coupon set issued_at = issued_at - 1 where issue = 1", "issued_at is not what the log says");
}

}  // namespace
}  // namespace windfall::proof

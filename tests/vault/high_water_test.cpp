// The marks only rise, survive every crash that raise() outlived, and say so when they were tampered with.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/vault/high_water_file.hpp"
#include "vault/vault_fixture.hpp"

namespace windfall::vault {
namespace {

const PrizeOfCodes kCoffee{.promotion_id = "spring", .prize_id = "americano"};
const PrizeOfCodes kCake{.promotion_id = "spring", .prize_id = "cake"};

class HighWaterMarks : public testing::Test {
 protected:
  std::unique_ptr<HighWaterFile> open() {
    auto opened = HighWaterFile::open(path_, folder_.file("data"));
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  std::uint64_t mark_of(const PrizeOfCodes& prize) const {
    const auto marks = HighWaterFile::read(path_);
    EXPECT_TRUE(marks) << marks.error().message;
    for (const HighWater::Mark& mark : *marks) {
      if (mark.prize == prize) return mark.below;
    }
    return 0;
  }
  VaultFolder folder_;
  const std::string path_ = folder_.file("high-water");
};

TEST_F(HighWaterMarks, CoverWhatWasRaisedAndSomeAhead) {
  const auto marks = open();
  EXPECT_FALSE(marks->covers(kCoffee, 0));
  ASSERT_TRUE(marks->raise(kCoffee, 0));
  EXPECT_TRUE(marks->covers(kCoffee, HighWater::kAhead));
  EXPECT_FALSE(marks->covers(kCoffee, HighWater::kAhead + 1));
  EXPECT_FALSE(marks->covers(kCake, 0));
  EXPECT_EQ(mark_of(kCoffee), HighWater::kAhead + 1) << "before raise() returned";
}

TEST_F(HighWaterMarks, WriteOnlyWhereNothingCoversYet) {
  const auto marks = open();
  ASSERT_TRUE(marks->raise(kCoffee, 100));
  const auto size = std::filesystem::file_size(path_);
  for (std::uint64_t ordinal = 0; ordinal <= 100 + HighWater::kAhead; ++ordinal) {
    ASSERT_TRUE(marks->raise(kCoffee, ordinal));
  }
  EXPECT_EQ(std::filesystem::file_size(path_), size);
  EXPECT_EQ(mark_of(kCoffee), 101 + HighWater::kAhead);
}

TEST_F(HighWaterMarks, SurviveARestart) {
  {
    const auto marks = open();
    for (std::uint64_t ordinal = 0; ordinal < 1000; ++ordinal) ASSERT_TRUE(marks->raise(kCoffee, ordinal));
    ASSERT_TRUE(marks->raise(kCake, 5));
  }
  const auto size = std::filesystem::file_size(path_);
  const auto marks = open();
  EXPECT_LT(std::filesystem::file_size(path_), size) << "one line a prize is enough";
  EXPECT_TRUE(marks->covers(kCoffee, 999));
  EXPECT_TRUE(marks->covers(kCake, 5));
  ASSERT_EQ(marks->marks().size(), 2U);
  EXPECT_EQ(marks->marks()[1].prize, kCake);
  EXPECT_EQ(marks->marks()[1].below, 6 + HighWater::kAhead);
}

TEST_F(HighWaterMarks, CutAtAnyByteLoseNothingThatWasAcknowledged) {
  {
    EXPECT_TRUE(open()->raise(kCoffee, 10));
  }
  const auto before = bytes_in(path_).size();
  {
    EXPECT_TRUE(open()->raise(kCoffee, 500));
  }
  const std::string whole = bytes_in(path_);
  for (std::size_t length = before; length <= whole.size(); ++length) {
    put_bytes(path_, whole.substr(0, length));
    const auto marks = HighWaterFile::open(path_, {});
    ASSERT_TRUE(marks) << length << ": " << marks.error().message;
    EXPECT_TRUE((*marks)->covers(kCoffee, 10)) << length;
    EXPECT_EQ((*marks)->covers(kCoffee, 500), length == whole.size()) << length;
  }
}

TEST_F(HighWaterMarks, AlteredInTheMiddleAreDamaged) {
  {
    const auto marks = open();
    ASSERT_TRUE(marks->raise(kCoffee, 10));
    ASSERT_TRUE(marks->raise(kCake, 500));
  }
  const std::string whole = bytes_in(path_);
  const std::size_t last_line = whole.rfind('\n', whole.size() - 2) + 1;
  for (std::size_t at = 0; at + 1 < last_line; ++at) {
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    put_bytes(path_, altered);
    const auto opened = HighWaterFile::open(path_, {});
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(opened.error().code, FailureCode::damaged) << at;
    EXPECT_EQ(bytes_in(path_), altered) << "a damaged file is left for a person to look at";
  }
  EXPECT_EQ(HighWaterFile::read(folder_.file("none")).error().code, FailureCode::not_found);
}

TEST_F(HighWaterMarks, AreKeptApartFromTheDataAndByOneProcess) {
  const std::string data = folder_.file("data");
  std::filesystem::create_directory(data);
  EXPECT_EQ(HighWaterFile::open(data + "/high-water", data).error().code, FailureCode::invalid);
  const auto marks = open();
  EXPECT_EQ(HighWaterFile::open(path_, data).error().code, FailureCode::conflict);
}

TEST_F(HighWaterMarks, AreWrittenAnewWhenTheyHaveGrown) {
  constexpr std::uint64_t kRoom = 4096;
  const auto marks = std::move(*HighWaterFile::open(path_, {}, kRoom));
  const PrizeOfCodes longest{.promotion_id = std::string(64, 'p'), .prize_id = std::string(64, 'z')};
  std::uint64_t ordinal = 0;
  std::uintmax_t largest = 0;
  for (int i = 0; i < 60; ++i, ordinal += HighWater::kAhead + 1) {
    ASSERT_TRUE(marks->raise(longest, ordinal));
    largest = std::max(largest, std::filesystem::file_size(path_));
  }
  EXPECT_LT(largest, kRoom + 200);
  EXPECT_GT(largest, kRoom / 2);
  EXPECT_EQ(mark_of(longest), ordinal);
}

TEST_F(HighWaterMarks, CoverNothingNewWhileThereIsNoRoomAndGoOnWhenThereIs) {
  const pid_t child = fork();  // the limit is the whole process's
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    auto marks = std::move(*HighWaterFile::open(path_, {}));
    if (!marks->raise(kCoffee, 0)) _exit(1);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlimit tight{.rlim_cur = std::filesystem::file_size(path_) + 10, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    for (int tries = 0; tries < 3; ++tries) {
      const auto refused = marks->raise(kCake, 0);
      if (refused || refused.error().code != FailureCode::disk_full) _exit(2);
      if (marks->covers(kCake, 0) || !marks->covers(kCoffee, 0)) _exit(3);
    }
    setrlimit(RLIMIT_FSIZE, &limit);
    if (!marks->raise(kCake, 0) || !marks->covers(kCake, 0)) _exit(4);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_GT(mark_of(kCoffee), 0U);
  EXPECT_GT(mark_of(kCake), 0U);
}

}  // namespace
}  // namespace windfall::vault

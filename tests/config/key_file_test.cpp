#include "app/key_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "config/temporary_folder.hpp"

namespace windfall::app {
namespace {

constexpr const char* kHex = "00112233445566778899aabbccddeeff";

class KeyFile : public testing::Test {
 protected:
  std::string with(const std::string& text, mode_t mode) {
    std::string path = folder_.with("user-hash.key", text);
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  void expect_refused(const std::string& path, const std::string& why) {
    const auto key = load_or_make_key(path);
    ASSERT_FALSE(key) << why;
    EXPECT_EQ(key.error().code, FailureCode::invalid);
    EXPECT_NE(key.error().message.find(path), std::string::npos) << key.error().message;
    EXPECT_NE(key.error().message.find(why), std::string::npos) << key.error().message;
  }

  TemporaryFolder folder_;
};

TEST_F(KeyFile, IsMadeOnceAndReadableByItsOwnerOnly) {
  const std::string path = folder_.file("user-hash.key");
  const auto made = load_or_make_key(path);
  ASSERT_TRUE(made) << made.error().message;
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto again = load_or_make_key(path);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *made);

  const auto other = load_or_make_key(folder_.file("other.key"));
  ASSERT_TRUE(other);
  EXPECT_NE(*other, *made) << "keys are random";
}

TEST_F(KeyFile, MadeByManyProcessesAtOnceIsTheSameForAll) {
  constexpr int kRounds = 20;
  constexpr int kProcesses = 8;
  for (int round = 0; round < kRounds; ++round) {
    const std::string path = folder_.file("made-" + std::to_string(round) + ".key");
    std::vector<int> keys;
    for (int i = 0; i < kProcesses; ++i) {
      std::array<int, 2> ends{};
      ASSERT_EQ(pipe(ends.data()), 0);
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        const auto key = load_or_make_key(path);
        if (key) (void)!write(ends[1], key->data(), key->size());
        _exit(0);
      }
      close(ends[1]);
      keys.push_back(ends[0]);
    }
    while (wait(nullptr) > 0) {
    }
    const auto made = load_or_make_key(path);
    ASSERT_TRUE(made) << made.error().message;
    for (const int end : keys) {
      std::array<std::uint8_t, 16> key{};
      EXPECT_EQ(read(end, key.data(), key.size()), static_cast<ssize_t>(key.size())) << "a process got no key";
      EXPECT_EQ(key, *made);
      close(end);
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder_.file(""))) {
    EXPECT_EQ(entry.path().string().find(".new"), std::string::npos) << "a draft is left: " << entry.path();
  }
}

TEST_F(KeyFile, DoesNotTouchTheDraftOfAnotherProcess) {
  const std::string draft = folder_.with("user-hash.key.new", "somebody else writes here");
  ASSERT_TRUE(load_or_make_key(folder_.file("user-hash.key")));
  std::ifstream file(draft);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "somebody else writes here");
}

TEST_F(KeyFile, IsReadWithAndWithoutItsNewLine) {
  for (const std::string end : {"\n", ""}) {
    const auto key = load_or_make_key(with(kHex + end, 0600));
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_EQ(key->front(), 0x00);
    EXPECT_EQ((*key)[1], 0x11);
    EXPECT_EQ(key->back(), 0xff);
  }
}

TEST_F(KeyFile, ThatOthersMayReadIsRefused) {
  for (const mode_t mode : {0640U, 0604U, 0660U, 0601U}) expect_refused(with(kHex, mode), "chmod 600");
}

TEST_F(KeyFile, OfGarbageIsRefused) {
  for (const char* text :
       {"", "\n", "00112233", "0011223344556677 8899aabbccddeef", "zz112233445566778899aabbccddeeff"}) {
    expect_refused(with(text, 0600), "32 hex digits");
  }
}

TEST_F(KeyFile, OfGarbageIsNeverReplaced) {
  const std::string path = with("precious", 0600);
  expect_refused(path, "32 hex digits");
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "precious");
}

TEST_F(KeyFile, InAFolderThatIsNotThereIsUnavailable) {
  const auto key = load_or_make_key(folder_.file("missing/user-hash.key"));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, FailureCode::unavailable);
}

}  // namespace
}  // namespace windfall::app

// The file of master keys: made once, for its owner only, apart from the data, and never half written.
#include "adapters/vault/master_keys.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "vault/vault_fixture.hpp"

namespace windfall::vault {
namespace {

class MasterKeyFile : public testing::Test {
 protected:
  MasterKeyFile() { std::filesystem::create_directory(data_); }
  std::string with(std::string_view text, mode_t mode = 0600) {
    put_bytes(path_, text);
    EXPECT_EQ(chmod(path_.c_str(), mode), 0);
    return path_;
  }
  void expect_invalid(const Result<MasterKeys>& keys, std::string_view why) {
    ASSERT_FALSE(keys) << why;
    EXPECT_EQ(keys.error().code, FailureCode::invalid);
    EXPECT_NE(keys.error().message.find(why), std::string::npos) << keys.error().message;
    EXPECT_EQ(keys.error().message.find(kHex), std::string::npos) << "a message showed a key";
  }

  const std::string kHex = std::string(63, 'a') + "b";
  const std::string kHead = "windfall master keys 1\n";
  VaultFolder folder_;
  const std::string data_ = folder_.file("data");
  const std::string path_ = folder_.file("master.keys");
};

TEST_F(MasterKeyFile, IsMadeOnceWithOneRandomKeyForItsOwnerOnly) {
  const auto made = load_or_make_master_keys(path_, data_);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->size(), 1U);
  EXPECT_EQ(made->front().id, KeyId{1});
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(load_or_make_master_keys(path_, data_)->front().bytes, made->front().bytes);
  EXPECT_NE(load_or_make_master_keys(folder_.file("other"), data_)->front().bytes, made->front().bytes);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_EQ(entry.path().string().find(".new"), std::string::npos) << "a draft is left: " << entry.path();
  }
}

TEST_F(MasterKeyFile, MadeByManyProcessesAtOnceIsTheSameForAll) {
  constexpr int kProcesses = 8;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto keys = load_or_make_master_keys(path_, data_);
      if (!keys) _exit(1);
      put_bytes(folder_.file("seen-" + std::to_string(i)), encode_master_keys(*keys));
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  for (int i = 0; i < kProcesses; ++i) {
    EXPECT_EQ(bytes_in(folder_.file("seen-" + std::to_string(i))), bytes_in(path_));
  }
}

TEST_F(MasterKeyFile, ThatIsNotThereIsNotMadeByReadingIt) {
  EXPECT_EQ(load_master_keys(path_, data_).error().code, FailureCode::not_found);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(MasterKeyFile, InsideTheDataDirectoryIsRefusedHoweverItIsNamed) {
  for (const std::string& inside :
       {data_ + "/master.keys", data_ + "/deeper/master.keys", data_ + "/../data/k", folder_.path() + "/./data//k"}) {
    expect_invalid(load_or_make_master_keys(inside, data_), "data directory");
    expect_invalid(load_or_make_master_keys(inside, data_ + "/"), "data directory");
    EXPECT_FALSE(std::filesystem::exists(inside));
  }
  put_bytes(data_ + "/hidden", kHead + "1 " + kHex + "\n");
  std::filesystem::create_symlink(data_ + "/hidden", folder_.file("link"));
  expect_invalid(load_or_make_master_keys(folder_.file("link"), data_), "data directory");
  EXPECT_TRUE(load_or_make_master_keys(folder_.file("data.keys"), data_)) << "only its name starts alike";
}

TEST_F(MasterKeyFile, ThatOthersMayReadIsRefused) {
  for (const mode_t mode : {0640U, 0604U, 0660U, 0601U}) {
    expect_invalid(load_or_make_master_keys(with(kHead + "1 " + kHex + "\n", mode), data_), "chmod 600");
  }
}

TEST_F(MasterKeyFile, OfGarbageIsRefusedByLineAndNeverReplaced) {
  const struct {
    std::string text;
    std::string_view why;
  } kWrong[] = {
      {"", "line 1"},
      {"windfall master keys 2\n1 " + kHex + "\n", "line 1"},
      {kHead, "line 2 holds no key"},
      {kHead + "1 " + kHex.substr(1) + "\n", "line 2"},
      {kHead + "1 " + kHex + "0\n", "line 2"},
      {kHead + "one " + kHex + "\n", "line 2"},
      {kHead + "0 " + kHex + "\n", "line 2 does not have the next id"},
      {kHead + "4294967296 " + kHex + "\n", "line 2"},
      {kHead + "1 " + std::string(64, 'g') + "\n", "line 2"},
      {kHead + "1 " + kHex + "\n1 " + kHex + "\n", "line 3 does not have the next id"},
      {kHead + "2 " + kHex + "\n1 " + kHex + "\n", "line 3 does not have the next id"},
      {kHead + "1 " + kHex + "\n\n", "line 3"},
  };
  for (const auto& [text, why] : kWrong) {
    expect_invalid(load_or_make_master_keys(with(text), data_), why);
    EXPECT_EQ(bytes_in(path_), text);
  }
  std::string many = kHead;
  for (std::size_t id = 1; id <= kMostKeys + 1; ++id) many += std::to_string(id) + " " + kHex + "\n";
  expect_invalid(load_master_keys(with(many), data_), "one key too many");
}

TEST_F(MasterKeyFile, IsReadAsItWasWritten) {
  const MasterKeys keys = keys_of("xyz", 7);
  const auto read = decode_master_keys(encode_master_keys(keys));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*read)[i].id, keys[i].id);
    EXPECT_EQ((*read)[i].bytes, keys[i].bytes);
  }
}

TEST_F(MasterKeyFile, GrowsByAKeyAndLosesTheOldOne) {
  const auto first = load_or_make_master_keys(path_, data_);
  ASSERT_TRUE(first);
  EXPECT_EQ(add_master_key(path_).value(), KeyId{2});
  auto both = load_master_keys(path_, data_);
  ASSERT_EQ(both->size(), 2U);
  EXPECT_EQ(both->front().bytes, first->front().bytes);
  EXPECT_NE(both->back().bytes, first->front().bytes);
  EXPECT_EQ(withdraw_master_key(path_, {2}).error().code, FailureCode::conflict);
  EXPECT_EQ(withdraw_master_key(path_, {3}).error().code, FailureCode::not_found);
  ASSERT_TRUE(withdraw_master_key(path_, {1}));
  EXPECT_EQ(load_master_keys(path_, data_)->front().bytes, both->back().bytes);
  EXPECT_EQ(add_master_key(path_).value(), KeyId{3}) << "ids never come back";
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(MasterKeyFile, IsNotMadeWhereItCannotBe) {
  EXPECT_EQ(load_or_make_master_keys(folder_.file("missing/master.keys"), data_).error().code,
            FailureCode::unavailable);
}

}  // namespace
}  // namespace windfall::vault

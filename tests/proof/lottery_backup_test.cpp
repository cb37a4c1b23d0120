// Lotteries over a backup and a restore: decks go on where they were, and nobody's outcome changes.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "proof/server_process.hpp"
#include "proof/story.hpp"

namespace windfall::proof {
namespace {

constexpr int kUsers = 30;
constexpr const char* kLottery =
    R"({"id":"dice","title":"Dice","startDate":"2025-06-21","endDate":"2025-06-22","lottery":{)"
    R"("grants":[{"cause":"VISIT","tickets":2}],"segmentMinutes":360,"expectedDrawsPerDay":80,)"
    R"("winRatePermille":{"min":100,"max":500},)"
    R"("prizes":[{"prizeId":"coffee","name":"Coffee","kind":"GIFTICON","value":4500,"count":10},)"
    R"({"prizeId":"points","name":"Points","kind":"POINTS","value":100,"count":20}]}})";

class LotteryBackup : public testing::Test {
 protected:
  LotteryBackup() {
    ServerProcess server(data);
    set_clock(server, "2025-06-21T03:00:00.000Z");
    EXPECT_EQ(server.create(kLottery).status, 201);
    for (int i = 0; i < kUsers; ++i) {
      EXPECT_EQ(call(server, "POST", "visits", i).status, 201);
      EXPECT_EQ(call(server, "POST", "draws", i).status, 201);
    }
    for (int i = 0; i < kUsers; ++i) before[i] = draws_of(server, i);
    server.until_settled();
    EXPECT_EQ(server.stop(), 0);
  }
  static void set_clock(const ServerProcess& server, const std::string& now) {
    EXPECT_EQ(
        server.call("PUT", "/v1/dev/clock", {"Content-Type: application/json"}, "{\"now\":\"" + now + "\"}").status,
        200);
  }
  static std::string name(int user) { return "user-" + std::to_string(user); }
  static ServerProcess::Answer call(const ServerProcess& server, const char* method, const std::string& what,
                                    int user) {
    return server.call(method, "/v1/promotions/dice/" + what, {"X-User-Id: " + name(user)});
  }
  static std::string draws_of(const ServerProcess& server, int user) {
    const ServerProcess::Answer answer = server.call("GET", "/v1/me/draws", {"X-User-Id: " + name(user)});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.body;
  }
  void lose_the_ledger() const {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(data + "/ledger.db" + suffix);
  }
  [[nodiscard]] Ran back_up(bool with_master_keys = true) const {
    std::vector<std::string> args{"backup", "--data", data, "--to", archive, "--with-keys", keys};
    if (with_master_keys) args.insert(args.end(), {"--master-keys", data + ".keys"});
    return run_windfall(args);
  }
  void goes_on() const {
    const Ran judged = run_windfall({"fsck", "--data", target});
    EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
    EXPECT_EQ(judged.out.find("not checked"), std::string::npos) << judged.out;
    // It has gifticons, so it is recovered before it starts.
    const Ran recovered = run_windfall({"recover", "--data", target, "--high-water", data + ".high-water"});
    ASSERT_EQ(recovered.exit_code, 0) << recovered.err;
    {
      ServerProcess server(target);
      set_clock(server, "2025-06-21T03:10:00.000Z");
      EXPECT_NE(call(server, "POST", "draws", 0).body.find("PROMOTION_PAUSED"), std::string::npos);
      ASSERT_EQ(server
                    .call("POST", "/v1/admin/resume-all",
                          {"Authorization: Bearer proof-admin-key-of-the-test", "Content-Type: application/json"},
                          R"({"reason":"restored"})")
                    .status,
                200);
      for (int i = 0; i < kUsers; ++i) EXPECT_EQ(draws_of(server, i), before.at(i));
      int drawn = 0;
      for (int i = 0; i < kUsers; ++i) {
        const bool won = before.at(i).find("\"WIN\"") != std::string::npos;
        const ServerProcess::Answer answer = call(server, "POST", "draws", i);
        EXPECT_EQ(answer.status, won ? 409 : 201) << answer.body;
        if (!won) ++drawn;
      }
      EXPECT_GT(drawn, 0);
      EXPECT_LT(drawn, kUsers);
      server.until_settled();
      EXPECT_EQ(server.stop(), 0);
    }
    const Ran again = run_windfall({"fsck", "--data", target});
    EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
  }
  const TemporaryFolder folder;
  const std::string data = folder.file("data");
  const std::string archive = folder.file("backup.tar");
  const std::string keys = folder.file("keys");
  const std::string target = folder.file("restored");
  std::map<int, std::string> before;  ///< what each user saw of their draws
};

TEST_F(LotteryBackup, is_restored_with_its_keys_and_its_decks_go_on) {
  ASSERT_EQ(back_up().exit_code, 0);
  const Ran restored =
      run_windfall({"restore", archive, "--data", target, "--keys", keys, "--master-keys", target + ".keys"});
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_NE(restored.out.find("\"ledgerRebuilt\":false"), std::string::npos) << restored.out;
  EXPECT_EQ(read_file(target + ".keys"), read_file(data + ".keys"));
  goes_on();
}

TEST_F(LotteryBackup, whose_ledger_was_lost_tells_all_draws_again) {
  lose_the_ledger();
  ASSERT_EQ(back_up().exit_code, 0);
  const Ran restored =
      run_windfall({"restore", archive, "--data", target, "--keys", keys, "--master-keys", target + ".keys"});
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_NE(restored.out.find("\"ledgerRebuilt\":true"), std::string::npos) << restored.out;
  goes_on();
}

TEST_F(LotteryBackup, takes_master_keys_that_are_in_their_place) {
  lose_the_ledger();
  std::filesystem::rename(data + ".keys", target + ".keys");  // where a backup would find them by itself
  ASSERT_EQ(back_up(false).exit_code, 0);
  const Ran restored =
      run_windfall({"restore", archive, "--data", target, "--keys", keys, "--master-keys", target + ".keys"});
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  goes_on();
}

TEST_F(LotteryBackup, finds_master_keys_where_a_server_keeps_them) {
  ASSERT_EQ(back_up(false).exit_code, 0);
  const Ran restored =
      run_windfall({"restore", archive, "--data", target, "--keys", keys, "--master-keys", target + ".keys"});
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_EQ(read_file(target + ".keys"), read_file(data + ".keys"));
}

TEST_F(LotteryBackup, says_that_draws_need_the_master_keys) {
  lose_the_ledger();
  std::filesystem::rename(data + ".keys", folder.file("elsewhere.keys"));
  ASSERT_EQ(back_up(false).exit_code, 0);
  const Ran restored = run_windfall({"restore", archive, "--data", target, "--keys", keys});
  EXPECT_EQ(restored.exit_code, 2);
  EXPECT_NE(restored.err.find("what was drawn in dice can be told with the master keys only"), std::string::npos)
      << restored.err;
  EXPECT_FALSE(std::filesystem::exists(target));
  EXPECT_FALSE(std::filesystem::exists(target + ".restoring"));
}

TEST_F(LotteryBackup, is_judged_where_its_keys_are_told) {
  const std::string elsewhere = folder.file("elsewhere.keys");
  std::filesystem::rename(data + ".keys", elsewhere);
  const Ran without = run_windfall({"fsck", "--data", data});
  EXPECT_EQ(without.exit_code, 0) << without.out;
  EXPECT_NE(without.out.find("not checked: what 30 draws won"), std::string::npos) << without.out;
  const Ran with = run_windfall({"fsck", "--data", data, "--master-keys", elsewhere});
  EXPECT_EQ(with.exit_code, 0) << with.out;
  EXPECT_EQ(with.out.find("not checked"), std::string::npos) << with.out;
  EXPECT_EQ(run_windfall({"fsck", "--data", data, "--master-keys", folder.file("none")}).exit_code, 2);
}

}  // namespace
}  // namespace windfall::proof

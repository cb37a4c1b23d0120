// fsck on what the real server leaves behind, and beside it.
#include <gtest/gtest.h>

#include <string>

#include "proof/server_process.hpp"
#include "proof/story.hpp"

namespace windfall::proof {
namespace {

constexpr const char* kPromotion =
    R"({"id":"p","title":"P","rewardAmount":500,"limitJoinCount":20,"startDate":"2025-01-01","endDate":"2025-12-31"})";
constexpr const char* kFollower =
    R"({"id":"q","title":"Q","rewardAmount":100,"limitJoinCount":20,"startDate":"2025-01-01","endDate":"2025-12-31",)"
    R"("joinTypes":[{"joinType":"LEADING","leadPromoId":["p"]},{"joinType":"N_DUP_LIMIT","limitDupJoinCount":1}]})";

void set_clock(const ServerProcess& server, const std::string& now) {
  ASSERT_EQ(server.call("PUT", "/v1/dev/clock", {"Content-Type: application/json"}, "{\"now\":\"" + now + "\"}").status,
            200);
}

TEST(FsckOfAServer, finds_nothing_once_it_is_stopped_and_refuses_while_it_runs) {
  const TemporaryFolder folder;
  const std::string data = folder.file("data");
  std::string book;
  {
    ServerProcess server(data);
    set_clock(server, "2025-06-21T14:59:59.000Z");
    ASSERT_EQ(server.create(kPromotion).status, 201);
    ASSERT_EQ(server.create(kFollower).status, 201);
    for (int i = 0; i < 25; ++i) {
      EXPECT_EQ(server.join("p", "user-" + std::to_string(i)).status, i < 20 ? 201 : 409);
      EXPECT_EQ(server.join("q", "user-" + std::to_string(i)).status, i < 20 ? 201 : 409);
    }
    set_clock(server, "2025-06-21T15:00:00.000Z");      // the next day in Seoul
    EXPECT_EQ(server.join("p", "user-1").status, 201);  // the key repeats the answer of the day before
    book = server.book(40);

    const Ran beside = run_windfall({"fsck", "--data", data});
    EXPECT_EQ(beside.exit_code, 2);
    EXPECT_NE(beside.err.find("in use"), std::string::npos);
    EXPECT_EQ(server.stop(), 0);
  }
  write_file(folder.file("book.json"), book);
  const Ran ran = run_windfall({"fsck", "--data", data, "--book", folder.file("book.json"), "-o", "json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  EXPECT_TRUE(ran.out.starts_with(R"({"ok":true,)"));
  EXPECT_NE(ran.out.find(R"({"id":"I2","checked":40,"violations":0)"), std::string::npos) << ran.out;
}

TEST(FsckOfAServer, finds_nothing_after_it_was_killed) {
  const TemporaryFolder folder;
  {
    const ServerProcess server(folder.file("data"));
    ASSERT_EQ(server
                  .create(R"({"id":"p","title":"P","rewardAmount":500,"limitJoinCount":20,"startDate":"2020-01-01",)"
                          R"("endDate":"2020-01-02"})")
                  .status,
              201);
  }  // SIGKILL
  const Ran ran = run_windfall({"fsck", "--data", folder.file("data")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("the last stop was no orderly one"), std::string::npos) << ran.out;
}

TEST(FsckOnTheCommandLine, tells_a_wrong_call_from_a_finding) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_windfall({"fsck"}).exit_code, 2);
  EXPECT_EQ(run_windfall({"fsck", "--data", folder.file("nowhere")}).exit_code, 2);
  EXPECT_EQ(run_windfall({"fsck", "--help"}).exit_code, 0);
  Story story;
  const PartitionNo p = story.promotion("p", [](Promotion& d) { d.limit_join_count = 1; });
  story.join(p, "ann");
  story.join(p, "bob");
  story.save();
  const Ran ran = run_windfall({"fsck", "--data", story.directory()});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.out.find("frame 3, partition 1, sequence 3: 2 taken of 1 in total"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("what to do:"), std::string::npos);
}

}  // namespace
}  // namespace windfall::proof

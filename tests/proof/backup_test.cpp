// Backup beside a running server, restore into a new lineage, and what the two refuse.
#include "app/proof/backup.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "adapters/codec/encoding.hpp"
#include "app/proof/restore.hpp"
#include "proof/server_process.hpp"
#include "proof/story.hpp"

namespace windfall::proof {
namespace {

constexpr Instant kLater{kNoon.ms + 10 * kDayMs};

/// A story of three acceptances; one is settled, one is not, one the ledger has not seen.
class Backup : public testing::Test {
 protected:
  Backup() {
    const PartitionNo p = story.promotion("p");
    story.settle(story.join(p, "ann"));
    story.join(p, "bob");
    story.save();
    story.project();
  }
  [[nodiscard]] Result<Restored> restored() const {
    return restore({.archive = archive, .directory = target, .keys = keys, .now = kLater});
  }
  /// Changes the archive's bytes at the first place where `from` stands.
  void plant(const std::string& from, const std::string& to) const {
    std::string bytes = read_file(archive);
    const std::size_t at = bytes.find(from);
    ASSERT_NE(at, std::string::npos);
    bytes.replace(at, to.size(), to);
    write_file(archive, bytes);
  }
  Story story;
  const std::string archive = story.file("backup.tar");
  const std::string target = story.file("restored");
  const std::string keys = story.file("keys");
};

TEST_F(Backup, is_restored_as_a_new_lineage_that_holds_the_same_and_is_paused) {
  const Result<Manifest> manifest = backup({.directory = story.directory(), .to = archive, .keys_to = keys});
  ASSERT_TRUE(manifest.has_value()) << manifest.error().message;
  EXPECT_EQ(manifest->participations, 2);
  const Result<Restored> done = restored();
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(done->participations, 2);
  EXPECT_EQ(done->effects_unknown, 1);
  EXPECT_FALSE(done->ledger_rebuilt);
  EXPECT_EQ(done->old_lineage, manifest->lineage);
  EXPECT_NE(done->new_lineage, manifest->lineage);

  const Result<Report> report = fsck({.directory = target, .book = {}});
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(report->ok()) << report->as_text();
  EXPECT_EQ(report->checks_of(Invariant::i2), 2);
  EXPECT_NE(report->as_text().find("restored 1 times"), std::string::npos) << report->as_text();
  EXPECT_FALSE(std::filesystem::exists(target + ".restoring"));
}

TEST_F(Backup, of_a_restored_directory_is_restored_again_with_the_ids_of_the_first_lineage) {
  ASSERT_TRUE(backup({.directory = story.directory(), .to = archive, .keys_to = keys}).has_value());
  ASSERT_TRUE(restored().has_value());
  std::filesystem::remove(target + "/ledger.db");  // so that the second restore has to make all ids itself
  const std::string second = story.file("second.tar");
  ASSERT_TRUE(backup({.directory = target, .to = second, .keys_to = {}}).has_value());
  const Result<Restored> done =
      restore({.archive = second, .directory = story.file("again"), .keys = keys, .now = kLater});
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_TRUE(done->ledger_rebuilt);
  EXPECT_EQ(done->effects_unknown, 1);
  const Result<Report> report = fsck({.directory = story.file("again"), .book = {}});
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->ok()) << report->as_text();
  EXPECT_NE(report->as_text().find("restored 2 times"), std::string::npos) << report->as_text();
}

TEST_F(Backup, goes_nowhere_where_something_is_already) {
  ASSERT_TRUE(backup({.directory = story.directory(), .to = archive, .keys_to = keys}).has_value());
  EXPECT_EQ(backup({.directory = story.directory(), .to = archive, .keys_to = {}}).error().code, FailureCode::conflict);
  EXPECT_EQ(restore({.archive = archive, .directory = story.directory(), .keys = {}, .now = kLater}).error().code,
            FailureCode::conflict);
  std::filesystem::create_directory(target);  // an empty one is as good as none
  EXPECT_TRUE(restored().has_value());
}

TEST_F(Backup, holds_no_key_and_is_for_its_owner_only) {
  ASSERT_TRUE(backup({.directory = story.directory(), .to = archive, .keys_to = keys}).has_value());
  std::string key = read_file(story.directory() + "/user-hash.key");
  EXPECT_EQ(read_file(keys), key);
  key.pop_back();
  EXPECT_EQ(read_file(archive).find(key), std::string::npos);
  for (const std::string& path : {archive, keys}) {
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 077U, 0U) << path;
  }
}

TEST_F(Backup, refuses_the_key_of_another_installation) {
  ASSERT_TRUE(backup({.directory = story.directory(), .to = archive, .keys_to = {}}).has_value());
  write_file(keys, std::string(32, 'a') + "\n");
  EXPECT_EQ(restored().error().code, FailureCode::conflict);
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(Backup, whose_bytes_have_changed_is_refused) {
  ASSERT_TRUE(backup({.directory = story.directory(), .to = archive, .keys_to = keys}).has_value());
  const std::string whole = read_file(archive);
  plant("Promotion p", "Promotion q");
  EXPECT_EQ(restored().error().code, FailureCode::damaged);
  write_file(archive, whole.substr(0, whole.size() / 2));
  EXPECT_EQ(restored().error().code, FailureCode::damaged);
  write_file(archive, whole);
  plant(std::string("ledger.db\0", 10), std::string("ledger.xx\0", 10));
  EXPECT_EQ(restored().error().code, FailureCode::damaged);
  EXPECT_FALSE(std::filesystem::exists(target));
  EXPECT_FALSE(std::filesystem::exists(target + ".restoring"));
}

TEST_F(Backup, with_a_tampered_audit_gets_its_ledger_from_the_journal) {
  story.sql("update audit set reason = 'none' where seq = 1");
  ASSERT_TRUE(backup({.directory = story.directory(), .to = archive, .keys_to = keys}).has_value());
  const Result<Restored> done = restored();
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_TRUE(done->ledger_rebuilt);
  EXPECT_TRUE(fsck({.directory = target, .book = {}})->ok());
}

TEST(BackupBesideAServer, under_load_is_a_prefix_that_restores_clean_and_serves) {
  const TemporaryFolder folder;
  const std::string data = folder.file("data");
  const std::string archive = folder.file("backup.tar");
  const std::string target = folder.file("restored");
  std::atomic<bool> done{false};
  std::atomic<int> joined{0};
  Ran made;
  {
    ServerProcess server(data);
    ASSERT_EQ(
        server.call("PUT", "/v1/dev/clock", {"Content-Type: application/json"}, R"({"now":"2025-06-21T03:00:00.000Z"})")
            .status,
        200);
    ASSERT_EQ(server
                  .create(R"({"id":"p","title":"P","rewardAmount":500,"limitJoinCount":100000,)"
                          R"("startDate":"2025-01-01","endDate":"2025-12-31"})")
                  .status,
              201);
    std::vector<std::thread> users;
    for (int t = 0; t < 3; ++t) {
      users.emplace_back([&, t] {
        for (int i = 0; !done; ++i) {
          if (server.join("p", "user-" + std::to_string(t) + "-" + std::to_string(i)).status == 201) ++joined;
        }
      });
    }
    while (joined < 200) std::this_thread::yield();
    const int before = joined;
    made = run_windfall({"backup", "--data", data, "--to", archive, "--with-keys", folder.file("keys")});
    done = true;
    for (std::thread& user : users) user.join();
    ASSERT_EQ(made.exit_code, 0) << made.err;
    const Result<Manifest> manifest = decode_manifest(made.out.substr(0, made.out.size() - 1));
    ASSERT_TRUE(manifest.has_value());
    EXPECT_GE(manifest->participations, before);
    EXPECT_LE(manifest->participations, joined);
    EXPECT_EQ(server.stop(), 0);
  }
  const std::int64_t participations = decode_manifest(made.out.substr(0, made.out.size() - 1))->participations;
  const Ran restored = run_windfall({"restore", archive, "--data", target, "--keys", folder.file("keys")});
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_NE(restored.out.find("\"participations\":" + std::to_string(participations) + ","), std::string::npos);
  const Ran judged = run_windfall({"fsck", "--data", target, "-o", "json"});
  EXPECT_EQ(judged.exit_code, 0) << judged.out;
  EXPECT_NE(judged.out.find("{\"id\":\"I2\",\"checked\":" + std::to_string(participations) + ",\"violations\":0"),
            std::string::npos)
      << judged.out;

  std::string book_after;
  // It serves: paused, and what was open is asked for under the ids that the partner knows.
  {
    ServerProcess server(target);
    ASSERT_EQ(
        server.call("PUT", "/v1/dev/clock", {"Content-Type: application/json"}, R"({"now":"2025-06-21T04:00:00.000Z"})")
            .status,
        200);
    const ServerProcess::Answer refused = server.join("p", "somebody-new");
    EXPECT_NE(refused.body.find("PROMOTION_PAUSED"), std::string::npos) << refused.body;
    book_after = server.book(static_cast<std::size_t>(participations));
    write_file(folder.file("book.json"), book_after);
    EXPECT_EQ(server.stop(), 0);
  }
  EXPECT_EQ(run_windfall({"fsck", "--data", target}).exit_code, 0);
  // All that is DONE is booked once and rightly; what the partner knows beyond it was decided after the backup.
  const Result<Report> after = fsck({.directory = target, .book = folder.file("book.json")});
  ASSERT_TRUE(after.has_value()) << after.error().message;
  std::size_t booked = 0;
  for (std::size_t at = 0; (at = book_after.find("eventId", at)) != std::string::npos; ++at) ++booked;
  EXPECT_EQ(after->violations_of(Invariant::i4), static_cast<std::int64_t>(booked) - participations);
  for (const ProofFinding& finding : after->findings()) {
    EXPECT_EQ(finding.what, "no acceptance in the journal caused this booking") << finding.where;
  }
}

}  // namespace
}  // namespace windfall::proof

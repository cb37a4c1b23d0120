// Backup beside a running server, restore into a new lineage, and what the two refuse.
#include "app/proof/backup.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "adapters/codec/encoding.hpp"
#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/vault/key_seals.hpp"
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
  EXPECT_NE(report->as_text().find("restored once"), std::string::npos) << report->as_text();
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

/// The story's data with two codes in its vault, and the file of master keys beside it.
class BackupOfCodes : public Backup {
 protected:
  BackupOfCodes() {
    const PrizeOfCodes prize{.promotion_id = "p", .prize_id = "coffee"};
    const auto codes = vault_of(story.directory(), master);
    const auto import = codes.vault->begin_import(prize, 0).value();
    const CodeLine lines[] = {{.line = 1, .code = "PLANTED-1"}, {.line = 2, .code = "PLANTED-2"}};
    EXPECT_TRUE(codes.vault->append(import, lines));
    EXPECT_TRUE(codes.vault->end_import(import, 2));
  }
  struct Opened {
    std::unique_ptr<vault::KeySeals> seals;
    std::unique_ptr<sqlite::SqliteCodeVault> vault;
  };
  static Opened vault_of(const std::string& directory, const std::string& keys) {
    Opened opened;
    opened.seals = vault::KeySeals::make(vault::load_or_make_master_keys(keys, directory).value()).value();
    opened.vault = sqlite::SqliteCodeVault::open(directory + "/codes.db", *opened.seals).value();
    return opened;
  }
  [[nodiscard]] Result<Restored> restored_with(const std::string& master_keys_to) const {
    return restore(
        {.archive = archive, .directory = target, .keys = keys, .master_keys_to = master_keys_to, .now = kLater});
  }
  void back_up() const {
    const auto made = backup({.directory = story.directory(), .to = archive, .keys_to = keys, .master_keys = master});
    ASSERT_TRUE(made.has_value()) << made.error().message;
  }
  const std::string master = story.file("master.keys");
  const std::string restored_master = story.file("restored.keys");
};

TEST_F(BackupOfCodes, brings_them_back_with_the_keys_that_open_them) {
  back_up();
  const auto done = restored_with(restored_master);
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_TRUE(done->has_codes);
  EXPECT_TRUE(done->has_master_keys);
  EXPECT_EQ(read_file(restored_master), read_file(master));
  struct stat status{};
  ASSERT_EQ(stat(restored_master.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 077U, 0U);
  const auto codes = vault_of(target, restored_master);
  EXPECT_EQ(codes.vault->read({.promotion_id = "p", .prize_id = "coffee"}, 1).value(), "PLANTED-2");
  EXPECT_TRUE(codes.vault->integrity()->empty());
  EXPECT_TRUE(fsck({.directory = target, .book = {}})->ok());
}

TEST_F(BackupOfCodes, holds_neither_a_code_nor_a_key) {
  back_up();
  const std::string text = read_file(master);
  const std::string key = text.substr(text.size() - 65, 64);
  const std::string raw = codec::from_hex(key).value();
  const std::string bytes = read_file(archive);
  for (const std::string& secret : {key, raw, std::string("PLANTED")}) {
    EXPECT_EQ(bytes.find(secret), std::string::npos);
  }
  EXPECT_NE(bytes.find("codes.db"), std::string::npos);
  EXPECT_NE(read_file(keys).find(key), std::string::npos);
}

TEST_F(BackupOfCodes, without_the_master_keys_waits_for_them) {
  ASSERT_TRUE(backup({.directory = story.directory(), .to = archive, .keys_to = keys}).has_value());
  const auto done = restored_with(restored_master);
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_TRUE(done->has_codes);
  EXPECT_FALSE(done->has_master_keys);
  EXPECT_FALSE(std::filesystem::exists(restored_master));
  const auto codes = vault_of(target, master);
  EXPECT_EQ(codes.vault->read({.promotion_id = "p", .prize_id = "coffee"}, 0).value(), "PLANTED-1");
}

TEST_F(BackupOfCodes, refuses_master_keys_of_another_installation) {
  back_up();
  const std::string other = vault::encode_master_keys({{.id = {1}}});
  write_file(keys, split_keys(read_file(keys)).user_hash + "\n" + other);
  EXPECT_EQ(restored_with(restored_master).error().code, FailureCode::conflict);
  EXPECT_FALSE(std::filesystem::exists(restored_master));
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(BackupOfCodes, never_writes_master_keys_into_the_data_or_over_others) {
  back_up();
  EXPECT_EQ(restored_with(target + "/master.keys").error().code, FailureCode::invalid);
  write_file(restored_master, "precious");
  EXPECT_EQ(restored_with(restored_master).error().code, FailureCode::conflict);
  EXPECT_EQ(read_file(restored_master), "precious");
  EXPECT_TRUE(restored_with(master).has_value()) << "the same keys may be there";
}

TEST_F(BackupOfCodes, needs_the_file_of_master_keys_it_was_told_of) {
  EXPECT_EQ(backup({.directory = story.directory(), .to = archive, .keys_to = keys, .master_keys = story.file("none")})
                .error()
                .code,
            FailureCode::not_found);
  EXPECT_FALSE(std::filesystem::exists(archive));
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

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) ++found;
  return found;
}

TEST(ARestoredServer, that_lost_its_ledger_pays_nobody_twice) {
  const TemporaryFolder folder;
  const std::string archive = folder.file("backup.tar");
  const std::string target = folder.file("restored");
  constexpr int kBefore = 6;
  constexpr int kAfter = 3;
  const auto name = [](int user) { return "user-" + std::to_string(user); };
  const std::vector<std::string> operator_headers{"Authorization: Bearer proof-admin-key-of-the-test",
                                                  "Content-Type: application/json"};
  const auto set_clock = [](const ServerProcess& server, const std::string& now) {
    ASSERT_EQ(
        server.call("PUT", "/v1/dev/clock", {"Content-Type: application/json"}, "{\"now\":\"" + now + "\"}").status,
        200);
  };
  std::vector<std::string> answers;
  std::string book_before;
  {
    ServerProcess server(folder.file("data"));
    set_clock(server, "2025-06-21T03:00:00.000Z");
    ASSERT_EQ(server
                  .create(R"({"id":"p","title":"P","rewardAmount":500,"limitJoinCount":100,)"
                          R"("startDate":"2025-01-01","endDate":"2025-12-31"})")
                  .status,
              201);
    for (int i = 0; i < kBefore; ++i) answers.push_back(server.join("p", name(i)).body);
    book_before = server.book(kBefore);
    ASSERT_EQ(count_of(book_before, "eventId"), kBefore);
    EXPECT_EQ(server.stop(), 0);
  }
  ASSERT_EQ(run_windfall({"backup", "--data", folder.file("data"), "--to", archive, "--with-keys", folder.file("keys")})
                .exit_code,
            0);
  ASSERT_EQ(run_windfall({"restore", archive, "--data", target, "--keys", folder.file("keys")}).exit_code, 0);
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(target + "/ledger.db" + suffix);

  std::string book;
  {
    ServerProcess server(target);
    set_clock(server, "2025-06-21T04:00:00.000Z");
    EXPECT_EQ(server.join("p", name(0)).body, answers.front()) << "an answer repeated across the restore";
    const ServerProcess::Answer released =
        server.call("POST", "/v1/admin/resume-all", operator_headers, R"({"reason":"restored"})");
    ASSERT_EQ(released.status, 200) << released.body;
    for (int i = kBefore; i < kBefore + kAfter; ++i) EXPECT_EQ(server.join("p", name(i)).status, 201);
    server.until_settled();
    for (int i = 0; i < kBefore; ++i) {
      const std::string own = server.call("GET", "/v1/me/participations", {"X-User-Id: " + name(i)}).body;
      const std::string id = answers[static_cast<std::size_t>(i)].substr(0, answers.front().find(','));
      EXPECT_NE(own.find(id), std::string::npos) << "participationId of before the restore: " << id << " in " << own;
    }
    book = server.book(kBefore + kAfter);
    EXPECT_EQ(server.stop(), 0);
  }
  EXPECT_EQ(count_of(book, "eventId"), kBefore + kAfter) << book;
  EXPECT_EQ(count_of(book, "\"times\":1}"), kBefore + kAfter) << book;
  for (const std::string& answer : answers) {
    const std::size_t at = answer.find("accrualEventId");
    ASSERT_NE(at, std::string::npos) << answer;
    const std::string effect = answer.substr(answer.find(':', at) + 1, 38);
    EXPECT_NE(book_before.find(effect), std::string::npos) << effect;
    EXPECT_NE(book.find(effect), std::string::npos) << effect;
  }
  write_file(folder.file("book.json"), book);
  const Ran judged = run_windfall({"fsck", "--data", target, "--book", folder.file("book.json")});
  EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
}

}  // namespace
}  // namespace windfall::proof

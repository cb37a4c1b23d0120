// The vault's contract over SQLite, and what only a file can suffer: tampering, crashes, a planted code that must not
// be found anywhere.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "adapters/codec/code_lines.hpp"
#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/vault/key_seals.hpp"
#include "ledger/code_vault_contract.hpp"
#include "sqlite/sqlite_fixture.hpp"

namespace windfall {
namespace contract {
namespace {

class SqliteVaultUnderTest final : public VaultUnderTest {
 public:
  explicit SqliteVaultUnderTest(std::string_view keys) { EXPECT_TRUE(open(keys, 1)); }
  CodeVault& vault() override { return *vault_; }
  Result<bool> reopen(std::string_view keys, std::uint32_t first) override { return open(keys, first); }

 private:
  Result<bool> open(std::string_view keys, std::uint32_t first) {
    vault_.reset();
    seals_ = vault::KeySeals::make(vault::keys_of(keys, first)).value();
    auto opened = sqlite::SqliteCodeVault::open(folder_.file("codes.db"), *seals_);
    if (!opened) return tl::unexpected(opened.error());
    vault_ = std::move(*opened);
    return true;
  }
  sqlite::TemporaryFolder folder_;
  std::unique_ptr<vault::KeySeals> seals_;
  std::unique_ptr<sqlite::SqliteCodeVault> vault_;
};

const VaultBackend kSqliteVault{.name = "file", .make = [](std::string_view keys) -> std::unique_ptr<VaultUnderTest> {
                                  return std::make_unique<SqliteVaultUnderTest>(keys);
                                }};

INSTANTIATE_TEST_SUITE_P(Sqlite, CodeVaultContract, testing::Values(kSqliteVault), name_of_vault);

}  // namespace
}  // namespace contract

namespace sqlite {
namespace {

using contract::kCake;
using contract::kCoffee;

constexpr std::string_view kPlanted = "PLANTED-CODE-4711";

class CodesFile : public testing::Test {
 protected:
  std::unique_ptr<SqliteCodeVault> open() { return SqliteCodeVault::open(path_, *seals_).value(); }
  void import(const PrizeOfCodes& prize, std::vector<std::string> codes) {
    const auto vault = open();
    const auto running = vault->begin_import(prize, 0).value();
    ASSERT_TRUE(vault->append(running, contract::Codes(std::move(codes)).lines()));
    ASSERT_TRUE(vault->end_import(running, vault->finish_import(running).value()));
  }
  void expect_damaged(const PrizeOfCodes& prize, std::uint64_t ordinal) {
    const auto vault = open();
    const auto read = vault->read(prize, ordinal);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, FailureCode::damaged);
    const std::string row =
        "promotion " + prize.promotion_id + ", prize " + prize.prize_id + ", ordinal " + std::to_string(ordinal);
    EXPECT_NE(read.error().message.find(row), std::string::npos) << read.error().message;
    EXPECT_EQ(read.error().message.find("PLANTED"), std::string::npos) << read.error().message;
    bool named = false;
    const std::vector<std::string> problems = vault->integrity().value();
    for (const std::string& problem : problems) named |= problem.find(row) != std::string::npos;
    EXPECT_TRUE(named);
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.file("codes.db");
  const std::unique_ptr<vault::KeySeals> seals_ = vault::KeySeals::make(vault::keys_of("k")).value();
};

TEST_F(CodesFile, HoldsNothingOfACodeThatCouldBeRead) {
  import(kCoffee, {std::string{kPlanted}});
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(path_).parent_path())) {
    EXPECT_EQ(vault::bytes_in(entry.path()).find("PLANTED"), std::string::npos) << entry.path();
  }
}

TEST_F(CodesFile, WithAFlippedByteIsDamagedAndNamesTheRow) {
  import(kCoffee, {"A", std::string{kPlanted}, "C"});
  sql(path_, "create table kept as select sealed, digest from code where ordinal = 1");
  for (int at = 1; at <= 12 + 17 + 16; at += 4) {
    sql(path_, "update code set sealed = cast(substr(sealed, 1, " + std::to_string(at - 1) +
                   ") || case when hex(substr(sealed, " + std::to_string(at) +
                   ", 1)) = '00' then x'01' else x'00' end || substr(sealed, " + std::to_string(at + 1) +
                   ") as blob) where ordinal = 1");
    expect_damaged(kCoffee, 1);
    sql(path_, "update code set sealed = (select sealed from kept) where ordinal = 1");
  }
  EXPECT_EQ(open()->read(kCoffee, 1).value(), kPlanted);
  sql(path_, "update code set digest = zeroblob(32) where ordinal = 1");
  expect_damaged(kCoffee, 1);
  sql(path_, "update code set digest = (select digest from kept), sealed = x'00' where ordinal = 1");
  expect_damaged(kCoffee, 1);
  EXPECT_EQ(open()->read(kCoffee, 2).value(), "C");
}

TEST_F(CodesFile, WithSwappedOrdinalsIsDamaged) {
  import(kCoffee, {std::string{kPlanted}, "B"});
  sql(path_,
      "update code set ordinal = -1 where ordinal = 0; update code set ordinal = 0 where ordinal = 1; "
      "update code set ordinal = 1 where ordinal = -1");
  expect_damaged(kCoffee, 0);
  expect_damaged(kCoffee, 1);
}

TEST_F(CodesFile, WithSwappedPrizesIsDamaged) {
  import(kCoffee, {std::string{kPlanted}});
  import(kCake, {"B"});
  sql(path_,
      "update code_prize set prize_id = 'x' where no = 1; update code_prize set prize_id = 'americano' where "
      "no = 2; update code_prize set prize_id = 'cake' where no = 1");
  expect_damaged(kCoffee, 0);
  expect_damaged(kCake, 0);
}

TEST_F(CodesFile, WithARowTakenOutSaysSo) {
  import(kCoffee, {"A", "B"});
  ASSERT_TRUE(open()->integrity()->empty());
  sql(path_, "delete from code where ordinal = 0");
  EXPECT_EQ(open()->read(kCoffee, 0).error().code, FailureCode::not_found);
  ASSERT_EQ(open()->integrity()->size(), 1U);
  EXPECT_NE(open()->integrity()->front().find("prize americano"), std::string::npos);
}

TEST_F(CodesFile, UnderAKeyIdThatIsNotThereNamesIt) {
  import(kCoffee, {std::string{kPlanted}});
  const auto vault = open();
  sql(path_, "update code set key = 9");
  const auto read = vault->read(kCoffee, 0);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, FailureCode::conflict);
  EXPECT_NE(read.error().message.find("master key 9"), std::string::npos) << read.error().message;
}

TEST_F(CodesFile, ThatIsALedgerOrNoDatabaseIsRefused) {
  {
    ASSERT_TRUE(SqliteLedger::open(test_options(path_)));
  }
  EXPECT_FALSE(SqliteCodeVault::open(path_, *seals_));
  ASSERT_TRUE(SqliteLedger::open(test_options(path_))) << "and left alone";
  const std::string garbage = folder_.file("garbage.db");
  vault::put_bytes(garbage, std::string(10'000, 'x'));
  EXPECT_EQ(SqliteCodeVault::open(garbage, *seals_).error().code, FailureCode::damaged);
}

/// A child dies by SIGKILL in the middle of an import, at many places; the next import gets exactly what is right.
TEST_F(CodesFile, OfAProcessThatWasKilledIsRepairedByTheNextImport) {
  constexpr int kBatches = 8;
  constexpr int kEach = 50;
  const auto code_of = [](int i) { return "code-" + std::to_string(i); };
  int left_rows = 0;
  for (int dies_after = 0; dies_after <= kBatches; ++dies_after) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto vault = open();
      const auto running = vault->begin_import(kCoffee, 0).value();
      for (int batch = 0; batch < kBatches; ++batch) {
        if (batch == dies_after) kill(getpid(), SIGKILL);
        std::vector<std::string> codes;
        for (int i = 0; i < kEach; ++i) codes.push_back(code_of(batch * kEach + i));
        if (!vault->append(running, contract::Codes(codes).lines())->empty()) _exit(1);
      }
      kill(getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto vault = open();
    ASSERT_TRUE(vault->integrity()->empty());
    const auto counts = vault->counts("").value();
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts[0].rows, static_cast<std::uint64_t>(dies_after) * kEach) << "what append() returned is durable";
    EXPECT_EQ(counts[0].committed, 0U);
    left_rows += static_cast<int>(counts[0].rows);
  }
  EXPECT_GT(left_rows, 0);
  import(kCoffee, {code_of(3), code_of(399)});
  const auto vault = open();
  EXPECT_EQ(vault->counts("")->front().rows, 2U);
  EXPECT_EQ(vault->read(kCoffee, 1).value(), code_of(399));
  EXPECT_TRUE(vault->integrity()->empty());
}

TEST_F(CodesFile, OnAFullDiskTakesNothingAndGoesOnWhenThereIsRoom) {
  const pid_t child = fork();  // the limit is the whole process's
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const auto vault = open();
    const auto running = vault->begin_import(kCoffee, 0).value();
    std::vector<std::string> many;
    for (int i = 0; i < 4000; ++i) many.push_back("code-" + std::to_string(i));
    const contract::Codes codes(many);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlimit tight{.rlim_cur = 64 * 1024, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    const auto refused = vault->append(running, codes.lines());
    if (refused) _exit(1);
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto taken = vault->append(running, codes.lines());
    if (!taken || !taken->empty()) _exit(2);
    if (vault->finish_import(running).value() != 4000 || vault->read(kCoffee, 3999).value() != "code-3999") _exit(3);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

/// As an operator sends them: a file in pieces, through the reader, into the vault. Figures are printed, since they
/// depend on the machine; WINDFALL_CODES=1000000 is the size that the design speaks of.
TEST_F(CodesFile, TakesALargeFileInBoundedMemory) {
  const char* wanted = std::getenv("WINDFALL_CODES");
  const std::uint64_t rows = wanted == nullptr ? 50'000 : std::strtoull(wanted, nullptr, 10);
  const auto vault = open();
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  const auto start = std::chrono::steady_clock::now();
  const auto running = vault->begin_import(kCoffee, 0).value();
  codec::CodeLines lines;
  codec::CodeBatch batch;
  ReportedLines duplicates;
  const auto flush = [&] {
    const std::vector<std::uint64_t> already = vault->append(running, batch.codes()).value();
    for (const std::uint64_t line : already) duplicates.add(line);
    batch.clear();
  };
  std::string piece;
  for (std::uint64_t row = 0; row < rows;) {
    piece.clear();
    while (row < rows && piece.size() < 60'000) piece += "GIFT-" + std::to_string(1'000'000'007ULL * ++row) + "\r\n";
    for (std::string_view bytes = piece; !bytes.empty();) {
      bytes.remove_prefix(lines.feed(bytes, batch));
      if (batch.full()) flush();
    }
  }
  lines.finish(batch);
  flush();
  EXPECT_EQ(vault->finish_import(running), rows);
  ASSERT_TRUE(vault->end_import(running, rows));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  const auto cpu = [](const rusage& usage) {
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  };
  const std::int64_t grown_kib = after.ru_maxrss - before.ru_maxrss;
  std::cout << rows << " codes: " << static_cast<double>(rows) / seconds << " rows/s, "
            << static_cast<double>(rows) / (cpu(after) - cpu(before)) << " rows per second of CPU, peak memory grew by "
            << grown_kib / 1024 << " MiB to " << after.ru_maxrss / 1024 << " MiB\n";
  EXPECT_TRUE(duplicates.lines.empty());
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  const std::int64_t allowed_mib = 2048;  // sanitizers keep what was freed
#else
  const std::int64_t allowed_mib = 160;  // the page cache is 64 MiB; nothing grows with the file
#endif
  EXPECT_LT(grown_kib / 1024, allowed_mib);
  EXPECT_EQ(vault->read(kCoffee, rows - 1).value(), "GIFT-" + std::to_string(1'000'000'007ULL * rows));
}

}  // namespace
}  // namespace sqlite
}  // namespace windfall

// A SQLite ledger in a folder of its own.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "adapters/sqlite/sqlite_ledger.hpp"
#include "ledger/ledger_under_test.hpp"
#include "ledger/log_builder.hpp"

namespace windfall::sqlite {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "windfall-ledger-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

using contract::test_event_ids;

inline Options test_options(const std::string& path) {
  return {.path = path, .lineage = {7}, .event_ids = test_event_ids, .open_seed = contract::open_test_seed};
}

/// Runs SQL on the file the way anybody may; the first column of each row.
inline std::vector<std::string> sql(const std::string& path, const std::string& script) {
  sqlite3* database = nullptr;
  std::vector<std::string> rows;
  char* error = nullptr;
  const auto collect = [](void* out, int, char** values, char**) {
    static_cast<std::vector<std::string>*>(out)->emplace_back(values[0] != nullptr ? values[0] : "");
    return 0;
  };
  EXPECT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, script.c_str(), collect, &rows, &error), SQLITE_OK)
      << (error != nullptr ? error : "");
  sqlite3_free(error);
  sqlite3_close(database);
  return rows;
}

class SqliteUnderTest final : public contract::LedgerUnderTest {
 public:
  explicit SqliteUnderTest(contract::LedgerSetup setup) : options_(test_options(path_)) {
    options_.rebuild_until_position = setup.rebuild_until;
    options_.event_ids = std::move(setup.event_ids);
    options_.alarm = [this](std::string_view line) { alarms.emplace_back(line); };
    ledger_ = SqliteLedger::open(options_).value();
  }
  LedgerStore& store() override { return *ledger_; }
  void reopen() override {
    ledger_.reset();
    options_.rebuild_until_position = 0;  // kept in the file
    ledger_ = SqliteLedger::open(options_).value();
  }
  std::vector<std::string> sql(const std::string& script) override { return sqlite::sql(path_, script); }

 private:
  TemporaryFolder folder_;
  const std::string path_ = folder_.file("ledger.db");
  Options options_;
  std::unique_ptr<SqliteLedger> ledger_;
};

}  // namespace windfall::sqlite

// What every vault of codes promises, in the words of application/port/code_vault.hpp. A vault runs this suite in one
// file, with one line:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, CodeVaultContract, testing::Values(backend), name_of_vault);
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "application/port/code_vault.hpp"
#include "application/port/seals.hpp"
#include "vault/vault_fixture.hpp"

namespace windfall::contract {

/// A vault over storage of its own, which goes when this object goes.
class VaultUnderTest {
 public:
  virtual ~VaultUnderTest() = default;
  virtual CodeVault& vault() = 0;
  /// As if the process had ended and started again, with master keys made of these letters, ids from `first`.
  virtual Result<bool> reopen(std::string_view keys, std::uint32_t first) = 0;
};

struct VaultBackend {
  std::string name;
  std::function<std::unique_ptr<VaultUnderTest>(std::string_view keys)> make;
};

inline std::string name_of_vault(const testing::TestParamInfo<VaultBackend>& info) { return info.param.name; }

inline const PrizeOfCodes kCoffee{.promotion_id = "spring", .prize_id = "americano"};
inline const PrizeOfCodes kCake{.promotion_id = "spring", .prize_id = "cake"};

/// Codes with the line they stand on, from 1.
class Codes {
 public:
  explicit Codes(std::vector<std::string> codes) : codes_(std::move(codes)) {
    for (std::size_t i = 0; i < codes_.size(); ++i) lines_.push_back({.line = i + 1, .code = codes_[i]});
  }
  Codes(const Codes&) = delete;
  Codes& operator=(const Codes&) = delete;
  [[nodiscard]] std::span<const CodeLine> lines() const { return lines_; }

 private:
  std::vector<std::string> codes_;
  std::vector<CodeLine> lines_;
};

class CodeVaultContract : public testing::TestWithParam<VaultBackend> {
 protected:
  using Import = CodeVault::Import;
  using Lines = std::vector<std::uint64_t>;

  CodeVault& vault() { return under_test_->vault(); }
  Import begin(const PrizeOfCodes& prize, std::uint64_t imported) {
    const auto import = vault().begin_import(prize, imported);
    EXPECT_TRUE(import) << import.error().message;
    return *import;
  }
  Lines append(Import import, std::vector<std::string> codes) {
    const Codes lines(std::move(codes));
    const auto duplicates = vault().append(import, lines.lines());
    EXPECT_TRUE(duplicates) << duplicates.error().message;
    return *duplicates;
  }
  /// A whole import; how many are committed after it.
  std::uint64_t import(const PrizeOfCodes& prize, std::uint64_t imported, std::vector<std::string> codes) {
    const Import running = begin(prize, imported);
    append(running, std::move(codes));
    const std::uint64_t after = imported + vault().finish_import(running).value();
    EXPECT_TRUE(vault().end_import(running, after));
    return after;
  }
  std::string code(const PrizeOfCodes& prize, std::uint64_t ordinal) {
    const auto read = vault().read(prize, ordinal);
    EXPECT_TRUE(read) << read.error().message;
    return read ? *read : std::string{};
  }
  template <class T>
  static FailureCode failure_of(const Result<T>& result) {
    EXPECT_FALSE(result);
    return result ? FailureCode::overloaded : result.error().code;
  }
  void reopen(std::string_view keys = "k", std::uint32_t first = 1) {
    const auto opened = under_test_->reopen(keys, first);
    ASSERT_TRUE(opened) << opened.error().message;
  }

  std::unique_ptr<VaultUnderTest> under_test_ = GetParam().make("k");
};

// --- Importing

TEST_P(CodeVaultContract, OrdinalsCountFromZeroWithoutGapsInTheOrderOfImport) {
  EXPECT_EQ(import(kCoffee, 0, {"A-1", "B 2", "C-3"}), 3U);
  EXPECT_EQ(import(kCake, 0, {"cake"}), 1U);
  EXPECT_EQ(import(kCoffee, 3, {"D-4"}), 4U);
  for (const auto& [ordinal, expected] : {std::pair{0, "A-1"}, {1, "B 2"}, {2, "C-3"}, {3, "D-4"}}) {
    EXPECT_EQ(code(kCoffee, static_cast<std::uint64_t>(ordinal)), expected);
  }
  EXPECT_EQ(code(kCake, 0), "cake");
}

TEST_P(CodeVaultContract, ACodeIsUniqueInTheInstallation) {
  import(kCoffee, 0, {"A", "B"});
  const Import running = begin(kCake, 0);
  EXPECT_EQ(append(running, {"C", "A", "C", "D", "B"}), (Lines{2, 3, 5}));
  EXPECT_EQ(append(running, {"D", "E"}), (Lines{1}));
  EXPECT_EQ(vault().finish_import(running), 3U);
  ASSERT_TRUE(vault().end_import(running, 3));
  EXPECT_EQ(code(kCake, 1), "D");
  EXPECT_EQ(code(kCake, 2), "E");
  EXPECT_EQ(import(kCake, 3, {"a"}), 4U) << "small letters are other letters";
}

TEST_P(CodeVaultContract, WhatIsNoCodeIsRefusedAndNothingIsWritten) {
  const Import running = begin(kCoffee, 0);
  for (const std::string& wrong :
       {std::string{}, std::string(65, 'x'), std::string("a\0b", 3), std::string("\xED\x95\x9C"), std::string(" a"),
        std::string("a "), std::string("\t"), std::string("\x7F")}) {
    const Codes codes({"fine", wrong});
    const auto refused = vault().append(running, codes.lines());
    EXPECT_EQ(failure_of(refused), FailureCode::invalid);
    EXPECT_NE(refused.error().message.find("line 2"), std::string::npos) << refused.error().message;
  }
  EXPECT_EQ(vault().finish_import(running), 0U);
  EXPECT_EQ(append(running, {"fine", std::string(64, 'x'), "!", "~ ~"}), Lines{});
}

TEST_P(CodeVaultContract, AnImportTakesSoManyCodesAtOnceAndNoMore) {
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= CodeVault::kAppendMost; ++i) many.push_back("code-" + std::to_string(i));
  const Import running = begin(kCoffee, 0);
  EXPECT_EQ(failure_of(vault().append(running, Codes(many).lines())), FailureCode::invalid);
  many.pop_back();
  EXPECT_EQ(append(running, many), Lines{});
  EXPECT_EQ(vault().finish_import(running), CodeVault::kAppendMost);
}

TEST_P(CodeVaultContract, OnlyOneImportOfAPrizeRunsAtATime) {
  const Import running = begin(kCoffee, 0);
  EXPECT_EQ(failure_of(vault().begin_import(kCoffee, 0)), FailureCode::conflict);
  const Import other = begin(kCake, 0);
  append(running, {"A"});
  append(other, {"B"});
  ASSERT_TRUE(vault().finish_import(running));
  EXPECT_EQ(failure_of(vault().begin_import(kCoffee, 1)), FailureCode::conflict) << "until its commit is known";
  ASSERT_TRUE(vault().end_import(running, 1));
  EXPECT_EQ(failure_of(vault().append(running, {})), FailureCode::not_found);
  EXPECT_EQ(failure_of(vault().finish_import(running)), FailureCode::not_found);
  EXPECT_TRUE(vault().end_import(running, 1)) << "twice is harmless";
  EXPECT_NE(begin(kCoffee, 1), running);
}

TEST_P(CodeVaultContract, OfManyThreadsThatImportAPrizeOneWins) {
  std::atomic<int> won{0};
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        const auto import = vault().begin_import(kCoffee, 0);
        if (import) ++won;
        if (!import && import.error().code == FailureCode::conflict) ++refused;
      });
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(refused, 3);
}

TEST_P(CodeVaultContract, RowsLeftByACrashAreDeletedByTheNextImport) {
  import(kCoffee, 0, {"A", "B"});
  append(begin(kCoffee, 2), {"C", "D", "E"});
  reopen();  // before CodesImported
  EXPECT_EQ(code(kCoffee, 1), "B");
  const Import again = begin(kCoffee, 2);
  EXPECT_EQ(failure_of(vault().read(kCoffee, 2)), FailureCode::not_found);
  EXPECT_EQ(append(again, {"D", "C", "A"}), (Lines{3})) << "codes of the lost rows are new again";
  EXPECT_EQ(vault().finish_import(again), 2U);
  ASSERT_TRUE(vault().end_import(again, 4));
  EXPECT_EQ(code(kCoffee, 2), "D");
  EXPECT_EQ(vault().counts("spring")->front().rows, 4U);
}

TEST_P(CodeVaultContract, ACommitThatTheVaultWasNotToldOfCounts) {
  append(begin(kCoffee, 0), {"A", "B", "C"});
  reopen();  // after CodesImported{3}, before end_import()
  EXPECT_EQ(import(kCoffee, 3, {"D"}), 4U);
  EXPECT_EQ(code(kCoffee, 2), "C");
  EXPECT_EQ(code(kCoffee, 3), "D");
}

TEST_P(CodeVaultContract, AnImportThatWasGivenUpLeavesNothingBehind) {
  const Import given_up = begin(kCoffee, 0);
  append(given_up, {"A", "B"});
  ASSERT_TRUE(vault().end_import(given_up, 0));
  EXPECT_EQ(import(kCoffee, 0, {"B"}), 1U);
  EXPECT_EQ(code(kCoffee, 0), "B");
}

TEST_P(CodeVaultContract, CommittedCodesAreNeverDeletedByAnImport) {
  import(kCoffee, 0, {"A", "B"});
  EXPECT_EQ(failure_of(vault().begin_import(kCoffee, 1)), FailureCode::conflict);
  reopen();
  EXPECT_EQ(failure_of(vault().begin_import(kCoffee, 0)), FailureCode::conflict);
  EXPECT_EQ(code(kCoffee, 1), "B");
}

TEST_P(CodeVaultContract, FewerRowsThanAnnouncedAreDamage) {
  import(kCoffee, 0, {"A", "B"});
  EXPECT_EQ(failure_of(vault().begin_import(kCoffee, 3)), FailureCode::damaged);
  EXPECT_EQ(failure_of(vault().begin_import(kCake, 1)), FailureCode::damaged);
  EXPECT_TRUE(vault().begin_import(kCoffee, 2)) << "and no claim is left";
}

TEST_P(CodeVaultContract, AfterARestoreCodesCanBeTakenBack) {
  import(kCoffee, 0, {"A", "B", "C"});
  const Import running = begin(kCoffee, 3);
  EXPECT_EQ(failure_of(vault().rewind(kCoffee, 1)), FailureCode::conflict);
  ASSERT_TRUE(vault().end_import(running, 3));
  ASSERT_TRUE(vault().rewind(kCoffee, 1));
  EXPECT_EQ(failure_of(vault().read(kCoffee, 1)), FailureCode::not_found);
  EXPECT_EQ(import(kCoffee, 1, {"C"}), 2U);
  EXPECT_EQ(code(kCoffee, 1), "C");
  EXPECT_TRUE(vault().rewind(kCake, 0)) << "of a prize without codes there is nothing to do";
}

// --- Reading

TEST_P(CodeVaultContract, WhatIsNotThereIsNotFound) {
  import(kCoffee, 0, {"A"});
  EXPECT_EQ(failure_of(vault().read(kCoffee, 1)), FailureCode::not_found);
  EXPECT_EQ(failure_of(vault().read(kCake, 0)), FailureCode::not_found);
  EXPECT_EQ(failure_of(vault().read({.promotion_id = "other", .prize_id = "americano"}, 0)), FailureCode::not_found);
}

TEST_P(CodeVaultContract, CountsWhatItHasByPrize) {
  EXPECT_TRUE(vault().counts("")->empty());
  import(kCoffee, 0, {"A", "B", "A"});
  import(kCake, 0, {"C"});
  import({.promotion_id = "autumn", .prize_id = "tea"}, 0, {"D"});
  append(begin(kCake, 1), {"E"});
  ASSERT_EQ(vault().counts("")->size(), 3U);
  const auto counts = vault().counts("spring").value();
  ASSERT_EQ(counts.size(), 2U);
  EXPECT_EQ(counts[0].prize, kCoffee);
  EXPECT_EQ(counts[0].rows, 2U);
  EXPECT_EQ(counts[0].committed, 2U);
  EXPECT_EQ(counts[1].prize, kCake);
  EXPECT_EQ(counts[1].rows, 2U);
  EXPECT_EQ(counts[1].written, 2U);
  EXPECT_EQ(counts[1].committed, 1U);
}

TEST_P(CodeVaultContract, CodesSurviveARestart) {
  import(kCoffee, 0, {"A", "B"});
  reopen();
  EXPECT_EQ(code(kCoffee, 0), "A");
  EXPECT_EQ(import(kCoffee, 2, {"A", "C"}), 3U);
}

// --- Keys

TEST_P(CodeVaultContract, ResealsUnderANewKeyInStepsThatMayStopAnywhere) {
  std::vector<std::string> codes;
  for (int i = 0; i < 25; ++i) codes.push_back("code-" + std::to_string(i));
  import(kCoffee, 0, codes);
  import(kCake, 0, {"cake"});
  reopen("kl");
  EXPECT_EQ(import(kCake, 1, {"code-3", "new"}), 2U) << "a code under the old key is known all the same";
  EXPECT_EQ(vault().reseal(10)->rows, 10U);
  EXPECT_EQ(import(kCake, 2, {"code-3", "code-24"}), 2U);
  EXPECT_EQ(failure_of(under_test_->reopen("l", 2)), FailureCode::conflict) << "rows under the old key are left";
  reopen("kl");
  std::uint64_t rows = 0;
  int calls = 0;
  for (bool done = false; !done; ++calls) {
    ASSERT_LT(calls, 10);
    const auto step = vault().reseal(10);
    ASSERT_TRUE(step) << step.error().message;
    rows += step->rows;
    done = step->done;
  }
  EXPECT_EQ(rows, 16U);
  EXPECT_TRUE(vault().reseal(10)->done);
  reopen("l", 2);
  for (std::uint64_t i = 0; i < 25; ++i) EXPECT_EQ(code(kCoffee, i), codes[i]);
  EXPECT_EQ(code(kCake, 0), "cake");
  EXPECT_EQ(import(kCake, 2, {"code-7", "cake", "new"}), 2U) << "codes are known under the new key";
}

TEST_P(CodeVaultContract, StartsOnlyWithTheKeysThatItsRowsNeed) {
  import(kCoffee, 0, {"A"});
  for (const auto& [keys, first] : {std::pair{"l", 1U}, {"k", 2U}, {"lk", 1U}}) {
    const auto opened = under_test_->reopen(keys, first);
    ASSERT_FALSE(opened) << keys;
    EXPECT_EQ(opened.error().code, FailureCode::conflict);
    EXPECT_NE(opened.error().message.find("master key 1"), std::string::npos) << opened.error().message;
    EXPECT_NE(opened.error().message.find("fingerprint"), std::string::npos) << opened.error().message;
  }
  reopen();
  EXPECT_EQ(code(kCoffee, 0), "A");
}

TEST_P(CodeVaultContract, WithoutCodesStartsWithAnyKey) {
  const auto opened = under_test_->reopen("other", 4);
  EXPECT_TRUE(opened) << opened.error().message;
}

}  // namespace windfall::contract

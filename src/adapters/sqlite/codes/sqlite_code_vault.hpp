// The vault of codes in a SQLite file of its own, `codes.db` in the data directory: a source of truth, unlike the
// ledger beside it, so every commit is synced and nothing else touches it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "application/port/code_vault.hpp"
#include "application/port/seals.hpp"

namespace windfall::sqlite {

class Connection;
class Readers;

inline constexpr std::string_view kCodesFile = "codes.db";

/// The code of a row of this file. damaged: the row is not what was written there, which the message names; conflict:
/// it was sealed under a key that is not there.
Result<std::string> open_code_row(Seals& seals, const PrizeOfCodes& prize, std::uint64_t ordinal, std::int64_t key,
                                  std::string_view sealed, std::string_view digest);

class SqliteCodeVault final : public CodeVault {
 public:
  /// Opens or creates the file and brings its schema up to date; `seals` outlives the vault. Failures: conflict (rows
  /// are sealed under a master key that is missing or another one, which the message names by id and fingerprint; of a
  /// newer Windfall; not a vault), damaged, unavailable, disk_full.
  static Result<std::unique_ptr<SqliteCodeVault>> open(const std::string& path, Seals& seals);
  ~SqliteCodeVault() override;

  Result<Import> begin_import(const PrizeOfCodes& prize, std::uint64_t imported) override;
  Result<std::vector<std::uint64_t>> append(Import import, std::span<const CodeLine> lines) override;
  Result<std::uint64_t> finish_import(Import import) override;
  Result<bool> end_import(Import import, std::uint64_t imported) override;
  Result<std::string> read(const PrizeOfCodes& prize, std::uint64_t ordinal) override;
  Result<std::vector<Counts>> counts(std::string_view promotion_id) override;
  Result<Resealed> reseal(std::size_t limit) override;
  Result<bool> rewind(const PrizeOfCodes& prize, std::uint64_t imported) override;

  /// What is wrong with the file: its own structure, counts against rows, and every row that does not open. Empty if
  /// nothing is. Reads everything.
  Result<std::vector<std::string>> integrity();

 private:
  struct Running {
    PrizeOfCodes prize;
    std::int64_t no = 0;      ///< code_prize.no
    std::uint64_t first = 0;  ///< ordinal of its first code
    std::uint64_t next = 0;
  };
  /// Where reseal() goes on: every row up to here is under the current key.
  struct Place {
    std::int64_t prize = 0;
    std::int64_t ordinal = -1;
  };

  SqliteCodeVault(std::string path, Seals& seals);
  void prepare();
  [[nodiscard]] bool runs(const PrizeOfCodes& prize) const;
  /// Records that rows are sealed under the current key from now on.
  void note_current_key();
  /// Deletes the rows at and above `from`, whose ordinals are free again.
  void cut(std::int64_t no, std::uint64_t from);
  /// True if a row has this code under an earlier key.
  bool known_under_earlier_key(std::string_view code);
  /// open_code_row(), thrown.
  std::string open_row(const PrizeOfCodes& prize, std::uint64_t ordinal, std::int64_t key, std::string_view sealed,
                       std::string_view digest);
  /// Runs `work(connection)` in a transaction of the writer; writing_ is held.
  template <class Work>
  auto write(Work work);

  const std::string path_;
  Seals& seals_;
  std::mutex writing_;  ///< guards all below but readers_
  std::unique_ptr<Connection> writer_;
  std::map<Import, Running> running_;
  std::uint64_t imports_ = 0;
  std::vector<KeyId> earlier_keys_;  ///< recorded, but not current: some row may be under them
  bool current_noted_ = false;
  Place resealed_;
  std::unique_ptr<Readers> readers_;
};

}  // namespace windfall::sqlite

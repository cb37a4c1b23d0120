// The vault of codes in PostgreSQL, for several processes at once: what SQLite's has by being one process's, this one
// has by locks in the database, which the death of a process releases.
//
// A running import owns a connection, and with it the lock on its prize; its rows are written over that connection
// only. So who has lost the lock, because the connection broke, can write no more, and finish_import() fails with
// unavailable. After it has succeeded nobody else begins an import of the prize for kAnnounceSeconds: that is how long
// the caller has for the commit of CodesImported. A process that dies in between leaves the prize locked for that time.
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

namespace windfall::postgres {

class Connection;
class Pool;

class PostgresCodeVault final : public CodeVault {
 public:
  /// A commit takes milliseconds; a minute later it has failed, or its process has been told otherwise.
  static constexpr std::int64_t kAnnounceSeconds = 60;

  /// Brings the schema up to date; `seals` outlives the vault. Failures: conflict (rows are sealed under a master key
  /// that is missing or another one, which the message names by id and fingerprint; of a newer Windfall; tables of
  /// somebody else), damaged, unavailable, invalid (the connection string).
  static Result<std::unique_ptr<PostgresCodeVault>> open(const std::string& connection, Seals& seals);
  /// Without connecting: what open() does is done by the first call that reaches the server, which fails as open()
  /// would; so does each one until it has succeeded.
  static Result<std::unique_ptr<PostgresCodeVault>> open_later(const std::string& connection, Seals& seals);
  ~PostgresCodeVault() override;

  Result<Import> begin_import(const PrizeOfCodes& prize, std::uint64_t imported) override;
  Result<std::vector<std::uint64_t>> append(Import import, std::span<const CodeLine> lines) override;
  Result<std::uint64_t> finish_import(Import import) override;
  Result<bool> end_import(Import import, std::uint64_t imported) override;
  Result<std::string> read(const PrizeOfCodes& prize, std::uint64_t ordinal) override;
  Result<std::vector<Counts>> counts(std::string_view promotion_id) override;
  Result<Resealed> reseal(std::size_t limit) override;
  Result<bool> rewind(const PrizeOfCodes& prize, std::uint64_t imported) override;

  /// What is wrong with the tables: counts against rows, and every row that does not open. Empty if nothing is. Reads
  /// everything.
  Result<std::vector<std::string>> integrity();

 private:
  /// A connection that holds the lock on a prize: given back before it is closed, since the server notices an end of a
  /// connection only a moment later.
  struct GiveBack {
    void operator()(Connection* holder) const;
  };
  using Claim = std::unique_ptr<Connection, GiveBack>;

  struct Running {
    PrizeOfCodes prize;
    std::int64_t no = 0;      ///< code_prize.no
    std::uint64_t first = 0;  ///< ordinal of its first code
    std::uint64_t next = 0;
    Claim connection;
  };
  /// Where reseal() goes on: every row up to here was under the current key.
  struct Place {
    std::int64_t prize = 0;
    std::int64_t ordinal = -1;
  };

  PostgresCodeVault(const std::string& connection, Seals& seals);
  /// Keys that rows are recorded to be under, but the current one. Throws conflict if one of them is not held.
  std::vector<KeyId> earlier_keys(Connection& db);
  /// Records that rows are sealed under the current key from now on.
  void note_current_key(Connection& db);
  /// Which of the codes the installation has, under whatever key, or twice among these: true where it has.
  std::vector<bool> known(Connection& db, std::span<const CodeLine> lines);
  /// Throws what codec::open_code() says.
  std::string open_row(const PrizeOfCodes& prize, std::uint64_t ordinal, std::int64_t key, std::string_view sealed,
                       std::string_view digest);

  const std::string connection_string_;
  Seals& seals_;
  const std::unique_ptr<Pool> pool_;
  std::mutex importing_;  ///< guards the next two
  std::map<Import, Running> running_;
  std::uint64_t imports_ = 0;
  std::mutex resealing_;
  Place resealed_;  ///< guarded by resealing_
};

}  // namespace windfall::postgres

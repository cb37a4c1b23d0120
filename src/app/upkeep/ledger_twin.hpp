// A ledger that nobody can read as of one moment, as one in MongoDB: the log that it keeps is judged by the rules of
// `windfall fsck`, and projected a second time, by other code, into a ledger in a temporary file. Then both are asked
// the same. What was written meanwhile is projected as well, and what changed is asked for again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/codec/user_ref.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "app/proof/codes_check.hpp"
#include "app/proof/log_check.hpp"
#include "app/proof/partner_book.hpp"
#include "app/proof/report.hpp"
#include "app/proof/seed_keys.hpp"
#include "application/port/kept_ledger.hpp"

namespace windfall::app {

class LedgerTwin {
 public:
  /// `book`: the partner's, or nullptr. All of it outlives the twin.
  struct Given {
    proof::Report& report;
    KeptLedger& ledger;
    codec::Uuid lineage{};
    codec::UserHasher hasher;
    proof::OpenSeed open_seed;
    proof::PartnerBook* book = nullptr;
  };
  explicit LedgerTwin(Given given);
  LedgerTwin(const LedgerTwin&) = delete;
  LedgerTwin& operator=(const LedgerTwin&) = delete;
  ~LedgerTwin();

  /// Failures are reasons that it could not be judged: unavailable.
  Result<bool> run();

  [[nodiscard]] const proof::LogCheck& log() const { return log_; }
  [[nodiscard]] const proof::CodesCheck& codes() const { return codes_; }

 private:
  using Places = std::map<PartitionNo, KeptLedger::Place>;
  using Told = std::map<PartitionNo, Sequence>;
  struct Stream;
  struct Check;
  /// By one comparison, to be told if the ledger stood still meanwhile.
  struct Found {
    std::map<proof::Invariant, std::int64_t> checked;
    std::vector<proof::ProofFinding> differences;
  };

  Result<bool> make_twin();
  Result<Places> places();
  Result<bool> fill(Stream& stream);
  Result<bool> tell_system(Sequence until);
  /// Projects what the ledger has and the twin has not. The first time it is judged, too.
  Result<bool> catch_up(const Places& until, bool judge);
  Result<bool> project(bool all);
  Result<bool> compare_all(const Places& first);
  /// False: it has to be made again.
  Result<bool> settle(Check& check);
  void tell(const Found& found);
  Result<bool> compare(PartitionNo partition);
  Result<bool> compare_joins(PartitionNo partition);
  Result<bool> name_joins(PartitionNo partition);
  Result<bool> compare_lottery(PartitionNo partition);
  Result<bool> compare_draws(PartitionNo partition);
  Result<bool> compare_coupon(const DrawRow& draw);
  Result<bool> compare_effects();
  Result<bool> compare_with_itself();
  Result<bool> compare_book();
  void judge_ends(const Places& until);
  void differs(PartitionNo partition, std::string what);
  [[nodiscard]] std::string name_of(PartitionNo partition) const;

  const Given given_;
  proof::LogCheck log_;
  proof::CodesCheck codes_;
  std::string folder_;
  std::unique_ptr<sqlite::SqliteLedger> twin_;
  Told told_;  ///< how far the twin has each partition
  LogBatch batch_;
  Found found_;
};

}  // namespace windfall::app

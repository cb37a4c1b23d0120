// The ledger of the distributed mode against the log that it keeps, as of one moment: the log is judged event by event
// by the rules of `windfall fsck` (app/proof), every acceptance beside its row and its effect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/postgres/ledger_snapshot.hpp"
#include "app/proof/codes_check.hpp"
#include "app/proof/log_check.hpp"
#include "app/proof/lottery_effects.hpp"
#include "app/proof/lottery_ledger_check.hpp"
#include "app/proof/partner_book.hpp"
#include "app/proof/report.hpp"
#include "app/proof/seed_keys.hpp"

namespace windfall::app {

class LedgerWalk {
 public:
  /// `book`: the partner's, or nullptr. All of it outlives the walk.
  struct Given {
    proof::Report& report;
    postgres::LedgerSnapshot& ledger;
    codec::Uuid lineage{};
    proof::OpenSeed open_seed;
    proof::PartnerBook* book = nullptr;
  };
  explicit LedgerWalk(Given given);

  /// Failures are reasons that it could not be read: unavailable.
  Result<bool> run();

  [[nodiscard]] const proof::LogCheck& log() const { return log_; }
  [[nodiscard]] const proof::CodesCheck& codes() const { return codes_; }

 private:
  using EventRow = postgres::LedgerSnapshot::EventRow;
  using AcceptanceRow = postgres::LedgerSnapshot::AcceptanceRow;
  using EffectRow = postgres::LedgerSnapshot::EffectRow;

  /// One partition's log, read page by page.
  struct Stream {
    PartitionNo partition;
    std::vector<EventRow> page;
    std::size_t at = 0;
    Epoch epoch{0};
    Sequence sequence;
  };
  Result<bool> fill(Stream& stream);
  Result<bool> tell_system();
  Result<bool> walk(const std::vector<postgres::PostgresLedger::Place>& places);
  void judge(PartitionNo partition, const EventRow& row);
  void judge_acceptance(const proof::Place& place, const EventRow& row, const Recorded& recorded,
                        const Participated& event);
  void judge_effect(const proof::Place& place, const AcceptanceRow& row, const Participated& event,
                    const codec::EventIds& ids, std::int64_t ordinal);
  void judge_ends(const std::vector<postgres::PostgresLedger::Place>& places);
  Result<bool> judge_lotteries();
  Result<bool> judge_lottery(PartitionNo partition);
  void judge_lottery_event(const Recorded& recorded, proof::LotteryLedgerCheck& rows);
  void judge_booking(const proof::Place& place, const proof::LotteryEffect& expected, std::int64_t state);
  Result<bool> judge_promotions();
  void differs(const proof::Place& place, std::string what) {
    given_.report.violation(proof::Invariant::i13, place, std::move(what));
  }

  const Given given_;
  proof::LogCheck log_;
  proof::CodesCheck codes_;
  proof::LotteryEffects effects_;
};

}  // namespace windfall::app

// What a process does for lotteries, wired as the server wires it: decks, tickets, codes, what came in to be judged
// later, the jobs. The vault and the marks are real files, which outlive it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/embedded/embedded_store.hpp"
#include "adapters/vault/high_water_file.hpp"
#include "adapters/vault/invite_tokens.hpp"
#include "adapters/vault/key_seals.hpp"
#include "application/on_event/judge_inbound.hpp"
#include "application/on_event/project_ledger.hpp"
#include "application/on_request/coupons.hpp"
#include "application/on_request/refusals.hpp"
#include "application/on_time/close_lotteries.hpp"
#include "application/on_time/jobs.hpp"
#include "application/on_time/open_segments.hpp"
#include "simulation/lottery/faulty_vault.hpp"

namespace windfall::simulation {

class SimulatedSeeds final : public Seeds {
 public:
  Result<std::string> make(std::string_view promotion_id) override { return std::string(promotion_id); }
  Result<Seed> open(std::string_view promotion_id, std::string_view sealed) override;
};

class LotteryWork {
 public:
  struct Around {
    embedded::EmbeddedStore& store;
    FaultyLedger& ledger;
    Blocking& ledger_writer;
    Blocking& ledger_reads;
    Blocking& codes_writer;
    Timer& timer;
    ProjectLedger& projection;
    Refusals& refusals;
    Dice& dice;
    const LedgerWeather& weather;
    std::string folder;  ///< of vault and marks
    Mutant mutant = Mutant::none;
  };
  static Result<std::unique_ptr<LotteryWork>> open(const Around& around);
  LotteryWork(const LotteryWork&) = delete;
  LotteryWork& operator=(const LotteryWork&) = delete;

  void add_jobs(Jobs& jobs);
  /// The ledger has applied something.
  void applied();
  /// Nobody waits for a code that is there, nothing that came in waits to be judged, every lottery that is over is
  /// closed.
  [[nodiscard]] bool quiet() const;

 private:
  explicit LotteryWork(const Around& around);
  Result<bool> open_files();
  [[nodiscard]] bool marks_cover_what_was_given() const;

  Around around_;

 public:
  SimulatedSeeds seeds;
  DrawBook book;
  EarnTickets earn;
  std::unique_ptr<vault::KeySeals> seals;
  std::unique_ptr<vault::SivInviteTokens> tokens;
  std::unique_ptr<sqlite::SqliteCodeVault> codes;
  std::unique_ptr<FaultyVault> faulty_vault;
  std::unique_ptr<vault::HighWaterFile> marks;
  std::unique_ptr<CodeSupply> supply;
  std::unique_ptr<AssignCodes> assign;
  std::unique_ptr<Coupons> coupons;
  std::unique_ptr<ImportCodes> imports;
  std::unique_ptr<JudgeInbound> judge;
  OpenSegments open_segments;
  CloseLotteries close_lotteries;
};

}  // namespace windfall::simulation

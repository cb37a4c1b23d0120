// One life of the application: the real store, use cases, projection, fulfilment and jobs, wired as the server wires
// them, over a simulated journal, clock, loop and threads. Dropping it at any moment is a crash.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "adapters/embedded/embedded_store.hpp"
#include "application/on_event/fulfil_reward.hpp"
#include "application/on_event/project_ledger.hpp"
#include "application/on_request/manage.hpp"
#include "application/on_request/refusals.hpp"
#include "application/on_time/drop_old.hpp"
#include "application/on_time/jobs.hpp"
#include "application/on_time/sync_ledger.hpp"
#include "application/on_time/turn_status.hpp"
#include "simulation/faulty_ledger.hpp"
#include "simulation/lottery/lottery_work.hpp"
#include "simulation/observing_store.hpp"
#include "simulation/partner.hpp"
#include "simulation/simulated_journal.hpp"

namespace windfall::simulation {

/// The first 16 bytes of every id in this history.
inline constexpr embedded::Lineage kLineage{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/// Short, so that whole lives of effects fit into a run: the rules are those of the live settings.
FulfilReward::Settings reward_settings();

/// What a process finds where it starts.
struct Surroundings {
  Agenda& agenda;
  Dice& dice;
  const VirtualClock& clock;       ///< may be set
  const VirtualClock& real_clock;  ///< may jump by an hour, as a corrected host's does
  Disk& disk;
  Partner& partner;
  const LedgerWeather& weather;
  std::string ledger_path;
  std::string codes_folder;
  Mutant mutant = Mutant::none;
  std::function<void()> die;  ///< fail-stop: ends this process, but not before the call returns
};

class Process {
 public:
  explicit Process(const Surroundings& around);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Recovers and begins to work. What cannot be: says so.
  Result<bool> start();
  /// The power goes.
  void crash() { journal.crash(); }
  /// The wall clock was set.
  void clock_changed() { jobs.clock_changed(); }
  void heal() { event_log.healed = true; }

  [[nodiscard]] Manage manage_with(PromotionStore& through) const;
  /// True if nothing that was decided waits for the disk.
  [[nodiscard]] bool all_durable() const { return !turn_open_ && journal.idle() && unsettled_ == 0; }
  [[nodiscard]] bool quiet() const;

 private:
  Surroundings around_;
  bool turn_open_ = false;
  std::uint64_t unsettled_ = 0;  ///< batches submitted whose fate the store does not know

 public:
  VirtualLoop loop;
  VirtualThread ledger_writer;
  VirtualThread ledger_reads;
  VirtualThread codes_writer;
  SimulatedJournal journal;
  embedded::EmbeddedStore store;
  SimulatedEventLog event_log;
  std::unique_ptr<sqlite::SqliteLedger> sqlite;
  std::unique_ptr<FaultyLedger> ledger;
  std::unique_ptr<ProjectLedger> projection;
  std::unique_ptr<Refusals> refusals;
  std::unique_ptr<FulfilReward> fulfil;
  std::unique_ptr<LotteryWork> lottery;
  std::unique_ptr<SyncLedger> sync;
  std::unique_ptr<TurnStatus> turn_status;
  std::unique_ptr<DropOld> drop_old;
  Jobs jobs;
  bool fulfilling = false;

 private:
  class QuietMeter final : public FulfilReward::Meter {
   public:
    void called(FulfilReward::Call, const PartnerAnswer&, std::int64_t) override {}
    void settled(EffectSettled::Outcome, std::size_t) override {}
    void breaker(PartnerEndpoint, CircuitBreaker::State) override {}
  };

  [[nodiscard]] SimulatedJournal::Hooks journal_hooks();
  [[nodiscard]] embedded::EmbeddedStore::Log store_log();
  Result<bool> replay();
  Result<bool> open_ledger();
  Result<bool> open_lottery();
  void open_partner();
  void start_work();

  std::uint64_t recovered_ = 0;
  std::uint64_t last_ticket_ = 0;
  QuietMeter meter_;
};

}  // namespace windfall::simulation

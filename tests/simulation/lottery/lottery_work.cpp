#include "simulation/lottery/lottery_work.hpp"

#include <filesystem>
#include <utility>

#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"
#include "simulation/lottery/lottery_oracle.hpp"

namespace windfall::simulation {

namespace {

/// One master key for all histories.
vault::MasterKeys master_keys() {
  vault::MasterKey key{.id = {1}};
  key.bytes.fill(7);
  return {key};
}

}  // namespace

Result<Seed> SimulatedSeeds::open(std::string_view promotion_id, std::string_view sealed) {
  if (promotion_id != sealed) return fail(FailureCode::damaged, "the seed is sealed for another promotion");
  return simulated_seed(promotion_id);
}

LotteryWork::LotteryWork(const Around& around)
    : around_(around),
      book(around.store, seeds),
      earn(around.store),
      open_segments(around.store, book),
      close_lotteries(around.store, book, around.ledger, around.ledger_reads,
                      [this](PartitionNo) -> Task<Result<bool>> {
                        if (around_.mutant == Mutant::closes_by_an_old_ledger) co_return true;
                        const Result<bool> durable = co_await around_.store.durable();
                        if (!durable) co_return tl::unexpected(durable.error());
                        co_return co_await around_.projection.reached(around_.store.acknowledged_position());
                      }) {}

Result<std::unique_ptr<LotteryWork>> LotteryWork::open(const Around& around) {
  std::unique_ptr<LotteryWork> work(new LotteryWork(around));
  if (Result<bool> opened = work->open_files(); !opened) return tl::unexpected(opened.error());
  return work;
}

bool LotteryWork::marks_cover_what_was_given() const {
  for (const DefinitionPtr& definition : around_.store.all()) {
    if (!definition->promotion.lottery) continue;
    const std::vector<Prize>& prizes = definition->promotion.lottery->prizes;
    for (std::uint32_t prize = 0; prize < prizes.size(); ++prize) {
      const std::int64_t assigned = around_.store.peek(keys::assigned(definition->partition, prize));
      const PrizeOfCodes named{.promotion_id = definition->promotion.id, .prize_id = prizes[prize].id};
      if (assigned > 0 && !marks->covers(named, static_cast<std::uint64_t>(assigned) - 1)) return false;
    }
  }
  return true;
}

Result<bool> LotteryWork::open_files() {
  std::error_code none;
  std::filesystem::create_directories(around_.folder, none);
  auto sealing = vault::KeySeals::make(master_keys());
  if (!sealing) return tl::unexpected(sealing.error());
  seals = std::move(*sealing);
  auto made = vault::SivInviteTokens::make(master_keys());
  if (!made) return tl::unexpected(made.error());
  tokens = std::move(*made);
  auto vault_opened = sqlite::SqliteCodeVault::open(around_.folder + "/codes.db", *seals);
  if (!vault_opened) return tl::unexpected(vault_opened.error());
  codes = std::move(*vault_opened);
  faulty_vault = std::make_unique<FaultyVault>(*codes, around_.weather, around_.dice, around_.mutant);
  auto marks_opened = vault::HighWaterFile::open(around_.folder + "/marks", around_.folder + "/data");
  if (!marks_opened) return tl::unexpected(marks_opened.error());
  marks = std::move(*marks_opened);
  if (!marks_cover_what_was_given()) return fail(FailureCode::damaged, "I9: a code was given that no mark covers");

  const auto caught_up = [this](PartitionNo) {
    return around_.projection.reached(around_.store.acknowledged_position());
  };
  supply = std::make_unique<CodeSupply>(around_.store, *marks, around_.ledger_reads);
  assign = std::make_unique<AssignCodes>(AssignCodes::Ports{.store = around_.store,
                                                            .ledger = around_.ledger,
                                                            .reads = around_.ledger_reads,
                                                            .supply = *supply,
                                                            .timer = around_.timer,
                                                            .caught_up = caught_up,
                                                            .trouble = [](const std::string&) {}});
  coupons = std::make_unique<Coupons>(Coupons::Ports{.store = around_.store,
                                                     .ledger = around_.ledger,
                                                     .reads = around_.ledger_reads,
                                                     .effects = around_.ledger,
                                                     .ledger_writer = around_.ledger_writer,
                                                     .vault = *faulty_vault,
                                                     .supply = *supply,
                                                     .caught_up = caught_up});
  imports =
      std::make_unique<ImportCodes>(around_.store, *faulty_vault, around_.codes_writer, [this] { assign->poke(); });
  judge = std::make_unique<JudgeInbound>(
      around_.store, around_.store, earn, *tokens, around_.timer,
      JudgeInbound::Hooks{.rejected =
                              [this](const JudgeInbound::Rejected& rejected) {
                                around_.refusals.add(rejected.event.user, rejected.partition,
                                                     {.at = around_.store.now(rejected.partition),
                                                      .promotion_id = std::string(rejected.promotion_id),
                                                      .code = std::string(rejected.reason),
                                                      .detail = ""});
                              },
                          .trouble = [](const std::string&) {}});
  return true;
}

void LotteryWork::add_jobs(Jobs& jobs) {
  jobs.add(
      {.name = "open-segments", .interval_ms = OpenSegments::kIntervalMs, .run = [this] { return open_segments(); }});
  jobs.add({.name = "close-lotteries", .interval_ms = CloseLotteries::kIntervalMs, .run = [this] {
              return close_lotteries();
            }});
}

void LotteryWork::applied() { assign->poke(); }

bool LotteryWork::quiet() const {
  if (assign->running() || judge->in_flight() > 0 || around_.store.waiting() > 0) return false;
  for (const DefinitionPtr& definition : around_.store.all()) {
    if (!definition->promotion.lottery) continue;
    const PartitionNo partition = definition->partition;
    const auto end = end_of(*definition, around_.store.now(partition));
    if (!end) continue;
    const std::int64_t closed = around_.store.peek(keys::closed(partition));
    if (closed == 0) return false;
    const bool due = closed == kClosedSecondChance && around_.store.now(partition).ms >= end->at.ms + 60'000 &&
                     around_.store.peek(keys::paused_all()) == 0;
    if (due && around_.store.peek(keys::second_stage(partition)) != kSecondOver) return false;
  }
  return true;
}

}  // namespace windfall::simulation

// Gifticons: the vault of codes, the marks beside it, and who gives codes to coupons.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/proof/recover_first.hpp"
#include "app/wiring/server_impl.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::app {

namespace {

using system::log;
using system::LogLevel;

/// As it is to be typed. Without a file of marks at `high_water` whoever restored has to say where the old one is.
std::string recover_command(const Config& config, const std::string& high_water) {
  std::error_code none;
  const bool there = !config.high_water.empty() || std::filesystem::exists(high_water, none);
  std::string command = fmt::format("windfall recover --data {} --high-water {}", config.data,
                                    there ? high_water : "FILE (the marks of the server that was lost)");
  if (!config.master_keys.empty()) command += " --master-keys " + config.master_keys;
  return command;
}

}  // namespace

/// Before the file of marks is opened, which would make an empty one that recover took for the old server's.
Result<bool> Server::Impl::check_recovered() {
  if (!proof::must_recover_first(config.data)) return true;
  const Result<std::vector<CodeVault::Counts>> codes = kept->codes().counts({});
  if (!codes) return tl::unexpected(codes.error());
  const Result<std::vector<HighWater::Mark>> known = vault::HighWaterFile::read(high_water_path());
  if (!known && known.error().code != FailureCode::not_found) {
    return fail(known.error().code, "server.high_water: " + known.error().message);
  }
  const bool lotteries = std::ranges::any_of(
      kept->store().all(), [](const DefinitionPtr& one) { return proof::gives_codes(one->promotion); });
  if (lotteries || !codes->empty() || (known && !known->empty())) {
    return fail(FailureCode::conflict,
                fmt::format("server.data {} was restored from a backup, and codes may have been given out since that "
                            "it does not know of; run first: {}",
                            config.data, recover_command(config, high_water_path())));
  }
  log(LogLevel::info, "nothing_to_recover", {{"why", "restored data without codes"}});
  return proof::recovered_from_restore(config.data);
}

/// Marks run ahead of what was given out by no more than one wave and what a raise reserves. Further ahead: the data is
/// older than the marks.
Result<bool> Server::Impl::check_marks() {
  constexpr std::uint64_t kMostAhead = AssignCodes::kWave + HighWater::kAhead;
  PromotionStore& store = kept->store();
  for (const HighWater::Mark& mark : marks->marks()) {
    const DefinitionPtr definition = store.find(mark.prize.promotion_id);
    const std::optional<std::uint32_t> prize = definition && definition->promotion.lottery
                                                   ? prize_index(*definition->promotion.lottery, mark.prize.prize_id)
                                                   : std::nullopt;
    const std::int64_t assigned = prize ? store.peek(keys::assigned(definition->partition, *prize)) : 0;
    if (mark.below <= static_cast<std::uint64_t>(assigned) + kMostAhead) continue;
    return fail(
        FailureCode::conflict,
        fmt::format("server.high_water {}: codes of promotion {}, prize {} up to {} may have been given out, but "
                    "this data knows of {}; run first: {}",
                    high_water_path(), mark.prize.promotion_id, mark.prize.prize_id, mark.below, assigned,
                    recover_command(config, high_water_path())));
  }
  return true;
}

Result<bool> Server::Impl::open_codes() {
  if (const Result<bool> opened = kept->open_codes(*seals); !opened) return opened;
  if (kept->restored_from_log()) {
    marks = std::make_unique<NoMarks>();
  } else {
    if (const Result<bool> recovered = check_recovered(); !recovered) return recovered;
    Result<std::unique_ptr<vault::HighWaterFile>> marks_opened =
        vault::HighWaterFile::open(high_water_path(), config.data);
    if (!marks_opened) return trouble_with(config, "server.high_water", marks_opened.error());
    marks = std::move(*marks_opened);
  }
  if (const Result<bool> sound = check_marks(); !sound) return sound;
  codes_writer = std::make_unique<system::Workers>(1, poster());

  PromotionStore& store = kept->store();
  Blocking& ledger_reads = kept->ledger_reads();
  const auto caught_up = [this](PartitionNo of) { return kept->caught_up(of); };
  code_supply = std::make_unique<CodeSupply>(store, *marks, ledger_reads);
  assign_codes = std::make_unique<AssignCodes>(AssignCodes::Ports{
      .store = store,
      .ledger = kept->lotteries(),
      .reads = ledger_reads,
      .supply = *code_supply,
      .timer = timer,
      .caught_up = caught_up,
      .trouble = [](const std::string& why) { log(LogLevel::error, "codes_not_assigned", {{"why", why}}); }});
  coupons = std::make_unique<Coupons>(Coupons::Ports{.store = store,
                                                     .ledger = kept->lotteries(),
                                                     .reads = ledger_reads,
                                                     .effects = kept->effects(),
                                                     .ledger_writer = kept->ledger_writer(),
                                                     .vault = kept->codes(),
                                                     .supply = *code_supply,
                                                     .caught_up = caught_up});
  import_codes = std::make_unique<ImportCodes>(store, kept->codes(), *codes_writer, [this] { assign_codes->poke(); });
  return true;
}

Task<Result<std::string>> Server::Impl::look_at_codes() {
  Result<std::vector<CodeLevel>> levels = co_await assign_codes->levels();
  if (!levels) co_return tl::unexpected(levels.error());
  std::int64_t low = 0;
  for (const CodeLevel& level : *levels) {
    if (level.low()) ++low;
    // A win may have been projected before this process knew of its lottery; nothing would call for it again.
    if (level.waiting > 0 && level.left > 0) assign_codes->poke();
    if (!newly_low(level, code_levels)) continue;
    log(level.waiting > 0 ? LogLevel::error : LogLevel::warning, "codes_low",
        {{"promotion", level.promotion_id},
         {"prize", level.prize_id},
         {"left", level.left},
         {"outstanding", level.outstanding},
         {"waiting", level.waiting}});
  }
  code_levels = std::move(*levels);
  co_return std::to_string(code_levels.size()) + " prizes, " + std::to_string(low) + " low on codes";
}

}  // namespace windfall::app

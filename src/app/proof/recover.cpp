#include "app/proof/recover.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "adapters/codec/event_codec.hpp"
#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/vault/high_water_file.hpp"
#include "adapters/vault/key_seals.hpp"
#include "app/proof/recover_first.hpp"
#include "app/proof/stopped_store.hpp"
#include "domain/lottery/coupons.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::proof {

namespace {

using Marks = std::map<PrizeOfCodes, std::int64_t>;

Result<Marks> read_marks(const RecoverOptions& options) {
  Marks marks;
  if (options.lost) return marks;
  const std::string path = options.high_water.empty() ? options.directory + ".high-water" : options.high_water;
  const Result<std::vector<HighWater::Mark>> read = vault::HighWaterFile::read(path);
  if (!read) return tl::unexpected(read.error());
  for (const HighWater::Mark& mark : *read) marks[mark.prize] = static_cast<std::int64_t>(mark.below);
  return marks;
}

/// The vault forgets rows that no event announces: their ordinals are given to the codes of the next import.
Result<bool> rewind_vault(const RecoverOptions& options, embedded::EmbeddedStore& store, bool gives_any) {
  const std::string path = options.directory + "/" + std::string(sqlite::kCodesFile);
  std::error_code none;
  if (!std::filesystem::exists(path, none)) return true;
  const std::string keys_path = options.master_keys.empty() ? options.directory + ".keys" : options.master_keys;
  // The server makes its master keys at its first start; without a lottery there are no rows to forget before.
  if (!gives_any && !std::filesystem::exists(keys_path, none)) return true;
  const Result<vault::MasterKeys> keys = vault::load_master_keys(keys_path, options.directory);
  if (!keys) return tl::unexpected(keys.error());
  const auto seals = vault::KeySeals::make(*keys);
  if (!seals) return tl::unexpected(seals.error());
  const auto opened = sqlite::SqliteCodeVault::open(path, **seals);
  if (!opened) return tl::unexpected(opened.error());
  const Result<std::vector<CodeVault::Counts>> counts = (*opened)->counts({});
  if (!counts) return tl::unexpected(counts.error());
  for (const CodeVault::Counts& of : *counts) {
    const DefinitionPtr definition = store.find(of.prize.promotion_id);
    const auto prize = definition && definition->promotion.lottery
                           ? prize_index(*definition->promotion.lottery, of.prize.prize_id)
                           : std::nullopt;
    const std::int64_t imported = prize ? store.peek(keys::imported(definition->partition, *prize)) : 0;
    const Result<bool> done = (*opened)->rewind(of.prize, static_cast<std::uint64_t>(imported));
    if (!done) return tl::unexpected(done.error());
  }
  return true;
}

}  // namespace

Result<Recovered> recover(const RecoverOptions& options) {
  Result<Marks> marks = read_marks(options);
  if (!marks && marks.error().code != FailureCode::not_found) return tl::unexpected(marks.error());
  Result<std::unique_ptr<StoppedStore>> opened = StoppedStore::open(options.directory);
  if (!opened) return tl::unexpected(opened.error());
  StoppedStore& stopped = **opened;
  embedded::EmbeddedStore& store = stopped.store;
  const bool gives_any =
      std::ranges::any_of(store.all(), [](const DefinitionPtr& one) { return gives_codes(one->promotion); });
  if (!marks && gives_any) {
    return fail(FailureCode::not_found, marks.error().message +
                                            "; give --high-water, the marks of the server that was lost, or, if they "
                                            "are lost too, --lost, which burns every code that is not assigned");
  }
  if (!marks) marks = Marks{};  // nobody will miss them: there is nothing to burn

  Recovered recovered;
  std::vector<Burned>& burned = recovered.burned;
  std::string events;
  for (const DefinitionPtr& definition : store.all()) {
    if (!definition->promotion.lottery) continue;
    const PartitionNo partition = definition->partition;
    std::uint64_t ahead = 0;
    const std::vector<Prize>& prizes = definition->promotion.lottery->prizes;
    for (std::uint32_t prize = 0; prize < prizes.size(); ++prize) {
      const std::int64_t imported = store.peek(keys::imported(partition, prize));
      const std::int64_t assigned = store.peek(keys::assigned(partition, prize));
      const auto mark = marks->find({.promotion_id = definition->promotion.id, .prize_id = prizes[prize].id});
      const std::int64_t below = options.lost ? imported : (mark == marks->end() ? 0 : mark->second);
      if (!options.lost && below < assigned) {
        recovered.behind.push_back({.prize = {.promotion_id = definition->promotion.id, .prize_id = prizes[prize].id},
                                    .below = static_cast<std::uint64_t>(below)});
      }
      if (below <= assigned) continue;
      codec::encode(stopped.next(*definition, options.now,
                                 CodesBurned{.prize = prize,
                                             .count = below - assigned,
                                             .audit = {.actor = "system",
                                                       .action = "recover",
                                                       .reason = options.lost ? "the marks are lost"
                                                                              : "given out since the backup"}},
                                 ahead++),
                    events);
      burned.push_back({.promotion_id = definition->promotion.id,
                        .prize_id = prizes[prize].id,
                        .count = below - assigned,
                        .left = std::max<std::int64_t>(0, imported - below)});
    }
  }
  for (const auto& [of, below] : *marks) {
    const DefinitionPtr definition = store.find(of.promotion_id);
    const bool known = definition && definition->promotion.lottery &&
                       prize_index(*definition->promotion.lottery, of.prize_id).has_value();
    if (!known) recovered.unknown.push_back({.prize = of, .below = static_cast<std::uint64_t>(below)});
  }
  // The vault first: what a crash leaves undone is done by the repetition.
  if (const auto done = rewind_vault(options, store, gives_any); !done) return tl::unexpected(done.error());
  if (const auto done = stopped.finish(events); !done) return tl::unexpected(done.error());
  // Last: a recovery that did not get here is asked for again.
  if (const auto done = recovered_from_restore(options.directory); !done) return tl::unexpected(done.error());
  return recovered;
}

}  // namespace windfall::proof

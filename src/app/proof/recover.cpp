#include "app/proof/recover.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "adapters/codec/event_codec.hpp"
#include "adapters/embedded/embedded_store.hpp"
#include "adapters/journal/journal.hpp"
#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/system/clock.hpp"
#include "adapters/vault/high_water_file.hpp"
#include "adapters/vault/key_seals.hpp"
#include "app/proof/journal_out.hpp"
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
Result<bool> rewind_vault(const RecoverOptions& options, embedded::EmbeddedStore& store) {
  const std::string path = options.directory + "/" + std::string(sqlite::kCodesFile);
  std::error_code none;
  if (!std::filesystem::exists(path, none)) return true;
  const std::string keys_path = options.master_keys.empty() ? options.directory + ".keys" : options.master_keys;
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

Result<std::vector<Burned>> recover(const RecoverOptions& options) {
  const Result<Marks> marks = read_marks(options);
  if (!marks) return tl::unexpected(marks.error());
  journal::KeyFingerprint fingerprint;
  {
    const auto reading = journal::open_for_reading(journal::real_file_system(), options.directory);
    if (!reading) return tl::unexpected(reading.error());
    fingerprint = reading->record.fingerprint;
  }
  const system::RealClock clock;
  embedded::EmbeddedStore store(clock, {});
  journal::WriterHooks hooks;
  hooks.visit = [&store](const journal::Frame& frame) -> Result<void> {
    const Result<bool> replayed = store.replay(frame.view.body, frame.view.sequence);
    if (!replayed) return tl::unexpected(replayed.error());
    return {};
  };
  hooks.is_erased = [&store](UserRef user) { return store.erased(user); };
  JournalOut journal;
  if (const auto opened = journal.open(options.directory, fingerprint, std::move(hooks)); !opened) {
    return tl::unexpected(opened.error());
  }

  std::vector<Burned> burned;
  std::string events;
  for (const DefinitionPtr& definition : store.all()) {
    if (!definition->promotion.lottery) continue;
    const PartitionNo partition = definition->partition;
    Sequence sequence = store.sequence(partition);
    const std::vector<Prize>& prizes = definition->promotion.lottery->prizes;
    for (std::uint32_t prize = 0; prize < prizes.size(); ++prize) {
      const std::int64_t imported = store.peek(keys::imported(partition, prize));
      const std::int64_t assigned = store.peek(keys::assigned(partition, prize));
      const auto mark = marks->find({.promotion_id = definition->promotion.id, .prize_id = prizes[prize].id});
      const std::int64_t below = options.lost ? imported : (mark == marks->end() ? 0 : mark->second);
      if (below <= assigned) continue;
      ++sequence.value;
      codec::encode(Recorded{.partition = partition,
                             .epoch = store.state().header(partition).epoch,
                             .sequence = sequence,
                             .time = std::max(store.state().header(partition).time, options.now),
                             .revision = definition->revision,
                             .command = std::nullopt,
                             .event = CodesBurned{.prize = prize,
                                                  .count = below - assigned,
                                                  .audit = {.actor = "system",
                                                            .action = "recover",
                                                            .reason = options.lost ? "the marks are lost"
                                                                                   : "given out since the backup"}},
                             .taken = {}},
                    events);
      burned.push_back({.promotion_id = definition->promotion.id,
                        .prize_id = prizes[prize].id,
                        .count = below - assigned,
                        .left = std::max<std::int64_t>(0, imported - below)});
    }
  }
  // The vault first: what a crash leaves undone is done by the repetition.
  if (const auto done = rewind_vault(options, store); !done) return tl::unexpected(done.error());
  if (!events.empty()) {
    if (const auto done = journal.append(events, {}); !done) return tl::unexpected(done.error());
    if (const auto done = journal.settle(); !done) return tl::unexpected(done.error());
  }
  if (const auto done = journal.close(); !done) return tl::unexpected(done.error());
  return burned;
}

}  // namespace windfall::proof

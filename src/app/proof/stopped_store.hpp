// A stopped server's hot state and its journal, open to be written behind: for commands that have to add events.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "adapters/codec/event_codec.hpp"
#include "adapters/embedded/embedded_store.hpp"
#include "adapters/journal/journal.hpp"
#include "adapters/system/clock.hpp"
#include "app/proof/journal_out.hpp"

namespace windfall::proof {

class StoppedStore {
 public:
  /// Replays everything. Failures: not_found (no data directory), conflict (a server uses it), damaged, unavailable,
  /// disk_full.
  static Result<std::unique_ptr<StoppedStore>> open(const std::string& directory) {
    journal::KeyFingerprint fingerprint;
    {
      const auto reading = journal::open_for_reading(journal::real_file_system(), directory);
      if (!reading) return tl::unexpected(reading.error());
      fingerprint = reading->record.fingerprint;
    }
    std::unique_ptr<StoppedStore> stopped(new StoppedStore);
    embedded::EmbeddedStore& store = stopped->store;
    journal::WriterHooks hooks;
    hooks.visit = [&store](const journal::Frame& frame) -> Result<void> {
      const Result<bool> replayed = store.replay(frame.view.body, frame.view.sequence);
      if (!replayed) return tl::unexpected(replayed.error());
      return {};
    };
    hooks.is_erased = [&store](UserRef user) { return store.erased(user); };
    const auto opened = stopped->journal.open(directory, fingerprint, std::move(hooks));
    if (!opened) return tl::unexpected(opened.error());
    return stopped;
  }

  /// The next event of the promotion, at `now` or as late as its last one; `ahead` of it are written before.
  [[nodiscard]] Recorded next(const Definition& definition, Instant now, Event event, std::uint64_t ahead = 0) const {
    const PartitionHeader& header = store.state().header(definition.partition);
    Revision revision = definition.revision;
    if (std::holds_alternative<DefinitionChanged>(event)) ++revision.value;  // such an event names itself
    return {.partition = definition.partition,
            .epoch = header.epoch,
            .sequence = {header.sequence.value + ahead + 1},
            .time = std::max(header.time, now),
            .revision = revision,
            .command = std::nullopt,
            .event = std::move(event),
            .taken = {}};
  }

  /// Writes these events, if any, and closes the journal; nothing can be done with this afterwards.
  Result<bool> finish(std::string_view events) {
    if (!events.empty()) {
      if (const auto done = journal.append(events, {}); !done) return done;
      if (const auto done = journal.settle(); !done) return done;
    }
    return journal.close();
  }

  const system::RealClock clock;
  embedded::EmbeddedStore store{clock, {}};
  JournalOut journal;

 private:
  StoppedStore() = default;
};

}  // namespace windfall::proof

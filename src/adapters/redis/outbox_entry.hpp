// What the outbox keeps of an accepted proposal, and entries of the outbox as events. The payload is opaque to the
// script: everything of the events but what the script assigned, and who the user is.
//
//   payload: version u8 (1) · flags u8 (bit 0 command, bit 1 identity) · [command: hash u64 u64, fingerprint u64]
//            · [identity: reference u64 u64, length u32, id] · per event: length u32, event_codec's encode_event()
// Little-endian. Who is erased stays in the outbox and behind it for as long as those keep anything: seven days at
// most.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/reply.hpp"
#include "application/port/event_log.hpp"
#include "application/port/promotion_store.hpp"
#include "domain/kernel/proposal.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

[[nodiscard]] std::string outbox_payload(const Proposal& proposal, const Identity& identity);

/// One call's acceptances.
struct OutboxEntry {
  struct Kept {
    Recorded recorded;
    std::optional<LogBatch::Named> identity;  ///< beside a proposal's first event
  };
  std::string id;  ///< "<epoch>-<sequence of the last event>", to continue behind and to trim by
  Epoch epoch;
  std::vector<Kept> events;  ///< in order of their sequences
};

/// Reads one entry as XRANGE and XREAD list them: [id, [field, value, ...]]. Failure damaged if it is not of the
/// script's making or its payloads are not of this process's kind.
[[nodiscard]] Result<OutboxEntry> read_outbox_entry(const Reply& entry, PartitionNo partition);

}  // namespace windfall::redis

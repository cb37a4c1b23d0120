// Public ids of an event and of the effect it causes.
#pragma once

#include <cstdint>
#include <string_view>

#include "adapters/codec/encoding.hpp"
#include "domain/kernel/ids.hpp"

namespace windfall::codec {

/// Where an event stands, over all installations and restores. A restore starts a new lineage, so that its events never
/// repeat an id that a partner has seen.
struct EventPlace {
  Uuid lineage;
  std::string_view promotion;
  Epoch epoch;
  Sequence sequence;
  std::uint32_t index = 0;  ///< of several effects of one event
};

struct EventIds {
  Uuid event;
  Uuid effect;  ///< the idempotency key at the partner
};

/// UUIDv8 (RFC 9562): both halves of SHA-256 over lineage, promotion, epoch, sequence and index, each part with its
/// length before it.
[[nodiscard]] EventIds event_ids(const EventPlace& place);

}  // namespace windfall::codec

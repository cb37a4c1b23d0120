// Which node of a Redis Cluster has a key: the key's slot, and the map from slots to masters as the cluster tells it. A
// single server without cluster mode is a map of one master that has every slot.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/reply.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

inline constexpr std::uint16_t kSlots = 16384;

/// Where a server listens.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

/// "host:port", IPv6 with or without brackets; the port follows the last colon. None if there is no port. The host may
/// be empty: a server that does not know its own name says so, and means the name it was asked by.
[[nodiscard]] std::optional<Endpoint> endpoint_of(std::string_view text);
/// As log lines show it.
[[nodiscard]] std::string text_of(const Endpoint& endpoint);

/// CRC-16/XMODEM, as the cluster specification has it.
[[nodiscard]] std::uint16_t crc16(std::string_view bytes);
/// Slot of a key: of what stands between its first '{' and the next '}', if that is not empty; else of all of it.
[[nodiscard]] std::uint16_t slot_of(std::string_view key);

/// A master with the slots it serves and its replicas.
struct Shard {
  Endpoint master;
  std::vector<Endpoint> replicas;
  bool operator==(const Shard&) const = default;
};

class SlotMap {
 public:
  /// Which of a node's ports this client speaks to.
  enum class Ports : unsigned char { plain, tls };

  SlotMap() { owner_.fill(kNobody); }

  /// One server has every slot.
  static SlotMap single(const Endpoint& server);
  /// What CLUSTER SHARDS answered. `asked` stands for hosts that the cluster does not name. damaged: this is no such
  /// answer.
  static Result<SlotMap> from_shards(const Reply& reply, const Endpoint& asked, Ports ports);
  /// What CLUSTER SLOTS answered; its ports are those of the kind of connection that asked.
  static Result<SlotMap> from_slots(const Reply& reply, const Endpoint& asked);

  /// Who serves the slot; nullptr if nobody does.
  [[nodiscard]] const Endpoint* owner(std::uint16_t slot) const;
  /// What MOVED says: from now on `master` serves the slot.
  void move(std::uint16_t slot, const Endpoint& master);

  /// Masters, those without slots that are online included, and those that slots moved to since the map was made.
  [[nodiscard]] const std::vector<Shard>& shards() const { return shards_; }
  [[nodiscard]] bool empty() const { return shards_.empty(); }
  /// True if the servers know nothing of clusters.
  [[nodiscard]] bool alone() const { return alone_; }
  /// Slots that nobody serves.
  [[nodiscard]] std::uint16_t unserved() const;
  [[nodiscard]] bool knows(const Endpoint& node) const;

 private:
  static constexpr std::uint16_t kNobody = 0xFFFF;

  std::uint16_t index_of(const Endpoint& master);

  std::vector<Shard> shards_;
  std::array<std::uint16_t, kSlots> owner_{};  ///< index into shards_
  bool alone_ = false;
};

}  // namespace windfall::redis

#include "adapters/redis/client/slots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace windfall::redis {

namespace {

/// Twice the thousand nodes that the cluster specification aims at.
constexpr std::size_t kMostShards = 2048;

constexpr std::array<std::uint16_t, 256> make_crc_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1;
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}
constexpr std::array<std::uint16_t, 256> kCrcTable = make_crc_table();

tl::unexpected<Failure> no_map(const char* why) {
  return fail(FailureCode::damaged, fmt::format("the cluster's description of itself cannot be read: {}", why));
}

bool is_text(const Reply& reply) { return reply.type == Reply::Type::bulk || reply.type == Reply::Type::simple; }

/// The value behind a key in a flat list of keys and values.
const Reply* value_of(const Reply& map, std::string_view key) {
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == key) return &map.items[i + 1];
  }
  return nullptr;
}

bool is_slot_range(const Reply& first, const Reply& last) {
  return first.type == Reply::Type::integer && last.type == Reply::Type::integer && first.number >= 0 &&
         first.number <= last.number && last.number < kSlots;
}

std::optional<Endpoint> endpoint_from(const Reply* host, const Reply* port, const Endpoint& asked) {
  if (port == nullptr || port->type != Reply::Type::integer || port->number < 1 || port->number > 0xFFFF) {
    return std::nullopt;
  }
  const bool named = host != nullptr && is_text(*host) && !host->text.empty() && host->text != "?";
  return Endpoint{.host = named ? host->text : asked.host, .port = static_cast<std::uint16_t>(port->number)};
}

std::optional<Endpoint> endpoint_of_node(const Reply& node, const Endpoint& asked, SlotMap::Ports ports) {
  const Reply* host = value_of(node, "endpoint");
  if (host == nullptr) host = value_of(node, "ip");
  const Reply* port = value_of(node, ports == SlotMap::Ports::tls ? "tls-port" : "port");
  return endpoint_from(host, port, asked);
}

}  // namespace

std::optional<Endpoint> endpoint_of(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return Endpoint{.host = std::string(host), .port = port};
}

std::string text_of(const Endpoint& endpoint) {
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", endpoint.host, endpoint.port) : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

std::uint16_t crc16(std::string_view bytes) {
  unsigned crc = 0;
  for (const char c : bytes)
    crc = ((crc << 8) ^ kCrcTable[((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xFFU]) & 0xFFFFU;
  return static_cast<std::uint16_t>(crc);
}

std::uint16_t slot_of(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % kSlots;
}

SlotMap SlotMap::single(const Endpoint& server) {
  SlotMap map;
  map.alone_ = true;
  map.owner_.fill(map.index_of(server));
  return map;
}

Result<SlotMap> SlotMap::from_shards(const Reply& reply, const Endpoint& asked, Ports ports) {
  if (reply.type != Reply::Type::array) return no_map("no list of shards");
  if (reply.items.size() > kMostShards) return no_map("too many shards");
  SlotMap map;
  for (const Reply& shard : reply.items) {
    const Reply* slots = value_of(shard, "slots");
    const Reply* nodes = value_of(shard, "nodes");
    if (slots == nullptr || nodes == nullptr || slots->items.size() % 2 != 0)
      return no_map("a shard without slots or nodes");
    std::optional<Endpoint> master;
    std::vector<Endpoint> replicas;
    for (const Reply& node : nodes->items) {
      const std::optional<Endpoint> endpoint = endpoint_of_node(node, asked, ports);
      const Reply* role = value_of(node, "role");
      const Reply* health = value_of(node, "health");
      if (!endpoint || role == nullptr) continue;  // it has no port of this kind
      const bool online = health == nullptr || health->text == "online";
      if (!online && slots->items.empty()) continue;  // a dead master whose slots a replica has taken over
      if (role->text != "master") {
        replicas.push_back(*endpoint);
      } else if (!master || online) {
        master = endpoint;
      }
    }
    if (!master) continue;
    const std::uint16_t index = map.index_of(*master);
    map.shards_[index].replicas = std::move(replicas);
    for (std::size_t i = 0; i + 1 < slots->items.size(); i += 2) {
      if (!is_slot_range(slots->items[i], slots->items[i + 1])) return no_map("slots out of range");
      std::fill(map.owner_.begin() + slots->items[i].number, map.owner_.begin() + slots->items[i + 1].number + 1,
                index);
    }
  }
  return map;
}

Result<SlotMap> SlotMap::from_slots(const Reply& reply, const Endpoint& asked) {
  if (reply.type != Reply::Type::array) return no_map("no list of slots");
  if (reply.items.size() > kSlots) return no_map("too many ranges");
  SlotMap map;
  for (const Reply& range : reply.items) {
    if (range.items.size() < 3 || !is_slot_range(range.items[0], range.items[1])) return no_map("slots out of range");
    std::vector<Endpoint> nodes;
    for (std::size_t i = 2; i < range.items.size(); ++i) {
      const Reply& node = range.items[i];
      if (node.items.size() < 2) return no_map("a node without a port");
      const std::optional<Endpoint> endpoint = endpoint_from(&node.items[0], &node.items[1], asked);
      if (!endpoint) return no_map("a node without a port");
      nodes.push_back(*endpoint);
    }
    if (map.shards_.size() >= kMostShards) return no_map("too many shards");
    const std::uint16_t index = map.index_of(nodes.front());
    map.shards_[index].replicas.assign(nodes.begin() + 1, nodes.end());
    std::fill(map.owner_.begin() + range.items[0].number, map.owner_.begin() + range.items[1].number + 1, index);
  }
  return map;
}

const Endpoint* SlotMap::owner(std::uint16_t slot) const {
  const std::uint16_t index = owner_[slot % kSlots];
  return index == kNobody ? nullptr : &shards_[index].master;
}

void SlotMap::move(std::uint16_t slot, const Endpoint& master) {
  if (shards_.size() >= kMostShards) return;  // the refresh that follows knows better
  owner_[slot % kSlots] = index_of(master);
}

std::uint16_t SlotMap::unserved() const {
  return static_cast<std::uint16_t>(std::count(owner_.begin(), owner_.end(), kNobody));
}

bool SlotMap::knows(const Endpoint& node) const {
  return std::any_of(shards_.begin(), shards_.end(), [&](const Shard& shard) {
    return shard.master == node ||
           std::find(shard.replicas.begin(), shard.replicas.end(), node) != shard.replicas.end();
  });
}

std::uint16_t SlotMap::index_of(const Endpoint& master) {
  const auto found =
      std::find_if(shards_.begin(), shards_.end(), [&](const Shard& shard) { return shard.master == master; });
  if (found != shards_.end()) return static_cast<std::uint16_t>(found - shards_.begin());
  shards_.push_back({.master = master, .replicas = {}});
  return static_cast<std::uint16_t>(shards_.size() - 1);
}

}  // namespace windfall::redis

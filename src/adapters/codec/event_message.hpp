// An event as a CloudEvents 1.0 message in Kafka's binary mode: the attributes as headers, the event's JSON as value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_json.hpp"

namespace windfall::codec {

/// Key and subject of what belongs to no promotion (pause-all, keys, the intake); never a promotion's id.
inline constexpr std::string_view kSystemSubject = "{windfall}";
inline constexpr std::string_view kJsonType = "application/json";

/// A message without its topic. `name` of a header is a literal.
struct EventMessage {
  struct Header {
    std::string_view name;
    std::string value;
  };
  std::string key;
  std::string value;
  std::vector<Header> headers;
};

/// Fills `message`, whose memory is used again. `id` is the event's public id (see event_ids), `source` a URI reference
/// that names the installation.
void write_event_message(EventMessage& message, const Recorded& recorded, std::string_view promotion_id, const Uuid& id,
                         std::string_view source, const NameOf& name_of);

}  // namespace windfall::codec

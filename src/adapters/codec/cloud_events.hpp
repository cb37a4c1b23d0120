// CloudEvents 1.0 as JSON, one or a batch: what a page or a collector saw, to be judged later. Strict where it becomes
// a ticket (type and data), open where the format is meant to grow: extension attributes are accepted and not kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/codec/json_in.hpp"
#include "domain/kernel/event.hpp"

namespace windfall::codec {

/// Events of one batch: all of them become durable in one journal frame, and the frame must stay small.
inline constexpr std::size_t kMaxCloudEvents = 1000;
/// Characters of `source` and `id`: a URI with a query fits; nothing longer is needed to tell events apart.
inline constexpr std::size_t kMaxEventName = 1024;
/// Characters of an invite token: the longest one that is ever made has 130.
inline constexpr std::size_t kMaxInviteToken = 200;

struct CloudEvent {
  std::string source;
  std::string id;
  Inbound::Type type = Inbound::Type::page_visited;
  std::string user_id;
  std::string about;  ///< promotion id, or the invite's token
  bool operator==(const CloudEvent&) const = default;
};

/// The name of a type in CloudEvents: "promotion.page.visited", …
[[nodiscard]] std::string_view name_of(Inbound::Type type);

/// application/cloudevents+json: one event.
[[nodiscard]] Decoded<std::vector<CloudEvent>> decode_cloud_event(std::string_view body);
/// application/cloudevents-batch+json: an array of events, valid as a whole or not at all; may be empty.
[[nodiscard]] Decoded<std::vector<CloudEvent>> decode_cloud_event_batch(std::string_view body);

/// Kafka's binary mode: attributes come apart from the data. Rules and messages as above; the pointers are those of the
/// event that attributes and data make up together. `attributes`: names without "ce_", and "datacontenttype".
using CloudAttributes = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] Decoded<CloudEvent> decode_cloud_event(const CloudAttributes& attributes, std::string_view data);
/// The data of an event, as JSON.
[[nodiscard]] std::string cloud_event_data(Inbound::Type type, std::string_view user_id, std::string_view about);

/// What an event is remembered by: a hash of its source and id, and of the participant who sent it (zero for a trusted
/// sender), so that nobody can use up the ids of events about others.
[[nodiscard]] std::array<std::uint8_t, 16> inbound_id(UserRef sender, std::string_view source, std::string_view id);

}  // namespace windfall::codec

#include "adapters/codec/event_message.hpp"

#include <array>

#include "adapters/codec/time_text.hpp"

namespace windfall::codec {

namespace {

constexpr std::string_view kPrefix = "windfall.";
/// Schemas are named, not located: docs/events/ has them, wherever that is published.
constexpr std::string_view kSchemaPrefix = "urn:windfall:event:";

constexpr std::array<std::string_view, 9> kNames{"ce_specversion",  "ce_id",         "ce_source",
                                                 "ce_type",         "ce_time",       "ce_subject",
                                                 "ce_partitionkey", "ce_dataschema", "content-type"};

}  // namespace

void write_event_message(EventMessage& message, const Recorded& recorded, std::string_view promotion_id, const Uuid& id,
                         std::string_view source, const NameOf& name_of) {
  const std::string_view subject = promotion_id.empty() ? kSystemSubject : promotion_id;
  const std::string_view type = type_name(recorded.event);
  message.key = subject;
  message.value.clear();
  append_event_json(message.value, recorded, promotion_id, name_of);
  if (message.headers.size() != kNames.size()) {
    message.headers.clear();
    for (const std::string_view name : kNames) message.headers.push_back({.name = name, .value = {}});
  }
  std::size_t next = 0;
  const auto put = [&]() -> std::string& {
    std::string& value = message.headers[next++].value;
    value.clear();
    return value;
  };
  put() = "1.0";
  append_uuid(put(), id);
  put() = source;
  put() = type;
  append_instant(put(), recorded.time);
  put() = subject;
  put() = subject;
  put().append(kSchemaPrefix).append(type.substr(kPrefix.size()));
  put() = kJsonType;
}

}  // namespace windfall::codec

// Any bytes as events: they end in events that can be kept, or in a complaint that has a place.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "adapters/codec/cloud_events.hpp"
#include "adapters/codec/utf8.hpp"

namespace {

using namespace windfall::codec;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const Decoded<std::vector<CloudEvent>>& events) {
  if (!events) {
    require(events.error().not_json ? !events.error().where.empty() : !events.error().errors.empty());
    return;
  }
  require(events->size() <= kMaxCloudEvents);
  for (const CloudEvent& event : *events) {
    require(!event.source.empty() && !event.id.empty() && !event.about.empty() && valid_user_id(event.user_id));
    require(!name_of(event.type).empty() && is_utf8(event.about) && is_utf8(event.source) && is_utf8(event.id));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body{reinterpret_cast<const char*>(data), size};
  check(decode_cloud_event(body));
  check(decode_cloud_event_batch(body));
  return 0;
}

// Any bytes: an event that is read has one spelling, which reads back as the same event; all else is a failure. The
// same bytes as the data of a CloudEvent in Kafka's binary mode do no harm either.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/codec/cloud_events.hpp"
#include "adapters/codec/event_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace windfall;
  const std::string_view in{reinterpret_cast<const char*>(data), size};
  const auto read = codec::read_event_json(in);
  if (read) {
    const codec::NameOf names = [&read](UserRef user) -> std::string_view {
      for (const auto& named : read->identities) {
        if (named.user == user) return named.id;
      }
      return {};
    };
    std::string again;
    codec::append_event_json(again, read->recorded, read->promotion_id, names);
    const auto twice = codec::read_event_json(again);
    if (!twice || !(twice->recorded == read->recorded) || twice->promotion_id != read->promotion_id) std::abort();
  } else if (read.error().code != FailureCode::invalid) {
    std::abort();
  }
  static_cast<void>(codec::decode_cloud_event(
      {{"specversion", "1.0"}, {"id", std::string(in)}, {"source", "s"}, {"type", "promotion.shared"}}, in));
  return 0;
}

#include "adapters/redis/epoch_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace windfall::redis {

namespace {

/// Keys that one call gives back: unlinking is cheap, their names are what takes room.
constexpr std::uint32_t kUnlinkedAtOnce = 500;

tl::unexpected<Failure> not_understood(const Reply& reply) {
  if (reply.type == Reply::Type::error) return fail(FailureCode::unavailable, "redis: " + reply.text);
  return fail(FailureCode::damaged, "redis: a reply that the script does not make");
}

bool is_pair(const Reply& reply) { return reply.type == Reply::Type::array && reply.items.size() == 2; }

}  // namespace

Arguments open_call(const Place& place, std::string header_key, std::optional<Instant> time) {
  return {"FCALL",
          "open_5",
          "1",
          std::move(header_key),
          std::to_string(place.epoch.value),
          std::to_string(place.buckets),
          time ? std::to_string(time->ms) : "-"};
}

Result<Header> read_open_reply(const Reply& reply) {
  if (!is_pair(reply)) return not_understood(reply);
  return read_header(reply.items[1].text);
}

std::vector<Arguments> unlink_calls(const Place& place) {
  std::vector<std::string> keys{place.filled_header(), place.definition(), place.counters(), place.commands(0),
                                place.commands(1)};
  std::vector<Arguments> calls;
  const auto flush = [&] {
    Arguments call{"FCALL", "unlink_5", std::to_string(keys.size() + 1), place.header()};
    for (std::string& key : keys) call.push_back(std::move(key));
    call.push_back(std::to_string(place.epoch.value));
    calls.push_back(std::move(call));
    keys.clear();
  };
  for (std::uint32_t bucket = 0; bucket < place.buckets; ++bucket) {
    keys.push_back(place.bucket(bucket));
    if (keys.size() >= kUnlinkedAtOnce) flush();
  }
  if (!keys.empty()) flush();
  return calls;
}

Arguments register_call(std::string_view promotion_id) {
  return {"FCALL", "register_5", "1", std::string(kRegistryKey), std::string(promotion_id)};
}

Result<PartitionNo> read_register_reply(const Reply& reply) {
  PartitionNo number;
  const char* end = reply.text.data() + reply.text.size();
  const auto [stop, problem] = std::from_chars(reply.text.data(), end, number.value);
  if (reply.type == Reply::Type::error || problem != std::errc{} || stop != end || number == kSystemPartition) {
    return not_understood(reply);
  }
  return number;
}

}  // namespace windfall::redis

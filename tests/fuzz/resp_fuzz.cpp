// Any bytes as replies of Redis: whole and cut in two they end in the same replies within the limits, or in a
// complaint.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "adapters/redis/client/resp.hpp"

namespace {

using namespace windfall::redis;

void require(bool condition) {
  if (!condition) std::abort();
}

/// A digest of a reply; its parts are within the limits.
std::uint64_t weigh(const Reply& reply, std::size_t depth) {
  require(depth <= kMostReplyDepth && reply.items.size() <= kMostReplyItems && reply.text.size() <= kMostReplyBytes);
  std::uint64_t weight = static_cast<std::uint64_t>(reply.type) + static_cast<std::uint64_t>(reply.number);
  for (const char byte : reply.text) weight = weight * 31 + static_cast<unsigned char>(byte);
  for (const Reply& item : reply.items) weight = weight * 37 + weigh(item, depth + 1);
  return weight;
}

struct Found {
  std::uint64_t weight = 0;
  bool broken = false;
  bool operator==(const Found&) const = default;
};

void read(ReplyParser& parser, std::string_view bytes, Found& found) {
  parser.feed(bytes);
  while (!found.broken) {
    const auto reply = parser.next();
    found.broken = !reply.has_value();
    if (!reply || !*reply) return;
    found.weight = found.weight * 41 + weigh(**reply, 0) + 1;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  ReplyParser at_once;
  Found whole;
  read(at_once, bytes, whole);
  const std::size_t cut = data[0] % size;
  ReplyParser in_two;
  Found pieces;
  read(in_two, bytes.substr(0, cut), pieces);
  read(in_two, bytes.substr(cut), pieces);
  require(whole == pieces);
  return 0;
}

// Any bytes as a body that is cut into chunks of the sizes that the first bytes say, with extensions and a trailer: it
// is decoded to the same bytes however it arrives, and not one byte behind it is taken; one byte above the limit is
// 413.
#include <string>

#include "adapters/http/transport/chunked_body.hpp"
#include "fuzz/honest.hpp"

namespace {

using namespace windfall::fuzz;
using namespace windfall::http;

constexpr std::string_view kBehind = "GET / HTTP/1.1\r\n";

std::string in_chunks(std::string_view body, std::size_t chunk, std::size_t extension) {
  constexpr std::string_view kDigits = "0123456789aBcDeF";
  std::string bytes;
  for (std::size_t at = 0; at < body.size(); at += chunk) {
    const std::string_view one = body.substr(at, chunk);
    if (one.size() >= 256) bytes += kDigits[one.size() / 256];
    bytes += {kDigits[one.size() / 16 % 16], kDigits[one.size() % 16]};
    bytes.append(at % 2 == 0 ? "" : ";" + std::string(extension % 8, 'x')).append("\r\n").append(one).append("\r\n");
  }
  return bytes + "000\r\nX: y\r\n\r\n";
}

/// Feeds it piece by piece; what was not consumed comes again. Ends as the last call did, with all that was consumed.
ChunkedBody::Progress fed(ChunkedBody& body, std::string_view bytes, std::size_t piece) {
  ChunkedBody::Progress progress;
  std::size_t consumed = 0;
  for (std::size_t end = piece; !progress.complete && !progress.violation; end += piece) {
    const std::vector<char> input = exactly(bytes.substr(consumed, end - consumed));
    progress = body.feed(view_of(input));
    require(progress.consumed <= input.size());
    consumed += progress.consumed;
    if (end >= bytes.size()) break;
  }
  progress.consumed = consumed;
  return progress;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes says(data, size);
  const std::size_t piece = says.byte() + 1;
  const std::size_t chunk = (says.byte() << 4U) + 1;
  const std::size_t extension = says.byte();
  const std::string_view body = says.rest();
  const std::string bytes = in_chunks(body, chunk, extension);

  ChunkedBody enough(body.size());
  const ChunkedBody::Progress whole = fed(enough, bytes + std::string(kBehind), piece);
  require(whole.complete && !whole.violation && whole.consumed == bytes.size() && enough.body() == body);
  if (body.empty()) return 0;
  ChunkedBody too_small(body.size() - 1);
  const ChunkedBody::Progress refused = fed(too_small, bytes, piece);
  require(!refused.complete && refused.violation && refused.violation == Violation::body_too_large);
  return 0;
}

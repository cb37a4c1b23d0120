// Any bytes: a record that is read encodes to the very bytes it was read from; all else is a failure that takes
// nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/codec/event_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view in{reinterpret_cast<const char*>(data), size};
  while (!in.empty()) {
    const std::string_view before = in;
    const auto decoded = windfall::codec::decode(in);
    if (!decoded) {
      if (in.data() != before.data() || in.size() != before.size()) std::abort();
      if (decoded.error().code != windfall::FailureCode::damaged) std::abort();
      break;
    }
    std::string again;
    windfall::codec::encode(*decoded, again);
    if (again != before.substr(0, before.size() - in.size())) std::abort();
  }
  return 0;
}

// Any bytes as a query, a cursor and a part of a path: refused, or read as what writes them again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/utf8.hpp"
#include "adapters/http/api/query.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace windfall;
  const std::string text(reinterpret_cast<const char*>(data), size);

  require(codec::percent_decode(codec::percent_encode(text)) == text);
  (void)codec::percent_decode(text);

  http::Query query(text);
  for (const char* name : {"limit", "cursor", "userId", ""}) {
    const auto value = query.text(name);
    require(!value || codec::is_utf8(*value));
  }
  const int limit = query.limit(7);
  require(limit >= 1 && limit <= http::kMaxLimit);
  (void)query.day("from");
  (void)query.identifier("promotionId");
  (void)query.errors();

  for (std::size_t parts = 0; parts <= 3; ++parts) {
    if (const auto read = http::read_cursor("draws", text, parts)) {
      require(read->size() == parts && http::read_cursor("draws", http::make_cursor("draws", *read), parts) == read);
    }
  }
  const std::vector<std::string> written{text.substr(0, size / 2), text.substr(size / 2)};
  require(http::read_cursor("draws", http::make_cursor("draws", written), 2) == written);
  return 0;
}

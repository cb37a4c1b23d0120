#include "adapters/codec/storable_text.hpp"

#include "adapters/codec/utf8.hpp"

namespace windfall::codec {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

bool is_storable(std::string_view text) { return text.find('\0') == std::string_view::npos && is_utf8(text); }

std::string storable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t good = first_bad_utf8(text);
    if (good == std::string_view::npos) good = text.size();
    for (const char c : text.substr(0, good)) {
      if (c == '\0') {
        out += kReplacement;
      } else {
        out += c;
      }
    }
    text.remove_prefix(good);
    if (text.empty()) break;
    out += kReplacement;
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace windfall::codec

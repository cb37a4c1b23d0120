#include "adapters/http/api/static/fill.hpp"

#include <algorithm>

namespace windfall::http {

std::string fill(std::string_view page, std::initializer_list<Filling> fillings) {
  std::string result;
  while (!page.empty()) {
    const std::size_t open = page.find("{{");
    result += page.substr(0, open);
    if (open == std::string_view::npos) break;
    page.remove_prefix(open + 2);
    const std::size_t close = page.find("}}");
    const std::string_view name = page.substr(0, close);
    const auto* const filling = std::ranges::find(fillings, name, &Filling::name);
    if (filling != fillings.end()) result += filling->text;
    page.remove_prefix(close == std::string_view::npos ? page.size() : close + 2);
  }
  return result;
}

std::string html_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace windfall::http

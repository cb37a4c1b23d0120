#include "adapters/http/api/language.hpp"

#include <optional>

namespace windfall::http {

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_language(std::string_view range, char first, char second) {
  const auto lower = [](char c) { return static_cast<char>(c | 0x20); };
  return range.size() >= 2 && lower(range[0]) == first && lower(range[1]) == second &&
         (range.size() == 2 || range[2] == '-');
}

/// Weight of one range in thousandths; a weight that cannot be read counts as none given.
int weight_of(std::string_view parameters) {
  const std::size_t q = parameters.find("q=");
  if (q == std::string_view::npos) return 1000;
  std::string_view digits = trim(parameters.substr(q + 2));
  int weight = 0;
  int scale = 1000;
  for (const char c : digits) {
    if (c == '.') continue;
    if (c < '0' || c > '9' || scale == 0) break;
    weight += (c - '0') * scale;
    scale /= 10;
  }
  return weight;
}

}  // namespace

Language preferred_language(std::string_view accept_language) {
  std::optional<int> korean;
  std::optional<int> english;
  std::optional<int> any;
  while (!accept_language.empty()) {
    const std::size_t comma = accept_language.find(',');
    const std::string_view entry = accept_language.substr(0, comma);
    accept_language = comma == std::string_view::npos ? std::string_view{} : accept_language.substr(comma + 1);
    const std::size_t semicolon = entry.find(';');
    const std::string_view range = trim(entry.substr(0, semicolon));
    const int weight = semicolon == std::string_view::npos ? 1000 : weight_of(entry.substr(semicolon + 1));
    // Between equal weights the earlier one is preferred.
    if (is_language(range, 'k', 'o') && weight > korean.value_or(-1)) korean = english == weight ? weight - 1 : weight;
    if (is_language(range, 'e', 'n') && weight > english.value_or(-1)) english = korean == weight ? weight - 1 : weight;
    if (range == "*") any = weight;
  }
  // What is named comes before what '*' stands for, at equal weights.
  if (!korean && any) korean = english == *any ? *any - 1 : *any;
  if (!english && any) english = korean == *any ? *any - 1 : *any;
  return english.value_or(0) > korean.value_or(0) ? Language::en : Language::ko;
}

}  // namespace windfall::http

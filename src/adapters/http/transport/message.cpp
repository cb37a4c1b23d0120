#include "adapters/http/transport/message.hpp"

#include <algorithm>

namespace windfall::http {

namespace {

// Only A..Z differ from their lower case in header names; the locale must not have a say.
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is_named(const HeaderField& field, std::string_view lower_case_name) {
  if (field.name.size() != lower_case_name.size()) return false;
  for (std::size_t i = 0; i < lower_case_name.size(); ++i) {
    if (lower(field.name[i]) != lower_case_name[i]) return false;
  }
  return true;
}

}  // namespace

// A request has some five headers, told apart by their length nearly always: a scan is cheaper than any index.
std::string_view Request::header(std::string_view lower_case_name) const {
  for (const HeaderField& field : headers_) {
    if (is_named(field, lower_case_name)) return field.value;
  }
  return {};
}

std::size_t Request::header_count(std::string_view lower_case_name) const {
  return static_cast<std::size_t>(std::count_if(
      headers_.begin(), headers_.end(), [&](const HeaderField& field) { return is_named(field, lower_case_name); }));
}

void Response::add_header(std::string_view name, std::string_view value) {
  headers.append(name).append(": ");
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    headers.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
  }
  headers.append("\r\n");
}

}  // namespace windfall::http

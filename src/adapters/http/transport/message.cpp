#include "adapters/http/transport/message.hpp"

#include <cstdint>
#include <cstring>

namespace windfall::http {

namespace {

// Of all bytes that a header name may have, only A..Z become letters, digits or a hyphen by this bit.
constexpr char kLowerBit = 0x20;

bool is_named(const HeaderField& field, std::string_view lower_case_name) {
  if (field.name.size() != lower_case_name.size()) return false;
  const char* name = field.name.data();
  const char* wanted = lower_case_name.data();
  std::size_t left = lower_case_name.size();
  for (; left >= 8; left -= 8, name += 8, wanted += 8) {
    std::uint64_t has = 0;
    std::uint64_t wants = 0;
    std::memcpy(&has, name, sizeof has);
    std::memcpy(&wants, wanted, sizeof wants);
    if ((has | (0x0101010101010101U * kLowerBit)) != wants) return false;
  }
  for (; left > 0; --left, ++name, ++wanted) {
    if (static_cast<char>(*name | kLowerBit) != *wanted) return false;
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

Request::Lines Request::header_lines(std::string_view lower_case_name) const {
  Lines lines;
  for (const HeaderField& field : headers_) {
    if (is_named(field, lower_case_name) && lines.count++ == 0) lines.first = field.value;
  }
  return lines;
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

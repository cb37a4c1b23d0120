#include "adapters/http/auth/json.hpp"

namespace windfall::http {

Json parse_object(std::string_view text) {
  json_error_t error;
  Json value(json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, &error));
  return json_is_object(value.get()) ? std::move(value) : Json{};
}

std::optional<std::string_view> text_of(const json_t* value) {
  if (!json_is_string(value)) return std::nullopt;
  return std::string_view(json_string_value(value), json_string_length(value));
}

}  // namespace windfall::http

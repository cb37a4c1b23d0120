// Reading a refusal as text, so that a table row can name it.
#pragma once

#include <string>

#include "adapters/codec/json_in.hpp"

namespace windfall::codec {

/// "/a: is required; /b: unknown member", "not JSON at line 1, column 2", "in progress: …"
inline std::string as_text(const BadInput& bad) {
  if (bad.not_json) return "not JSON at " + bad.where;
  std::string text = bad.in_progress ? "in progress: " : "";
  for (const FieldError& error : bad.errors) {
    if (&error != &bad.errors.front()) text += "; ";
    text += error.pointer + ": " + error.detail_en;
    if (error.detail_ko.empty()) text += " (Korean is missing)";
  }
  return text;
}

template <class T>
std::string refusal_of(const Decoded<T>& decoded) {
  return decoded ? "accepted" : as_text(decoded.error());
}

}  // namespace windfall::codec

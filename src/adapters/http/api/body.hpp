// Reading request bodies: Content-Type first, then strict JSON.
#pragma once

#include <optional>
#include <utility>

#include "adapters/codec/object_reader.hpp"
#include "adapters/http/api/api.hpp"

namespace windfall::http {

/// A Content-Type is needed only with a body. `subtype` is what follows "application/".
[[nodiscard]] bool is_json_type(std::string_view content_type, std::string_view subtype);

template <class Read>
auto Api::read_body(Call& call, Read read) {
  using T = decltype(read(std::declval<codec::ObjectReader&>()));
  if (!call.request->body.empty() && !is_json_type(call.request->header("content-type"), "json")) {
    send(call, problem_with("INVALID_REQUEST", 415,
                            call.language == Language::ko ? "Content-Type은 application/json이어야 합니다"
                                                          : "Content-Type must be application/json",
                            call.language, call.request->path, ",\"errors\":[]"));
    return std::optional<T>{};
  }
  codec::Decoded<T> decoded = codec::decode_object(call.request->body, std::move(read));
  if (!decoded) {
    send(call, bad_input(decoded.error(), call.language, call.request->path));
    return std::optional<T>{};
  }
  return std::optional<T>{std::move(*decoded)};
}

}  // namespace windfall::http

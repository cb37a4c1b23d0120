// Reading request bodies: what they are said to be first, then strict JSON.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/codec/object_reader.hpp"
#include "adapters/http/api/api.hpp"

namespace windfall::http {

/// What a call takes as a body.
struct BodyTypes {
  std::array<std::string_view, 2> media;  ///< in lower case; the second may be empty
  std::string_view ko;                    ///< what a refusal says
  std::string_view en;
};
inline constexpr BodyTypes kJsonBody{.media = {"application/json", ""},
                                     .ko = "Content-Type은 application/json이어야 합니다",
                                     .en = "Content-Type must be application/json"};

/// Whether a Content-Type is `media`, whatever its parameters.
[[nodiscard]] bool is_media_type(std::string_view content_type, std::string_view media);

/// The refusal of a body by its headers: 415 for another type, charset or coding, 400 for two types. Asked with a body
/// only: without one nothing has to be said about it.
[[nodiscard]] std::optional<Answer> wrong_body(const Call& call, const BodyTypes& types);

/// Characters of an operator's reason.
inline constexpr std::size_t kMaxReason = 1000;
/// The member `reason` of an operator's call, without the blanks around it; there has to be something left.
[[nodiscard]] std::string read_reason(codec::ObjectReader& reader);

template <class Read>
auto Api::read_body(Call& call, Read read) {
  using T = decltype(read(std::declval<codec::ObjectReader&>()));
  if (!call.request->body.empty()) {
    if (std::optional<Answer> wrong = wrong_body(call, kJsonBody)) {
      send(call, std::move(*wrong));
      return std::optional<T>{};
    }
  }
  codec::Decoded<T> decoded = codec::decode_object(call.request->body, std::move(read));
  if (!decoded) {
    send(call, bad_input(decoded.error(), call.language, call.request->path));
    return std::optional<T>{};
  }
  return std::optional<T>{std::move(*decoded)};
}

}  // namespace windfall::http

#include "adapters/codec/json_in.hpp"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <limits>
#include <optional>
#include <unordered_set>
#include <utility>

#include "adapters/codec/text_place.hpp"
#include "adapters/codec/utf8.hpp"

namespace windfall::codec {

namespace {

namespace json = boost::json;

/// Builds the tree from the parser's calls. The parser's own tree would hide what has to be refused: duplicate names
/// and inexact numbers.
class TreeBuilder {
 public:
  // Names and types below are what boost::json::basic_parser asks of its handler.
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
  using error_code = json::error_code;
  using string_view = json::string_view;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return open({JsonValue::Object{}}); }
  bool on_object_end(std::size_t, error_code&) { return close(); }
  bool on_array_begin(error_code&) { return open({JsonValue::Array{}}); }
  bool on_array_end(std::size_t, error_code&) { return close(); }
  bool on_key_part(string_view part, std::size_t, error_code&) { return collect(part); }
  bool on_key(string_view part, std::size_t, error_code& ec) {
    collect(part);
    Frame& frame = open_.back();
    frame.name = std::exchange(text_, {});
    if (frame.names.insert(frame.name).second) return true;
    duplicate_ = frame.name;
    ec = json::error::syntax;
    return false;
  }
  bool on_string_part(string_view part, std::size_t, error_code&) { return collect(part); }
  bool on_string(string_view part, std::size_t, error_code&) {
    collect(part);
    return put({std::exchange(text_, {})});
  }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t value, string_view, error_code&) { return put({value}); }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return put({InexactNumber::out_of_range}); }
  bool on_double(double value, string_view text, error_code&) {
    // An integer of too many digits arrives as a double as well; with a point or an exponent it is a fraction to us,
    // whatever its value.
    const bool integer = text.find_first_of(".eE") == string_view::npos && (value > 9e18 || value < -9e18);
    return put({integer ? InexactNumber::out_of_range : InexactNumber::fraction});
  }
  bool on_bool(bool value, error_code&) { return put({value}); }
  bool on_null(error_code&) { return put({nullptr}); }
  bool on_comment_part(string_view, error_code&) { return false; }
  bool on_comment(string_view, error_code&) { return false; }

  [[nodiscard]] const std::optional<std::string>& duplicate() const { return duplicate_; }
  JsonValue take() { return std::move(root_); }

  /// Where the value that comes next belongs.
  [[nodiscard]] std::string pointer() const {
    std::string result;
    for (const Frame& frame : open_) {
      const auto* array = frame.value.get_if<JsonValue::Array>();
      result = array != nullptr ? pointer_to(result, array->size()) : pointer_to(result, frame.name);
    }
    return result;
  }

 private:
  struct Frame {
    JsonValue value;
    std::string name;  ///< of the member being read
    std::unordered_set<std::string> names;
  };

  bool collect(string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool open(JsonValue container) {
    open_.push_back({.value = std::move(container), .name = {}, .names = {}});
    return true;
  }
  bool close() {
    JsonValue done = std::move(open_.back().value);
    open_.pop_back();
    return put(std::move(done));
  }
  bool put(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Frame& frame = open_.back();
    if (auto* array = std::get_if<JsonValue::Array>(&frame.value.value)) {
      array->push_back(std::move(value));
    } else {
      std::get<JsonValue::Object>(frame.value.value).push_back({std::move(frame.name), std::move(value)});
    }
    return true;
  }

  JsonValue root_;
  std::vector<Frame> open_;               ///< containers that are not closed yet, outermost first
  std::string text_;                      ///< parts of the key or string being read
  std::optional<std::string> duplicate_;  ///< the name that stopped the parser
};

BadInput not_json(std::string_view body, std::size_t offset, std::string en, std::string ko) {
  const TextPlace place = place_at(body, offset);
  return {.not_json = true,
          .in_progress = false,
          .where = english(place),
          .where_ko = korean(place),
          .detail_en = std::move(en),
          .detail_ko = std::move(ko),
          .errors = {}};
}

BadInput wrong(std::string pointer, std::string en, std::string ko) {
  return {.not_json = false,
          .in_progress = false,
          .where = {},
          .where_ko = {},
          .detail_en = {},
          .detail_ko = {},
          .errors = {{.pointer = std::move(pointer), .detail_en = std::move(en), .detail_ko = std::move(ko)}}};
}

BadInput explain(std::string_view body, std::size_t offset, const json::error_code& ec, const TreeBuilder& builder) {
  if (builder.duplicate()) {
    return not_json(body, offset, fmt::format("the name \"{}\" appears twice in one object", *builder.duplicate()),
                    fmt::format("한 객체 안에 같은 이름 \"{}\"이(가) 두 번 나옵니다", *builder.duplicate()));
  }
  if (ec == json::error::too_deep) {
    return not_json(body, offset, fmt::format("nested deeper than {} levels", kMaxJsonDepth),
                    fmt::format("중첩이 {}단계를 넘습니다", kMaxJsonDepth));
  }
  if (ec == json::error::exponent_overflow) {  // valid JSON, but no integer
    return wrong(builder.pointer(), "must be an integer", "정수여야 합니다");
  }
  if (ec == json::error::illegal_leading_surrogate || ec == json::error::illegal_trailing_surrogate ||
      ec == json::error::expected_utf16_escape) {
    return not_json(body, offset, "a surrogate without its other half", "짝이 없는 서로게이트 문자가 있습니다");
  }
  if (ec == json::error::incomplete)
    return not_json(body, offset, "the JSON text ends too early", "JSON이 중간에 끝났습니다");
  return not_json(body, offset, "not valid JSON: " + ec.message(), "올바른 JSON이 아닙니다");
}

}  // namespace

Decoded<JsonValue> parse_json(std::string_view body) {
  if (const std::size_t bad = first_bad_utf8(body); bad != std::string_view::npos) {
    return tl::unexpected(not_json(body, bad, "not valid UTF-8", "올바른 UTF-8이 아닙니다"));
  }
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  json::basic_parser<TreeBuilder> parser(options);
  json::error_code ec;
  const std::size_t read = parser.write_some(false, body.data(), body.size(), ec);
  if (ec) return tl::unexpected(explain(body, read, ec, parser.handler()));
  if (read != body.size()) {
    return tl::unexpected(not_json(body, read, "text after the JSON value", "JSON 값 뒤에 다른 내용이 있습니다"));
  }
  return parser.handler().take();
}

Decoded<JsonValue> parse_json_object(std::string_view body) {
  if (body.empty()) return JsonValue{JsonValue::Object{}};
  Decoded<JsonValue> parsed = parse_json(body);
  if (parsed && parsed->get_if<JsonValue::Object>() == nullptr) {
    return tl::unexpected(wrong("", "must be an object", "객체여야 합니다"));
  }
  return parsed;
}

std::string pointer_to(std::string_view base, std::string_view name) {
  std::string pointer{base};
  pointer += '/';
  for (const char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

std::string pointer_to(std::string_view base, std::size_t index) { return fmt::format("{}/{}", base, index); }

}  // namespace windfall::codec

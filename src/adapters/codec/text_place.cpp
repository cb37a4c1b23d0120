#include "adapters/codec/text_place.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "adapters/codec/json_in.hpp"
#include "adapters/codec/utf8.hpp"

namespace windfall::codec {

namespace {

/// Steps over the tokens of a text that is known to be JSON; at its end every step stays there.
class Tokens {
 public:
  explicit Tokens(std::string_view json) : json_(json) { skip_space(); }

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] char next() const { return at_ < json_.size() ? json_[at_] : '\0'; }
  [[nodiscard]] bool is_next(std::string_view any) const {
    return at_ < json_.size() && any.find(json_[at_]) != std::string_view::npos;
  }
  /// Over one character, and the space behind it.
  void skip() {
    ++at_;
    skip_space();
  }
  /// Over a text in quotes, which is returned with them.
  std::string_view skip_text() {
    const std::size_t begin = at_;
    for (++at_; at_ < json_.size() && json_[at_] != '"'; ++at_) {
      if (json_[at_] == '\\') ++at_;
    }
    at_ = std::min(at_ + 1, json_.size());
    const std::string_view text = json_.substr(begin, at_ - begin);
    skip_space();
    return text;
  }
  /// Over a value, however deep.
  void skip_value() {
    int open = 0;
    do {
      if (next() == '"') {
        skip_text();
        continue;
      }
      if (is_next("{[")) ++open;
      if (is_next("}]")) --open;
      const bool word = !is_next("{}[],:");
      skip();
      while (word && at_ < json_.size() && !is_next("{}[],: \t\r\n")) skip();
    } while (open > 0 && at_ < json_.size());
  }

 private:
  void skip_space() { at_ = std::min(json_.find_first_not_of(" \t\r\n", at_), json_.size()); }

  std::string_view json_;
  std::size_t at_ = 0;
};

std::string name_of(std::string_view quoted) {
  const Decoded<JsonValue> name = parse_json(quoted);
  const std::string* text = name ? name->get_if<std::string>() : nullptr;
  return text == nullptr ? std::string() : *text;
}

/// Goes from a container to its element or member on the way to `pointer`, and returns that one's own pointer.
std::optional<std::string> descend(Tokens& tokens, std::string_view reached, std::string_view pointer) {
  const bool object = tokens.next() == '{';
  if (!object && tokens.next() != '[') return std::nullopt;
  tokens.skip();
  for (std::size_t index = 0; tokens.next() != '\0' && !tokens.is_next("}]"); ++index) {
    std::string own = object ? pointer_to(reached, name_of(tokens.skip_text())) : pointer_to(reached, index);
    if (object) tokens.skip();  // the colon
    if (pointer == own || pointer.starts_with(own + "/")) return own;
    tokens.skip_value();
    if (tokens.next() == ',') tokens.skip();
  }
  return std::nullopt;
}

}  // namespace

TextPlace place_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 = 0
  return {.line = std::ranges::count(before, '\n') + 1,
          .column = static_cast<std::int64_t>(count_code_points(before.substr(start))) + 1};
}

TextPlace place_of(std::string_view json, std::string_view pointer) {
  Tokens tokens(json);
  std::size_t at = tokens.at();
  std::string reached;
  while (reached != pointer) {
    std::optional<std::string> next = descend(tokens, reached, pointer);
    if (!next) break;
    reached = std::move(*next);
    at = tokens.at();
  }
  return place_at(json, at);
}

std::string english(const TextPlace& place) { return fmt::format("line {}, column {}", place.line, place.column); }
std::string korean(const TextPlace& place) { return fmt::format("{}행 {}열", place.line, place.column); }

}  // namespace windfall::codec

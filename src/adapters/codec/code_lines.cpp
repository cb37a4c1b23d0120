#include "adapters/codec/code_lines.hpp"

#include <algorithm>
#include <utility>

namespace windfall::codec {

namespace {

/// What spreadsheets of some systems put before a file of UTF-8.
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

CodeBatch::CodeBatch(std::size_t most) : most_(most) {
  // One more than full: the blank line before a code is reported together with it.
  text_.reserve((most + 1) * kMostCodeBytes);
  codes_.reserve(most + 1);
  invalid_.reserve(most + 1);
}

void CodeBatch::clear() {
  text_.clear();
  codes_.clear();
  invalid_.clear();
}

void CodeBatch::take(std::uint64_t line, std::string_view text) {
  if (!is_code(text)) {
    invalid_.push_back(line);
    return;
  }
  const std::size_t at = text_.size();
  text_.append(text);
  codes_.push_back({.line = line, .code = std::string_view{text_}.substr(at)});
}

std::size_t CodeLines::feed(std::string_view bytes, CodeBatch& into) {
  const std::size_t all = bytes.size();
  while (!bytes.empty() && !into.full()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    line_.append(piece.substr(0, kKept - std::min(kKept, line_.size())));
    if (end == std::string_view::npos) return all;
    bytes.remove_prefix(end + 1);
    end_line(into);
  }
  return all - bytes.size();
}

void CodeLines::finish(CodeBatch& into) {
  if (!line_.empty()) end_line(into);
}

void CodeLines::end_line(CodeBatch& into) {
  std::string_view text = line_;
  if (number_ == 1 && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (blank_ != 0) into.take(std::exchange(blank_, 0), {});
  if (text.empty()) {
    blank_ = number_;
  } else {
    into.take(number_, text);
  }
  line_.clear();
  ++number_;
}

}  // namespace windfall::codec

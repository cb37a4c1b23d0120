#include "adapters/http/transport/chunked_body.hpp"

#include <algorithm>
#include <charconv>

namespace windfall::http {

namespace {

constexpr Violation kMalformed = Violation::chunk;
constexpr std::string_view kLineEnd = "\r\n";
/// More hex digits than this overflow, or are zeros that only confuse.
constexpr std::size_t kMaxSizeDigits = 16;

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// Trailers that would change how the message is read, had they stood in its head.
bool is_forbidden_trailer(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return lower == "content-length" || lower == "transfer-encoding" || lower == "host";
}

}  // namespace

ChunkedBody::Progress ChunkedBody::feed(std::string_view input) {
  Progress progress;
  while (expects_ != Expects::nothing) {
    const std::string_view rest = input.substr(progress.consumed);
    if (expects_ == Expects::data) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_of_chunk_, rest.size()));
      if (count == 0) return progress;
      body_.append(rest.substr(0, count));
      progress.consumed += count;
      left_of_chunk_ -= count;
      if (left_of_chunk_ == 0) expects_ = Expects::data_end;
    } else if (expects_ == Expects::data_end) {
      if (!kLineEnd.starts_with(rest.substr(0, kLineEnd.size()))) progress.violation = kMalformed;
      if (progress.violation || rest.size() < kLineEnd.size()) return progress;
      progress.consumed += kLineEnd.size();
      expects_ = Expects::size;
    } else {
      const std::size_t end = rest.find('\n');
      if (std::min(end, rest.size()) > kMaxLine) {
        progress.violation = Violation::chunk_line_too_long;
        return progress;
      }
      if (end == std::string_view::npos) return progress;
      progress.violation = take_line(rest.substr(0, end));
      if (progress.violation) return progress;
      progress.consumed += end + 1;
    }
  }
  progress.complete = true;
  return progress;
}

std::optional<Violation> ChunkedBody::take_line(std::string_view line) {
  if (!line.ends_with('\r')) return kMalformed;
  line.remove_suffix(1);
  if (!is_printable(line)) return kMalformed;
  return expects_ == Expects::size ? take_size(line) : take_trailer(line);
}

std::optional<Violation> ChunkedBody::take_size(std::string_view line) {
  const std::size_t digits = std::min(line.find(';'), line.size());
  extras_ += line.size() - digits;
  if (digits > kMaxSizeDigits || extras_ > kMaxExtras) return kMalformed;
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + digits, size, 16);
  // from_chars takes a minus only for signed types, and no plus, blank or prefix.
  if (error != std::errc{} || end != line.data() + digits) return kMalformed;
  if (size > left_to_limit_) return Violation::body_too_large;
  left_to_limit_ -= static_cast<std::size_t>(size);
  left_of_chunk_ = size;
  expects_ = size == 0 ? Expects::trailer : Expects::data;
  return std::nullopt;
}

std::optional<Violation> ChunkedBody::take_trailer(std::string_view line) {
  if (line.empty()) {
    expects_ = Expects::nothing;
    return std::nullopt;
  }
  extras_ += line.size();
  const std::size_t colon = line.find(':');
  if (extras_ > kMaxExtras || colon == 0 || colon == std::string_view::npos) return kMalformed;
  const std::string_view name = line.substr(0, colon);
  if (!std::all_of(name.begin(), name.end(), is_token_char) || is_forbidden_trailer(name)) return kMalformed;
  return std::nullopt;
}

}  // namespace windfall::http

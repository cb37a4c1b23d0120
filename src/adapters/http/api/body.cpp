#include "adapters/http/api/body.hpp"

#include <algorithm>

namespace windfall::http {

namespace {

constexpr std::string_view kSpace = " \t";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool equals(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, [](char c, char lower) {
    return (c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) == lower;
  });
}

/// The first of the `;`-separated parameters, taken off the front. What stands in quotes separates nothing.
std::string_view next_parameter(std::string_view& parameters) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < parameters.size() && (quoted || parameters[end] != ';'); ++end) {
    if (parameters[end] == '"') quoted = !quoted;
    if (quoted && parameters[end] == '\\') ++end;
  }
  end = std::min(end, parameters.size());
  const std::string_view first = parameters.substr(0, end);
  parameters.remove_prefix(std::min(end + 1, parameters.size()));
  return first;
}

/// No charset, or UTF-8 as people write it.
bool speaks_utf8(std::string_view content_type) {
  next_parameter(content_type);  // the type itself
  while (!content_type.empty()) {
    const std::string_view parameter = next_parameter(content_type);
    const std::size_t equal = parameter.find('=');
    if (equal == std::string_view::npos || !equals(trim(parameter.substr(0, equal)), "charset")) continue;
    std::string_view charset = trim(parameter.substr(equal + 1));
    if (charset.size() >= 2 && charset.front() == '"' && charset.back() == '"') {
      charset = charset.substr(1, charset.size() - 2);
    }
    if (!equals(charset, "utf-8") && !equals(charset, "utf8")) return false;
  }
  return true;
}

/// Whether the body is as it was written: no coding, or codings that change nothing.
bool is_plain(const Request& request) {
  if (request.header_lines("content-encoding").count == 0) return true;
  return std::ranges::all_of(request.headers(), [](const HeaderField& field) {
    if (!equals(field.name, "content-encoding")) return true;
    for (std::string_view codings = field.value; !codings.empty();) {
      const std::size_t comma = codings.find(',');
      const std::string_view coding = trim(codings.substr(0, comma));
      if (!coding.empty() && !equals(coding, "identity")) return false;
      codings = comma == std::string_view::npos ? std::string_view{} : codings.substr(comma + 1);
    }
    return true;
  });
}

Answer refusal(const Call& call, int status, std::string_view ko, std::string_view en) {
  return problem_with("INVALID_REQUEST", status, call.language == Language::ko ? ko : en, call.language,
                      call.request->path, ",\"errors\":[]");
}

}  // namespace

bool is_media_type(std::string_view content_type, std::string_view media) {
  return equals(trim(content_type.substr(0, content_type.find(';'))), media);
}

std::optional<Answer> wrong_body(const Call& call, const BodyTypes& types) {
  const Request::Lines type = call.request->header_lines("content-type");
  // Whoever stands in front may have judged the other one.
  if (type.count > 1) {
    return refusal(call, 400, "Content-Type은 한 번만 보낼 수 있습니다", "Content-Type must be sent once");
  }
  const bool taken = std::ranges::any_of(
      types.media, [&](std::string_view media) { return !media.empty() && is_media_type(type.first, media); });
  if (!taken) return refusal(call, 415, types.ko, types.en);
  if (!speaks_utf8(type.first)) {
    return refusal(call, 415, "본문의 charset은 utf-8이어야 합니다", "the charset of a body must be utf-8");
  }
  if (is_plain(*call.request)) return std::nullopt;
  Answer answer = refusal(call, 415, "압축한 본문은 받지 않습니다: Content-Encoding 없이 보내 주세요",
                          "encoded bodies are not taken: send it without a Content-Encoding");
  answer.headers += "Accept-Encoding: identity\r\n";
  return answer;
}

std::string read_reason(codec::ObjectReader& reader) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  std::string reason = reader.required_string("reason", {.min = 1, .max = kMaxReason});
  const std::size_t begin = reason.find_first_not_of(kBlank);
  if (begin == std::string::npos) {
    // What is missing or empty has been refused already.
    if (!reason.empty()) reader.refuse("reason", "must not be blank", "공백만 쓸 수 없습니다");
    return {};
  }
  return reason.substr(begin, reason.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace windfall::http

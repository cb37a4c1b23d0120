#include "app/load/http_call.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "app/load/answer.hpp"
#include "app/load/descriptor.hpp"

namespace windfall::load {

Result<HttpReply> download(const Target& target, const std::string& path, std::chrono::milliseconds patience) {
  const std::string url = "http://" + target.authority + target.path + path;
  const Descriptor socket(connect_to(target, patience));
  if (socket.get() < 0) return fail(FailureCode::unavailable, url + ": cannot connect");
  set_patience(socket, patience);
  // The older version, in which the end of the connection is the end of the answer.
  const std::string text = "GET " + target.path + path + " HTTP/1.0\r\nHost: " + target.authority + "\r\n\r\n";
  if (!send_all(socket, text)) return fail(FailureCode::unavailable, url + ": the connection was lost");
  std::string input;
  while (true) {
    const std::optional<std::size_t> received = receive(socket, input);
    if (!received) return fail(FailureCode::unavailable, url + ": no whole answer");
    if (*received == 0) break;
  }
  constexpr std::string_view kBegin = "HTTP/1.1 ";  // as long as that of 1.0
  constexpr std::string_view kBlankLine = "\r\n\r\n";
  const std::size_t head = input.find(kBlankLine);
  if (head == std::string::npos || head < kBegin.size()) {
    return fail(FailureCode::unavailable, url + ": no whole answer");
  }
  return HttpReply{.status = std::atoi(input.c_str() + kBegin.size()), .body = input.substr(head + kBlankLine.size())};
}

Result<HttpReply> call(const Target& target, const HttpCall& request) {
  const std::string url = "http://" + target.authority + target.path + request.path;
  const Descriptor socket(connect_to(target, request.patience));
  if (socket.get() < 0) return fail(FailureCode::unavailable, url + ": cannot connect");
  set_patience(socket, request.patience);
  std::string text = std::string(request.method) + " " + target.path + request.path +
                     " HTTP/1.1\r\nHost: " + target.authority + "\r\nConnection: close\r\n";
  if (!request.admin_key.empty()) text += "Authorization: Bearer " + request.admin_key + "\r\n";
  if (!request.body.empty()) text += "Content-Type: application/json\r\n";
  text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
  if (!send_all(socket, text)) return fail(FailureCode::unavailable, url + ": the connection was lost");

  std::string input;
  while (true) {
    if (receive(socket, input).value_or(0) == 0) return fail(FailureCode::unavailable, url + ": no whole answer");
    if (const std::optional<RawAnswer> answer = whole_answer(input)) {
      return HttpReply{.status = answer->status, .body = std::string(answer->body)};
    }
  }
}

Result<codec::JsonValue> call_for_json(const Target& target, const HttpCall& request) {
  Result<HttpReply> reply = call(target, request);
  if (!reply) return tl::unexpected(reply.error());
  const std::string url = std::string(request.method) + " http://" + target.authority + target.path + request.path;
  if (reply->status < 200 || reply->status > 299) {
    const FailureCode code = reply->status == 503   ? FailureCode::unavailable
                             : reply->status == 404 ? FailureCode::not_found
                                                    : FailureCode::invalid;
    return fail(code, url + " was answered " + std::to_string(reply->status) + ": " + reply->body);
  }
  codec::Decoded<codec::JsonValue> value = codec::parse_json_object(reply->body);
  if (!value) return fail(FailureCode::invalid, url + ": the answer is no JSON object");
  return std::move(*value);
}

const codec::JsonValue* look(const codec::JsonValue& value, std::initializer_list<std::string_view> names) {
  const codec::JsonValue* at = &value;
  for (const std::string_view name : names) {
    const auto* object = at->get_if<codec::JsonValue::Object>();
    if (object == nullptr) return nullptr;
    const auto found = std::ranges::find(*object, name, &codec::JsonValue::Member::name);
    if (found == object->end()) return nullptr;
    at = &found->value;
  }
  return at;
}

std::int64_t integer_at(const codec::JsonValue& value, std::initializer_list<std::string_view> names) {
  const codec::JsonValue* found = look(value, names);
  const auto* number = found == nullptr ? nullptr : found->get_if<std::int64_t>();
  return number == nullptr ? 0 : *number;
}

std::string_view text_at(const codec::JsonValue& value, std::initializer_list<std::string_view> names) {
  const codec::JsonValue* found = look(value, names);
  const auto* text = found == nullptr ? nullptr : found->get_if<std::string>();
  return text == nullptr ? std::string_view{} : std::string_view(*text);
}

const codec::JsonValue::Array& list_at(const codec::JsonValue& value, std::initializer_list<std::string_view> names) {
  static const codec::JsonValue::Array kNone;
  const codec::JsonValue* found = look(value, names);
  const auto* list = found == nullptr ? nullptr : found->get_if<codec::JsonValue::Array>();
  return list == nullptr ? kNone : *list;
}

}  // namespace windfall::load

#include "adapters/partner/reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "adapters/codec/json_in.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/utf8.hpp"

namespace windfall::partner {

namespace {

/// Bytes of a partner's own words that are kept for the operator.
constexpr std::size_t kExcerptBytes = 160;

/// What stands for the person in the partner's words. These go into the log and the journal, where nothing is taken
/// back when somebody is erased.
constexpr std::string_view kSomebody = "(userId)";

bool goes_on(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }

/// Where it is not a part of a longer word: ids may be as short as one letter.
void leave_out(std::string& text, std::string_view name) {
  if (name.empty()) return;
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
    const std::size_t end = at + name.size();
    const bool begins = at == 0 || !goes_on(text[at - 1]) || !goes_on(name.front());
    const bool ends = end == text.size() || !goes_on(text[end]) || !goes_on(name.back());
    if (begins && ends) text.replace(at, name.size(), kSomebody);
    at += begins && ends ? kSomebody.size() : 1;
  }
}

void leave_out_in_json(std::string& text, std::string_view name) {
  std::string quoted;
  codec::append_json_string(quoted, name);
  leave_out(text, std::string_view(quoted).substr(1, quoted.size() - 2));
}

/// One printable line from the start of the body, without the names; empty if it is no text.
std::string excerpt(std::string_view body, std::initializer_list<std::string_view> names) {
  if (!codec::is_utf8(body)) return {};
  std::string line(body);
  for (const std::string_view name : names) {
    leave_out(line, name);
    leave_out_in_json(line, name);
  }
  std::size_t end = std::min(line.size(), kExcerptBytes);
  while (end < line.size() && end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
  line.resize(end);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

std::string words(const Exchange& exchange, std::initializer_list<std::string_view> names) {
  std::string text = fmt::format("HTTP {}", exchange.status);
  if (exchange.retry_after_s) text += fmt::format(", asks to wait {} s", *exchange.retry_after_s);
  if (const std::string own = excerpt(exchange.body, names); !own.empty()) text += ": " + own;
  return text;
}

bool is_success(int status) { return status >= 200 && status < 300; }

bool is_worth_another_try(int status) {
  return status == 401 || status == 403 || status == 408 || status == 425 || status == 429 ||
         (status >= 500 && status < 600);
}

const codec::JsonValue* member(const codec::JsonValue& value, std::string_view name) {
  const auto* object = value.get_if<codec::JsonValue::Object>();
  if (object == nullptr) return nullptr;
  const auto found = std::find_if(object->begin(), object->end(), [&](const auto& m) { return m.name == name; });
  return found == object->end() ? nullptr : &found->value;
}

enum class Match : std::uint8_t { same, other, absent };

Match text_matches(const codec::JsonValue& body, std::string_view name, std::string_view expected) {
  const codec::JsonValue* value = member(body, name);
  const auto* text = value == nullptr ? nullptr : value->get_if<std::string>();
  if (text == nullptr) return Match::absent;
  return *text == expected ? Match::same : Match::other;
}

/// UUIDs are the same in either case (RFC 9562).
Match event_matches(const codec::JsonValue& body, std::string_view expected) {
  const codec::JsonValue* value = member(body, "eventId");
  const auto* text = value == nullptr ? nullptr : value->get_if<std::string>();
  if (text == nullptr) return Match::absent;
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; };
  return std::equal(text->begin(), text->end(), expected.begin(), expected.end(), same) ? Match::same : Match::other;
}

Match amount_matches(const codec::JsonValue& body, Amount expected) {
  const codec::JsonValue* value = member(body, "amount");
  if (value == nullptr) return Match::absent;
  if (const auto* amount = value->get_if<std::int64_t>()) return *amount == expected ? Match::same : Match::other;
  return Match::absent;
}

struct Naming {
  Match event;
  Match user;
  Match amount;
  [[nodiscard]] bool contradicts() const {
    return event == Match::other || user == Match::other || amount == Match::other;
  }
  [[nodiscard]] bool confirms() const { return event == Match::same && user == Match::same && amount == Match::same; }
};

/// What the body says about the accrual; all absent if it is not JSON.
Naming compare(const Accrual& accrual, const Exchange& exchange) {
  const auto body = codec::parse_json(exchange.body);
  if (!body) return {Match::absent, Match::absent, Match::absent};
  return {event_matches(*body, accrual.event_id), text_matches(*body, "userId", accrual.user_id),
          amount_matches(*body, accrual.amount)};
}

PartnerMismatch mismatch(const Accrual& accrual, const Exchange& exchange) {
  const auto body = codec::parse_json(exchange.body);
  const codec::JsonValue* user = body ? member(*body, "userId") : nullptr;
  const auto* other = user == nullptr ? nullptr : user->get_if<std::string>();
  return {"the partner has this key for something else: " +
          words(exchange, {accrual.user_id, other == nullptr ? std::string_view() : std::string_view(*other)})};
}

/// A complete answer to a POST, whatever it says.
PartnerAnswer read_status(std::string_view user_id, const Exchange& post) {
  if (is_success(post.status)) return PartnerDone{};
  if (is_worth_another_try(post.status)) return PartnerRetry{words(post, {user_id})};
  if (post.status >= 300 && post.status < 400) {
    return PartnerRefused{fmt::format("HTTP {}: redirects are not followed; correct the partner's URL", post.status)};
  }
  if (post.status >= 400 && post.status < 500) return PartnerRefused{words(post, {user_id})};
  return PartnerUnknown{words(post, {user_id})};
}

}  // namespace

bool says_booked_before(const Exchange& post) { return post.end == Exchange::End::complete && post.status == 409; }

PartnerAnswer read_accrual(const Accrual& accrual, const Exchange& post) {
  if (post.end == Exchange::End::not_sent) return PartnerRetry{post.error};
  if (post.end == Exchange::End::cut) return PartnerUnknown{post.error};
  if (is_success(post.status) && compare(accrual, post).contradicts()) return mismatch(accrual, post);
  return read_status(accrual.user_id, post);
}

PartnerAnswer read_notification(std::string_view user_id, const Exchange& post) {
  if (post.end == Exchange::End::not_sent) return PartnerRetry{post.error};
  if (post.end == Exchange::End::cut) return PartnerUnknown{post.error};
  if (post.status == 409) return PartnerDone{};
  return read_status(user_id, post);
}

PartnerAnswer read_ask(const Accrual& accrual, const Exchange& get) {
  if (get.end != Exchange::End::complete) return PartnerUnknown{"asked: " + get.error};
  if (get.status == 404) return PartnerNeverSeen{};
  if (get.status != 200) return PartnerUnknown{"asked: " + words(get, {accrual.user_id})};
  const Naming naming = compare(accrual, get);
  if (naming.confirms()) return PartnerDone{};
  if (naming.contradicts()) return mismatch(accrual, get);
  return PartnerUnknown{get.body_too_long ? "asked: the answer is too long to be one"
                                          : "asked: the answer does not name eventId, userId and amount: " +
                                                words(get, {accrual.user_id})};
}

PartnerAnswer read_confirmation(const Accrual& accrual, const Exchange& get) {
  PartnerAnswer answer = read_ask(accrual, get);
  if (std::holds_alternative<PartnerNeverSeen>(answer)) {
    return PartnerUnknown{"answered 409, but does not know the key when asked"};
  }
  return answer;
}

}  // namespace windfall::partner

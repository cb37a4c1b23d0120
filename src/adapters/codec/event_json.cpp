#include "adapters/codec/event_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_members.hpp"
#include "adapters/codec/json_in.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/codec/utf8.hpp"
#include "domain/kernel/changes.hpp"

namespace windfall::codec {

namespace {

/// What every JSON reader keeps: beyond it, many round (RFC 8259, section 6).
constexpr std::int64_t kMostPlain = (std::int64_t{1} << 53) - 1;
/// As in event_codec: no proposal takes more.
constexpr std::size_t kMaxTaken = 16;
constexpr std::size_t kUserRefDigits = 32;

static_assert(static_cast<std::size_t>(EffectSettled::Outcome::redriven) + 1 == kOutcomeWords.size());
static_assert(static_cast<std::size_t>(OpenReason::inviter_limit) + 1 == kOpenReasonWords.size());
static_assert(static_cast<std::size_t>(Inbound::Type::shared) + 1 == kInboundWords.size());

void append_hex64(std::string& out, std::uint64_t value) {
  static constexpr char kHex[] = "0123456789abcdef";
  char digits[16];
  for (int i = 15; i >= 0; --i, value >>= 4U) digits[i] = kHex[value & 0xFU];
  out.append(digits, sizeof digits);
}

/// nullopt unless the text has exactly 16 lower-case hex digits.
std::optional<std::uint64_t> hex64(std::string_view text) {
  if (text.size() != 16) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      value = (value << 4U) | static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = (value << 4U) | static_cast<std::uint64_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

/// True if the text form of the value reads back as the same one.
bool has_text(Instant at) {
  static const Instant kFirst = *parse_instant("0000-01-01T00:00:00.000Z");
  static const Instant kLast = *parse_instant("9999-12-31T23:59:59.999Z");
  return kFirst <= at && at <= kLast;
}
bool has_text(LocalDay day) {
  static const LocalDay kFirst = *parse_day("0000-01-01");
  static const LocalDay kLast = *parse_day("9999-12-31");
  return kFirst <= day && day <= kLast;
}

/// Writes members in the order of the calls.
class Put {
 public:
  Put(std::string& out, const NameOf& name_of) : out_(out), object_(out), name_of_(name_of) {}

  void plain(std::string_view name, std::string_view ascii) {
    std::string& out = object_.name(name);
    out += '"';
    out += ascii;
    out += '"';
  }
  template <std::integral T>
  void number(std::string_view name, T value) {
    object_.integer(name, static_cast<std::int64_t>(value));
  }
  void exact(std::string_view name, std::int64_t value) { append_exact(object_.name(name), value); }
  void exact(std::string_view name, std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(kMostPlain)) return number(name, value);
    object_.name(name) += fmt::format("\"{}\"", value);
  }
  void boolean(std::string_view name, bool value) { object_.boolean(name, value); }
  void instant(std::string_view name, Instant at) {
    if (has_text(at)) {
      object_.instant(name, at);
    } else {
      exact(name, at.ms);
    }
  }
  void day(std::string_view name, LocalDay day) {
    if (has_text(day)) {
      object_.day(name, day);
    } else {
      number(name, day.days);
    }
  }
  void text(std::string_view name, const std::string& value) {
    std::string& out = object_.name(name);
    if (is_utf8(value)) return append_json_string(out, value);
    out += "{\"base64url\":\"";
    out += to_base64url(bytes_of(value));
    out += "\"}";
  }
  void user(std::string_view name, std::string_view ref_name, UserRef user) {
    const std::string_view id = name_of_(user);
    if (valid_user_id(id)) object_.text(name, id);
    std::string& out = object_.name(ref_name);
    out += '"';
    append_hex64(out, user.hi);
    append_hex64(out, user.lo);
    out += '"';
  }
  void uuid(std::string_view name, const Uuid& value) { plain(name, to_uuid_text(value)); }
  void hex(std::string_view name, const std::array<std::uint8_t, 16>& value) { plain(name, to_hex(value)); }
  template <class E, std::size_t N>
  void word(std::string_view name, E value, const std::array<std::string_view, N>& words) {
    plain(name, words[static_cast<std::size_t>(value)]);
  }
  void command(const Command& command) {
    std::string& out = object_.name("command");
    out += "{\"hash\":\"";
    append_hex64(out, command.hash.hi);
    append_hex64(out, command.hash.lo);
    out += "\",\"fingerprint\":\"";
    append_hex64(out, command.fingerprint);
    out += "\"}";
  }
  void taken(const std::vector<std::int64_t>& values) {
    append_json_array(object_.name("taken"), values, [this](std::int64_t value) { append_exact(out_, value); });
  }
  void close() { object_.close(); }

 private:
  static void append_exact(std::string& out, std::int64_t value) {
    if (value >= -kMostPlain && value <= kMostPlain) return append_json_integer(out, value);
    out += fmt::format("\"{}\"", value);
  }

  std::string& out_;
  ObjectWriter object_;
  const NameOf& name_of_;
};

/// Reads members by name; the first that is wrong is kept as the failure, and what follows reads as nothing.
class Take {
 public:
  Take(const JsonValue::Object& members, std::vector<LogBatch::Named>& identities)
      : members_(members), used_(members.size(), false), identities_(identities) {}

  /// The member's value; nullptr if it is not there.
  const JsonValue* look(std::string_view name) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const std::size_t at = (next_ + i) % members_.size();  // as written: the next one is nearly always meant
      if (members_[at].name != name) continue;
      used_[at] = true;
      next_ = at + 1;
      return &members_[at].value;
    }
    return nullptr;
  }
  template <class T>
  const T* find(std::string_view name, const char* what) {
    const JsonValue* value = look(name);
    if (value == nullptr) {
      wrong(name, "is missing");
      return nullptr;
    }
    const T* found = value->get_if<T>();
    if (found == nullptr) wrong(name, what);
    return found;
  }

  template <std::integral T>
  void number(std::string_view name, T& value) {
    const auto* found = find<std::int64_t>(name, "must be an integer");
    if (found == nullptr) return;
    if (!std::in_range<T>(*found)) return wrong(name, "is out of range");
    value = static_cast<T>(*found);
  }
  template <std::integral T>
  void exact(std::string_view name, T& value) {
    const JsonValue* found = look(name);
    if (found == nullptr) return wrong(name, "is missing");
    if (!read_exact(*found, value)) wrong(name, "must be an integer up to 2^53 - 1, or a longer one as a string");
  }
  void boolean(std::string_view name, bool& value) {
    if (const auto* found = find<bool>(name, "must be true or false")) value = *found;
  }
  void instant(std::string_view name, Instant& at) {
    const JsonValue* found = look(name);
    if (found == nullptr) return wrong(name, "is missing");
    if (const auto* text = found->get_if<std::string>()) {
      if (const auto parsed = parse_instant(*text); parsed && to_text(*parsed) == *text) {
        at = *parsed;
        return;
      }
    }
    if (!read_exact(*found, at.ms) || has_text(at)) wrong(name, "must be a time as 2025-06-21T00:00:00.000Z");
  }
  void day(std::string_view name, LocalDay& day) {
    const JsonValue* found = look(name);
    if (found == nullptr) return wrong(name, "is missing");
    if (const auto* text = found->get_if<std::string>()) {
      if (const auto parsed = parse_day(*text)) {
        day = *parsed;
        return;
      }
    }
    const auto* days = found->get_if<std::int64_t>();
    if (days == nullptr || !std::in_range<std::int32_t>(*days)) return wrong(name, "must be a date as 2025-06-21");
    day.days = static_cast<std::int32_t>(*days);
    if (has_text(day)) wrong(name, "must be a date as 2025-06-21");
  }
  void text(std::string_view name, std::string& value) {
    const JsonValue* found = look(name);
    if (found == nullptr) return wrong(name, "is missing");
    if (const auto* text = found->get_if<std::string>()) {
      value = *text;
      return;
    }
    const auto* object = found->get_if<JsonValue::Object>();
    const std::string* coded = object != nullptr && object->size() == 1 && object->front().name == "base64url"
                                   ? object->front().value.get_if<std::string>()
                                   : nullptr;
    auto bytes = coded != nullptr ? from_base64url(*coded) : std::nullopt;
    if (!bytes || is_utf8(*bytes)) return wrong(name, "must be a text");
    value = std::move(*bytes);
  }
  void user(std::string_view name, std::string_view ref_name, UserRef& user) {
    const JsonValue* id = look(name);
    const auto* ref = find<std::string>(ref_name, "must be a text");
    if (ref == nullptr) return;
    const auto hi = hex64(std::string_view(*ref).substr(0, kUserRefDigits / 2));
    const auto lo =
        ref->size() == kUserRefDigits ? hex64(std::string_view(*ref).substr(kUserRefDigits / 2)) : std::nullopt;
    if (!hi || !lo) return wrong(ref_name, "must have 32 lower-case hex digits");
    user = {.hi = *hi, .lo = *lo};
    if (id == nullptr) return;
    const auto* text = id->get_if<std::string>();
    if (text == nullptr || !valid_user_id(*text)) return wrong(name, "must be a user id");
    identities_.push_back({.user = user, .id = *text});
  }
  void uuid(std::string_view name, Uuid& value) {
    const auto* text = find<std::string>(name, "must be a text");
    if (text == nullptr) return;
    const auto parsed = from_uuid_text(*text);
    if (!parsed) return wrong(name, "must be a UUID");
    value = *parsed;
  }
  void hex(std::string_view name, std::array<std::uint8_t, 16>& value) {
    const auto* text = find<std::string>(name, "must be a text");
    if (text == nullptr) return;
    const auto bytes = from_hex(*text);
    if (!bytes || bytes->size() != value.size()) return wrong(name, "must have 32 lower-case hex digits");
    std::ranges::copy(*bytes, value.begin());
  }
  template <class E, std::size_t N>
  void word(std::string_view name, E& value, const std::array<std::string_view, N>& words) {
    const auto* text = find<std::string>(name, "must be a text");
    if (text == nullptr) return;
    const auto* const at = std::ranges::find(words, *text);
    if (at == words.end()) return wrong(name, "is a word that is not known");
    value = static_cast<E>(at - words.begin());
  }
  void command(std::optional<Command>& command) {
    const JsonValue* found = look("command");
    if (found == nullptr) return;
    const auto* object = found->get_if<JsonValue::Object>();
    if (object == nullptr) return wrong("command", "must be an object");
    Take inner(*object, identities_);
    UserRef hash;  // the same 32 digits
    inner.user("", "hash", hash);
    const auto* fingerprint = inner.find<std::string>("fingerprint", "must be a text");
    const auto value = fingerprint != nullptr ? hex64(*fingerprint) : std::nullopt;
    if (!value) inner.wrong("fingerprint", "must have 16 lower-case hex digits");
    inner.finish();
    if (inner.failure_) return wrong("command", *inner.failure_);
    command = Command{.hash = {.hi = hash.hi, .lo = hash.lo}, .fingerprint = *value};
  }
  void taken(std::vector<std::int64_t>& values) {
    const JsonValue* found = look("taken");
    if (found == nullptr) return;
    const auto* array = found->get_if<JsonValue::Array>();
    if (array == nullptr || array->empty() || array->size() > kMaxTaken)
      return wrong("taken", "must have 1 to 16 items");
    values.resize(array->size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!read_exact((*array)[i], values[i])) return wrong("taken", "must have integers");
    }
  }

  void wrong(std::string_view name, std::string_view what) {
    if (!failure_) failure_ = fmt::format("member \"{}\" {}", name, what);
  }
  /// Members that nobody asked for are wrong.
  void finish() {
    const auto unused = std::ranges::find(used_, false);
    if (unused != used_.end()) {
      wrong(members_[static_cast<std::size_t>(unused - used_.begin())].name, "is not known");
    }
  }
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }

 private:
  template <std::integral T>
  static bool read_exact(const JsonValue& found, T& value) {
    if (const auto* number = found.get_if<std::int64_t>()) {
      if (*number < -kMostPlain || *number > kMostPlain || !std::in_range<T>(*number)) return false;
      value = static_cast<T>(*number);
      return true;
    }
    const auto* text = found.get_if<std::string>();
    if (text == nullptr) return false;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || end != text->data() + text->size()) return false;
    const bool plain = std::cmp_less_equal(value, kMostPlain) && std::cmp_greater_equal(value, -kMostPlain);
    return !plain && fmt::format("{}", value) == *text;
  }

  const JsonValue::Object& members_;
  std::vector<bool> used_;
  std::size_t next_ = 0;
  std::vector<LogBatch::Named>& identities_;
  std::optional<std::string> failure_;
};

template <std::size_t Alternative = 0>
bool take_event(Take& take, std::string_view type, Event& event) {
  if constexpr (Alternative == std::variant_size_v<Event>) {
    return false;
  } else {
    if (type != kEventTypes[Alternative]) return take_event<Alternative + 1>(take, type, event);
    const bool known = members_of(take, event.template emplace<Alternative>());
    assert(known);
    return known;
  }
}

tl::unexpected<Failure> invalid(std::string why) { return fail(FailureCode::invalid, "event: " + std::move(why)); }

}  // namespace

std::string_view type_name(const Event& event) { return kEventTypes[event.index()]; }

void append_event_json(std::string& out, const Recorded& recorded, std::string_view promotion_id,
                       const NameOf& name_of) {
  Put put(out, name_of);
  put.plain("type", type_name(recorded.event));
  if (!promotion_id.empty()) put.plain("promotionId", promotion_id);
  put.number("partition", recorded.partition.value);
  put.number("epoch", recorded.epoch.value);
  put.exact("sequence", recorded.sequence.value);
  put.instant("time", recorded.time);
  put.number("revision", recorded.revision.value);
  const bool known = std::visit([&put](const auto& event) { return members_of(put, event); }, recorded.event);
  assert(known);
  static_cast<void>(known);
  if (recorded.command) put.command(*recorded.command);
  if (!recorded.taken.empty()) put.taken(recorded.taken);
  put.close();
}

Result<ReadEvent> read_event_json(std::string_view json) {
  const Decoded<JsonValue> parsed = parse_json(json);
  if (!parsed) return invalid(parsed.error().detail_en + " at " + parsed.error().where);
  const auto* members = parsed->get_if<JsonValue::Object>();
  if (members == nullptr) return invalid("is no object");
  Result<ReadEvent> result{tl::in_place};
  Recorded& recorded = result->recorded;
  Take take(*members, result->identities);
  const auto* type = take.find<std::string>("type", "must be a text");
  if (type == nullptr) return invalid(*take.failure());
  if (const JsonValue* id = take.look("promotionId")) {
    const auto* text = id->get_if<std::string>();
    if (text == nullptr || !is_identifier(*text)) return invalid("member \"promotionId\" must be a promotion id");
    result->promotion_id = *text;
  }
  take.number("partition", recorded.partition.value);
  take.number("epoch", recorded.epoch.value);
  take.exact("sequence", recorded.sequence.value);
  take.instant("time", recorded.time);
  take.number("revision", recorded.revision.value);
  if (!take_event(take, *type, recorded.event)) return invalid("type \"" + *type + "\" is not known");
  take.command(recorded.command);
  take.taken(recorded.taken);
  take.finish();
  if (take.failure()) return invalid(*type + ": " + *take.failure());
  if (keeps_taken(recorded.event) != !recorded.taken.empty()) {
    return invalid(*type + ": member \"taken\" " + (recorded.taken.empty() ? "is missing" : "does not belong here"));
  }
  return result;
}

}  // namespace windfall::codec

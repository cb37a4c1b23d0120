#include "adapters/codec/event_codec.hpp"

#include <fmt/format.h>

#include <bit>
#include <cassert>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "domain/kernel/changes.hpp"

namespace windfall::codec {

namespace {

static_assert(std::endian::native == std::endian::little,
              "integers are copied as they stand; a big-endian port swaps them in put and take");

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kHasCommand = 1;
constexpr std::uint8_t kHasTaken = 2;
/// No proposal takes more; a damaged count must not make room for itself.
constexpr std::size_t kMaxTaken = 16;
constexpr std::size_t kLengthBytes = 4;

/// Numbers of event types; kept for good, also when a type is no longer written. 0 is none.
template <class E>
struct TypeNumber;
template <>
struct TypeNumber<Participated> {
  static constexpr std::uint8_t value = 1;
};
template <>
struct TypeNumber<DefinitionChanged> {
  static constexpr std::uint8_t value = 2;
};
template <>
struct TypeNumber<PausedAll> {
  static constexpr std::uint8_t value = 3;
};
template <>
struct TypeNumber<UserBlocked> {
  static constexpr std::uint8_t value = 4;
};
template <>
struct TypeNumber<KeyChanged> {
  static constexpr std::uint8_t value = 5;
};
template <>
struct TypeNumber<AnswerKept> {
  static constexpr std::uint8_t value = 6;
};
template <>
struct TypeNumber<EffectSettled> {
  static constexpr std::uint8_t value = 7;
};
template <>
struct TypeNumber<Audited> {
  static constexpr std::uint8_t value = 8;
};
template <>
struct TypeNumber<UserErased> {
  static constexpr std::uint8_t value = 9;
};
template <>
struct TypeNumber<Visited> {
  static constexpr std::uint8_t value = 10;
};
template <>
struct TypeNumber<InviteIssued> {
  static constexpr std::uint8_t value = 11;
};
template <>
struct TypeNumber<InviteShared> {
  static constexpr std::uint8_t value = 12;
};
template <>
struct TypeNumber<InviteOpened> {
  static constexpr std::uint8_t value = 13;
};
template <>
struct TypeNumber<OpenNotGranted> {
  static constexpr std::uint8_t value = 14;
};
template <>
struct TypeNumber<TicketsAdjusted> {
  static constexpr std::uint8_t value = 15;
};
template <>
struct TypeNumber<SegmentOpened> {
  static constexpr std::uint8_t value = 16;
};
template <>
struct TypeNumber<SegmentPaused> {
  static constexpr std::uint8_t value = 17;
};
template <>
struct TypeNumber<Drew> {
  static constexpr std::uint8_t value = 18;
};
template <>
struct TypeNumber<LotteryClosed> {
  static constexpr std::uint8_t value = 19;
};
template <>
struct TypeNumber<SecondChanceStarted> {
  static constexpr std::uint8_t value = 20;
};
template <>
struct TypeNumber<SecondChanceWon> {
  static constexpr std::uint8_t value = 21;
};
template <>
struct TypeNumber<SecondChanceEnded> {
  static constexpr std::uint8_t value = 22;
};
template <>
struct TypeNumber<WinVoided> {
  static constexpr std::uint8_t value = 23;
};
template <>
struct TypeNumber<CodesImported> {
  static constexpr std::uint8_t value = 24;
};
template <>
struct TypeNumber<CodeAssigned> {
  static constexpr std::uint8_t value = 25;
};
template <>
struct TypeNumber<CouponReissued> {
  static constexpr std::uint8_t value = 26;
};
template <>
struct TypeNumber<CouponUsed> {
  static constexpr std::uint8_t value = 27;
};
template <>
struct TypeNumber<Inbound> {
  static constexpr std::uint8_t value = 28;
};
template <>
struct TypeNumber<InboundSettled> {
  static constexpr std::uint8_t value = 29;
};
template <>
struct TypeNumber<CodesBurned> {
  static constexpr std::uint8_t value = 30;
};

/// The shape of every event, once for both directions: Archive is Put or Take.
template <class Archive, class Ref>
void fields_of_user(Archive& archive, Ref& user) {
  archive.fixed(user.hi);
  archive.fixed(user.lo);
}
template <class Archive, class W>
void fields_of_win(Archive& archive, W& win) {
  archive.variable(win.segment);
  archive.zigzag(win.serial);
}
template <class Archive, class A>
void fields_of_audit(Archive& archive, A& audit) {
  archive.text(audit.actor);
  archive.text(audit.action);
  archive.text(audit.reason);
}
template <class Archive, class E>
void fields_of(Archive& archive, E& event) {
  using Type = std::remove_const_t<E>;
  if constexpr (std::is_same_v<Type, Participated>) {
    fields_of_user(archive, event.user);
    archive.fixed(event.day.days);
    archive.variable(event.day_index);
    archive.zigzag(event.amount);
    archive.boolean(event.test);
  } else if constexpr (std::is_same_v<Type, DefinitionChanged>) {
    archive.text(event.id);
    archive.text(event.definition);
    fields_of_audit(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, PausedAll>) {
    archive.boolean(event.paused);
    fields_of_audit(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, UserBlocked>) {
    fields_of_user(archive, event.user);
    archive.boolean(event.blocked);
    fields_of_audit(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, KeyChanged>) {
    archive.text(event.key_id);
    archive.text(event.keys);
    fields_of_audit(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, AnswerKept>) {
    archive.fixed(event.status);
    archive.text(event.headers);
    archive.text(event.body);
  } else if constexpr (std::is_same_v<Type, EffectSettled>) {
    archive.bytes(event.effect);
    archive.template choice<EffectSettled::Outcome>(event.outcome, EffectSettled::Outcome::redriven);
    archive.text(event.detail);
  } else if constexpr (std::is_same_v<Type, Audited>) {
    fields_of_audit(archive, event.audit);
    archive.text(event.subject);
  } else if constexpr (std::is_same_v<Type, UserErased>) {
    fields_of_user(archive, event.user);
    fields_of_audit(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, Visited>) {
    fields_of_user(archive, event.user);
    archive.zigzag(event.tickets);
  } else if constexpr (std::is_same_v<Type, InviteIssued> || std::is_same_v<Type, InviteShared>) {
    fields_of_user(archive, event.user);
  } else if constexpr (std::is_same_v<Type, InviteOpened>) {
    fields_of_user(archive, event.invited);
    fields_of_user(archive, event.inviter);
    archive.zigzag(event.friend_tickets);
    archive.zigzag(event.inviter_tickets);
    archive.variable(event.day_index);
    archive.boolean(event.inviter_limited);
  } else if constexpr (std::is_same_v<Type, OpenNotGranted>) {
    fields_of_user(archive, event.invited);
    fields_of_user(archive, event.inviter);
    archive.template choice<OpenReason>(event.reason, OpenReason::inviter_limit);
  } else if constexpr (std::is_same_v<Type, TicketsAdjusted>) {
    fields_of_user(archive, event.user);
    archive.zigzag(event.tickets);
    fields_of_audit(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, SegmentOpened>) {
    archive.variable(event.segment);
    archive.zigzag(event.previous);
    archive.variable(event.quota);
    archive.variable(event.length);
    archive.variable(event.first_item);
  } else if constexpr (std::is_same_v<Type, SegmentPaused>) {
    archive.variable(event.segment);
  } else if constexpr (std::is_same_v<Type, Drew>) {
    fields_of_user(archive, event.user);
    archive.variable(event.segment);
    archive.variable(event.number);
  } else if constexpr (std::is_same_v<Type, LotteryClosed>) {
    archive.boolean(event.second_chance);
    archive.zigzag(event.shortfall);
  } else if constexpr (std::is_same_v<Type, SecondChanceStarted>) {
    archive.variable(event.prizes);
    archive.variable(event.pool);
  } else if constexpr (std::is_same_v<Type, SecondChanceWon>) {
    fields_of_user(archive, event.user);
    archive.variable(event.place);
    archive.variable(event.item);
  } else if constexpr (std::is_same_v<Type, SecondChanceEnded>) {
    archive.zigzag(event.shortfall);
  } else if constexpr (std::is_same_v<Type, WinVoided>) {
    fields_of_user(archive, event.user);
    fields_of_win(archive, event.win);
    fields_of_audit(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, CodesImported> || std::is_same_v<Type, CodesBurned>) {
    archive.variable(event.prize);
    archive.zigzag(event.count);
    fields_of_audit(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, CodeAssigned>) {
    fields_of_user(archive, event.user);
    fields_of_win(archive, event.win);
    archive.variable(event.prize);
    archive.variable(event.issue);
  } else if constexpr (std::is_same_v<Type, CouponReissued>) {
    fields_of_user(archive, event.user);
    fields_of_win(archive, event.win);
    archive.variable(event.issue);
    fields_of_audit(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, CouponUsed>) {
    fields_of_user(archive, event.user);
    fields_of_win(archive, event.win);
  } else if constexpr (std::is_same_v<Type, Inbound>) {
    archive.bytes(event.id);
    archive.template choice<Inbound::Type>(event.type, Inbound::Type::shared);
    fields_of_user(archive, event.user);
    archive.text(event.about);
  } else if constexpr (std::is_same_v<Type, InboundSettled>) {
    archive.bytes(event.id);
    fields_of_user(archive, event.user);
    archive.boolean(event.dropped);
    archive.text(event.reason);
  } else {
    static_assert(!sizeof(Type), "a new event needs its fields here and its number above");
  }
}
template <class Archive, class R>
void fields_of_head(Archive& archive, R& recorded) {
  archive.variable(recorded.partition.value);
  archive.variable(recorded.epoch.value);
  archive.variable(recorded.revision.value);
  archive.fixed(recorded.sequence.value);
  archive.fixed(recorded.time.ms);
}
template <class Archive, class C>
void fields_of_command(Archive& archive, C& command) {
  archive.fixed(command.hash.hi);
  archive.fixed(command.hash.lo);
  archive.fixed(command.fingerprint);
}

/// Writes fields at the end of a string.
class Put {
 public:
  explicit Put(std::string& out) : out_(out) {}

  template <std::integral T>
  void fixed(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    out_.append(raw, sizeof(T));
  }
  template <std::unsigned_integral T>
  void variable(T value) {
    while (value >= 0x80) {
      out_ += static_cast<char>(static_cast<std::uint8_t>((value & 0x7FU) | 0x80U));
      value = static_cast<T>(value >> 7U);
    }
    out_ += static_cast<char>(value);
  }
  void zigzag(std::int64_t value) {
    variable((static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void boolean(bool value) { fixed(static_cast<std::uint8_t>(value ? 1 : 0)); }
  template <class E>
  void choice(E value, E /*last*/) {
    fixed(static_cast<std::uint8_t>(value));
  }
  void bytes(const std::array<std::uint8_t, 16>& value) {
    out_.append(reinterpret_cast<const char*>(value.data()), value.size());
  }
  void text(const std::string& value) {
    variable(static_cast<std::uint64_t>(value.size()));
    out_ += value;
  }

 private:
  std::string& out_;
};

/// Reads fields off a view. After the first one that is not there, or not as Put writes it, all read as nothing and
/// ok() is false.
class Take {
 public:
  explicit Take(std::string_view in) : in_(in) {}

  template <std::integral T>
  void fixed(T& value) {
    if (in_.size() < sizeof(T)) return damage();
    std::memcpy(&value, in_.data(), sizeof(T));
    in_.remove_prefix(sizeof(T));
  }
  template <std::unsigned_integral T>
  void variable(T& value) {
    T result = 0;
    for (unsigned shift = 0; shift < std::numeric_limits<T>::digits; shift += 7) {
      if (in_.empty()) return damage();
      const auto byte = static_cast<std::uint8_t>(in_.front());
      in_.remove_prefix(1);
      const auto part = static_cast<T>(byte & 0x7FU);
      const auto shifted = static_cast<T>(part << shift);
      if (static_cast<T>(shifted >> shift) != part) return damage();  // more bits than T has
      result = static_cast<T>(result | shifted);
      if (byte < 0x80) {
        if (byte == 0 && shift > 0) return damage();  // not the shortest form
        value = result;
        return;
      }
    }
    damage();
  }
  void zigzag(std::int64_t& value) {
    std::uint64_t coded = 0;
    variable(coded);
    value = static_cast<std::int64_t>(coded >> 1U) ^ -static_cast<std::int64_t>(coded & 1U);
  }
  void boolean(bool& value) {
    std::uint8_t raw = 0;
    fixed(raw);
    if (raw > 1) return damage();
    value = raw == 1;
  }
  template <class E>
  void choice(E& value, E last) {
    std::uint8_t raw = 0;
    fixed(raw);
    if (raw > static_cast<std::uint8_t>(last)) return damage();
    value = static_cast<E>(raw);
  }
  void bytes(std::array<std::uint8_t, 16>& value) {
    if (in_.size() < value.size()) return damage();
    std::memcpy(value.data(), in_.data(), value.size());
    in_.remove_prefix(value.size());
  }
  void text(std::string& value) {
    std::uint64_t size = 0;
    variable(size);
    if (size > in_.size()) return damage();
    value.assign(in_.data(), static_cast<std::size_t>(size));
    in_.remove_prefix(static_cast<std::size_t>(size));
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return in_.size(); }

 private:
  void damage() {
    ok_ = false;
    in_ = {};
  }

  std::string_view in_;
  bool ok_ = true;
};

template <std::size_t Alternative = 0>
bool take_event(Take& take, std::uint8_t type, Event& event) {
  if constexpr (Alternative == std::variant_size_v<Event>) {
    return false;
  } else {
    using E = std::variant_alternative_t<Alternative, Event>;
    if (type != TypeNumber<E>::value) return take_event<Alternative + 1>(take, type, event);
    fields_of(take, event.emplace<E>());
    return true;
  }
}

tl::unexpected<Failure> damaged(std::string message) {
  return fail(FailureCode::damaged, "event record: " + std::move(message));
}

}  // namespace

void encode_event(const Event& event, std::string& out) {
  Put put(out);
  put.fixed(std::visit([]<class E>(const E&) { return TypeNumber<E>::value; }, event));
  std::visit([&put](const auto& of_type) { fields_of(put, of_type); }, event);
}

Result<Event> decode_event(std::string_view in) {
  Take take(in);
  std::uint8_t type = 0;
  take.fixed(type);
  Event event;
  if (!take_event(take, type, event)) return damaged(fmt::format("unknown type {}", type));
  if (!take.ok()) return damaged(fmt::format("malformed body of type {}", type));
  if (take.left() != 0) return damaged(fmt::format("{} bytes too many in a body of type {}", take.left(), type));
  return event;
}

void encode(const Recorded& recorded, std::string& out) {
  const std::size_t start = out.size();
  Put put(out);
  put.fixed(std::uint32_t{0});  // the length, known at the end
  put.fixed(kVersion);
  put.fixed(std::visit([]<class E>(const E&) { return TypeNumber<E>::value; }, recorded.event));
  put.fixed(
      static_cast<std::uint8_t>((recorded.command ? kHasCommand : 0U) | (recorded.taken.empty() ? 0U : kHasTaken)));
  fields_of_head(put, recorded);
  if (recorded.command) fields_of_command(put, *recorded.command);
  if (!recorded.taken.empty()) {
    assert(recorded.taken.size() <= kMaxTaken);
    put.fixed(static_cast<std::uint8_t>(recorded.taken.size()));
    for (const std::int64_t value : recorded.taken) put.zigzag(value);
  }
  std::visit([&put](const auto& event) { fields_of(put, event); }, recorded.event);
  const std::size_t length = out.size() - start - kLengthBytes;
  assert(length <= kMaxEventBytes);
  const auto length_field = static_cast<std::uint32_t>(length);
  std::memcpy(out.data() + start, &length_field, kLengthBytes);
}

Result<Recorded> decode(std::string_view& in) {
  std::uint32_t length = 0;
  if (in.size() < kLengthBytes) return damaged("cut short within its length");
  std::memcpy(&length, in.data(), kLengthBytes);
  if (length > kMaxEventBytes) return damaged(fmt::format("impossible length {}", length));
  if (in.size() - kLengthBytes < length) {
    return damaged(fmt::format("cut short: {} of {} bytes", in.size() - kLengthBytes, length));
  }
  Take take(in.substr(kLengthBytes, length));
  std::uint8_t version = 0;
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  take.fixed(version);
  take.fixed(type);
  take.fixed(flags);
  if (!take.ok()) return damaged("too short for a record");
  if (version != kVersion) return damaged(fmt::format("unknown version {}", version));
  if ((flags & ~(kHasCommand | kHasTaken)) != 0) return damaged(fmt::format("unknown flags {:#x}", flags));

  Result<Recorded> result{tl::in_place};
  fields_of_head(take, *result);
  if ((flags & kHasCommand) != 0) fields_of_command(take, result->command.emplace());
  if ((flags & kHasTaken) != 0) {
    std::uint8_t count = 0;
    take.fixed(count);
    if (count == 0 || count > kMaxTaken) return damaged(fmt::format("impossible count of taken values {}", count));
    result->taken.resize(count);
    for (std::int64_t& value : result->taken) take.zigzag(value);
  }
  if (!take_event(take, type, result->event)) return damaged(fmt::format("unknown type {}", type));
  if (!take.ok()) return damaged(fmt::format("malformed body of type {}", type));
  if (take.left() != 0) return damaged(fmt::format("{} bytes too many in a body of type {}", take.left(), type));
  if (keeps_taken(result->event) != !result->taken.empty()) {
    return damaged(fmt::format("an event of type {} {} taken values", type, result->taken.empty() ? "lacks" : "has"));
  }
  in.remove_prefix(kLengthBytes + length);
  return result;
}

}  // namespace windfall::codec

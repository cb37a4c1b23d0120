// Random events of every type, with extreme values more often than chance has them, for properties over codecs.
#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <limits>
#include <string>
#include <variant>

#include "domain/kernel/changes.hpp"
#include "domain/kernel/event.hpp"

namespace windfall::test {

/// Any value, extremes more often than chance has them.
template <class T>
T any() {
  return *rc::gen::oneOf(rc::gen::arbitrary<T>(),
                         rc::gen::element(T{0}, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}
inline bool any_bool() { return *rc::gen::arbitrary<bool>(); }
inline std::string any_text() { return *rc::gen::arbitrary<std::string>(); }
inline UserRef any_user() { return {.hi = any<std::uint64_t>(), .lo = any<std::uint64_t>()}; }
inline Audit any_audit() { return {.actor = any_text(), .action = any_text(), .reason = any_text()}; }

inline std::uint32_t any_number() { return any<std::uint32_t>(); }
inline std::int64_t any_count() { return any<std::int64_t>(); }
inline WinPlace any_win() { return {.segment = any_number(), .serial = any_count()}; }
inline std::array<std::uint8_t, 16> any_id() {
  std::array<std::uint8_t, 16> id{};
  for (auto& byte : id) byte = any<std::uint8_t>();
  return id;
}

inline constexpr std::size_t kFirstOfLotteries = 9;

inline Event any_lottery_event(std::size_t kind) {
  switch (kind) {
    case kFirstOfLotteries:
      return Visited{.user = any_user(), .tickets = any_count()};
    case 10:
      return InviteIssued{.user = any_user()};
    case 11:
      return InviteShared{.user = any_user()};
    case 12:
      return InviteOpened{.invited = any_user(),
                          .inviter = any_user(),
                          .friend_tickets = any_count(),
                          .inviter_tickets = any_count(),
                          .day_index = any_number(),
                          .inviter_limited = any_bool()};
    case 13:
      return OpenNotGranted{
          .invited = any_user(), .inviter = any_user(), .reason = static_cast<OpenReason>(*rc::gen::inRange(0, 4))};
    case 14:
      return TicketsAdjusted{.user = any_user(), .tickets = any_count(), .audit = any_audit()};
    case 15:
      return SegmentOpened{.segment = any_number(),
                           .previous = any_count(),
                           .quota = any_number(),
                           .length = any_number(),
                           .first_item = any_number()};
    case 16:
      return SegmentPaused{.segment = any_number()};
    case 17:
      return Drew{.user = any_user(), .segment = any_number(), .number = any_number()};
    case 18:
      return LotteryClosed{.second_chance = any_bool(), .shortfall = any_count()};
    case 19:
      return SecondChanceStarted{.prizes = any_number(), .pool = any_number()};
    case 20:
      return SecondChanceWon{.user = any_user(), .place = any_number(), .item = any_number()};
    case 21:
      return SecondChanceEnded{.shortfall = any_count()};
    case 22:
      return WinVoided{.user = any_user(), .win = any_win(), .audit = any_audit()};
    case 23:
      return CodesImported{.prize = any_number(), .count = any_count(), .audit = any_audit()};
    case 24:
      return CodeAssigned{.user = any_user(), .win = any_win(), .prize = any_number(), .issue = any_number()};
    case 25:
      return CouponReissued{.user = any_user(), .win = any_win(), .issue = any_number(), .audit = any_audit()};
    case 26:
      return CouponUsed{.user = any_user(), .win = any_win()};
    case 27:
      return Inbound{.id = any_id(),
                     .type = static_cast<Inbound::Type>(*rc::gen::inRange(0, 3)),
                     .user = any_user(),
                     .about = any_text()};
    case 28:
      return InboundSettled{.id = any_id(), .user = any_user(), .dropped = any_bool(), .reason = any_text()};
    default:
      return CodesBurned{.prize = any_number(), .count = any_count(), .audit = any_audit()};
  }
}
static_assert(std::variant_size_v<Event> == 30, "a new event needs its generator above or below");

inline Event any_event(std::size_t kind) {
  switch (kind) {
    case 0:
      return Participated{.user = any_user(),
                          .day = {any<std::int32_t>()},
                          .day_index = any<std::uint32_t>(),
                          .amount = any<std::int64_t>(),
                          .test = any_bool()};
    case 1:
      return DefinitionChanged{.id = any_text(), .definition = any_text(), .audit = any_audit()};
    case 2:
      return PausedAll{.paused = any_bool(), .audit = any_audit()};
    case 3:
      return UserBlocked{.user = any_user(), .blocked = any_bool(), .audit = any_audit()};
    case 4:
      return KeyChanged{.key_id = any_text(), .keys = any_text(), .audit = any_audit()};
    case 5:
      return AnswerKept{.status = any<int>(), .headers = any_text(), .body = any_text()};
    case 6: {
      EffectSettled event;
      for (auto& byte : event.effect) byte = any<std::uint8_t>();
      event.outcome = static_cast<EffectSettled::Outcome>(*rc::gen::inRange(0, 3));
      event.detail = any_text();
      return event;
    }
    case 7:
      return Audited{.audit = any_audit(), .subject = any_text()};
    case 8:
      return UserErased{.user = any_user(), .audit = any_audit()};
    default:
      return any_lottery_event(kind);
  }
}

inline Recorded any_recorded(std::size_t kind) {
  Recorded recorded{.partition = {any<std::uint32_t>()},
                    .epoch = {any<std::uint32_t>()},
                    .sequence = {any<std::uint64_t>()},
                    .time = {any<std::int64_t>()},
                    .revision = {any<std::uint32_t>()},
                    .command = {},
                    .event = any_event(kind)};
  if (any_bool()) {
    recorded.command =
        Command{.hash = {any<std::uint64_t>(), any<std::uint64_t>()}, .fingerprint = any<std::uint64_t>()};
  }
  if (keeps_taken(recorded.event)) recorded.taken.assign(*rc::gen::inRange<std::size_t>(1, 4), any_count());
  return recorded;
}

}  // namespace windfall::test

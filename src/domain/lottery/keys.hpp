// What the kinds of keys mean for lotteries. Kinds of a user's counters and of a partition's own never meet: one has a
// user, the other has none. Numbers stay what they are: snapshots of the hot state would hold them.
#pragma once

#include "domain/kernel/event.hpp"
#include "domain/kernel/key.hpp"

namespace windfall {

/// The way of an invite. The numbers are indexes of counters.
enum class FunnelStep : std::uint8_t {
  issued,
  shared,
  opened,
  granted,
  own_link,
  already_credited,
  not_first_visit,
  inviter_limit,
};
inline constexpr std::size_t kFunnelSteps = 8;

[[nodiscard]] constexpr FunnelStep funnel_step_of(OpenReason reason) {
  switch (reason) {
    case OpenReason::own_link:
      return FunnelStep::own_link;
    case OpenReason::already_credited:
      return FunnelStep::already_credited;
    case OpenReason::not_first_visit:
      return FunnelStep::not_first_visit;
    case OpenReason::inviter_limit:
      break;
  }
  return FunnelStep::inviter_limit;
}

/// Values of keys::closed(): draws go on while it is 0.
inline constexpr std::int64_t kClosedForGood = 1;
inline constexpr std::int64_t kClosedSecondChance = 2;

/// Values of keys::second_stage().
inline constexpr std::int64_t kSecondRunning = 1;
inline constexpr std::int64_t kSecondOver = 2;

/// A draw in one number: segment and serial. Serials stay below 2^32 - 1: no segment sees as many draws.
[[nodiscard]] constexpr std::int64_t coded_draw(std::uint32_t segment, std::int64_t serial) {
  return (std::int64_t{segment} << 32) + serial + 1;  // 0 = no draw
}
[[nodiscard]] constexpr WinPlace decoded_draw(std::int64_t coded) {
  return {.segment = static_cast<std::uint32_t>((coded - 1) >> 32), .serial = (coded - 1) & 0xFFFFFFFF};
}

namespace keys {

// Of the promotion.
inline CounterKey of_promotion(PartitionNo p, std::uint8_t kind, std::int64_t index = 0) {
  return {.partition = p, .kind = kind, .index = static_cast<std::int32_t>(index), .user = {}};
}
inline CounterKey granted_in_total(PartitionNo p, GrantCause cause) {
  return of_promotion(p, 5, static_cast<std::int32_t>(cause));
}
inline CounterKey revoked_in_total(PartitionNo p) { return of_promotion(p, 6); }
inline CounterKey drawn_in_total(PartitionNo p) { return of_promotion(p, 7); }
inline CounterKey funnel_in_total(PartitionNo p, FunnelStep step) {
  return of_promotion(p, 8, static_cast<std::int32_t>(step));
}
/// 1 + the segment that was opened last; 0 before the first.
inline CounterKey segment(PartitionNo p) { return of_promotion(p, 9); }
/// Tickets drawn in a segment: its next serial.
inline CounterKey serials(PartitionNo p, std::uint32_t segment) { return of_promotion(p, 10, segment); }
inline CounterKey quota(PartitionNo p, std::uint32_t segment) { return of_promotion(p, 11, segment); }
inline CounterKey length(PartitionNo p, std::uint32_t segment) { return of_promotion(p, 12, segment); }
inline CounterKey closed(PartitionNo p) { return of_promotion(p, 13); }
/// Prizes given by the second chance: its next place.
inline CounterKey second(PartitionNo p) { return of_promotion(p, 14); }
inline CounterKey second_stage(PartitionNo p) { return of_promotion(p, 15); }
/// Codes of a prize that may be assigned, and those that were.
inline CounterKey imported(PartitionNo p, std::uint32_t prize) { return of_promotion(p, 16, prize); }
inline CounterKey assigned(PartitionNo p, std::uint32_t prize) { return of_promotion(p, 17, prize); }
inline CounterKey voided_in_total(PartitionNo p) { return of_promotion(p, 18); }
inline CounterKey first_item(PartitionNo p, std::uint32_t segment) { return of_promotion(p, 19, segment); }
inline CounterKey paused_in(PartitionNo p, std::uint32_t segment) { return of_promotion(p, 20, segment); }

// Of a user. What a visit or a draw asks for together stands under one kind, so that a store may keep it together.
inline CounterKey of_user(PartitionNo p, UserRef user, std::uint8_t kind, std::int64_t index = 0) {
  return {.partition = p, .kind = kind, .index = static_cast<std::int32_t>(index), .user = user};
}
/// Held now.
inline CounterKey tickets(PartitionNo p, UserRef user) { return of_user(p, user, 20); }
inline CounterKey drawn(PartitionNo p, UserRef user) { return of_user(p, user, 20, 1); }
inline CounterKey granted(PartitionNo p, UserRef user, GrantCause cause) {
  return of_user(p, user, 20, 2 + static_cast<std::int32_t>(cause));
}
inline CounterKey revoked(PartitionNo p, UserRef user) { return of_user(p, user, 23); }
/// coded_draw() of the user's draw with this number.
inline CounterKey draw_at(PartitionNo p, UserRef user, std::uint32_t number) { return of_user(p, user, 24, number); }
inline CounterKey invited_on(PartitionNo p, UserRef user, std::uint32_t day_index) {
  return of_user(p, user, 25, day_index);
}
inline CounterKey funnel(PartitionNo p, UserRef user, FunnelStep step) {
  return of_user(p, user, 26, static_cast<std::int32_t>(step));
}

inline SetKey visited(PartitionNo p, UserRef user) { return {.partition = p, .kind = 1, .user = user}; }
/// The user was credited as a friend, whoever invited.
inline SetKey credited(PartitionNo p, UserRef user) { return {.partition = p, .kind = 2, .user = user}; }
inline SetKey issued(PartitionNo p, UserRef user) { return {.partition = p, .kind = 3, .user = user}; }
inline SetKey second_won(PartitionNo p, UserRef user) { return {.partition = p, .kind = 4, .user = user}; }
/// An event has named the user that sets nothing else.
inline SetKey named(PartitionNo p, UserRef user) { return {.partition = p, .kind = 5, .user = user}; }

// Of a pair of users, and of a win: they stand where a user would, mixed as references are.
inline std::uint64_t mixed(std::uint64_t x) {  // splitmix64's finalizer
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}
inline CounterKey open_refused(PartitionNo p, UserRef invited, UserRef inviter, OpenReason reason) {
  const UserRef pair{.hi = invited.hi ^ mixed(inviter.hi), .lo = invited.lo ^ mixed(inviter.lo)};
  return of_user(p, pair, 27, static_cast<std::int32_t>(reason));
}
inline UserRef stand_in(WinPlace win) {
  const auto serial = static_cast<std::uint64_t>(win.serial);
  return {.hi = mixed((std::uint64_t{win.segment} << 32U) ^ serial), .lo = mixed(~serial ^ win.segment)};
}
inline CounterKey codes_given(PartitionNo p, WinPlace win) { return of_user(p, stand_in(win), 28); }
inline CounterKey voided(PartitionNo p, WinPlace win) { return of_user(p, stand_in(win), 29); }
inline CounterKey used(PartitionNo p, WinPlace win) { return of_user(p, stand_in(win), 30); }
inline CounterKey reissued(PartitionNo p, WinPlace win) { return of_user(p, stand_in(win), 31); }

}  // namespace keys

}  // namespace windfall

// Every event as named members, once for writing and for reading JSON, and the name of its type. Archive is what
// event_json.cpp writes and reads with; the names are what people and other systems see, and are kept for good.
#pragma once

#include <array>
#include <string_view>
#include <type_traits>

#include "domain/kernel/event.hpp"

namespace windfall::codec {

/// CloudEvents types by the event's place in its variant; a type whose members change gets a new version beside it.
inline constexpr std::array<std::string_view, std::variant_size_v<Event>> kEventTypes{
    "windfall.participated.v1",      "windfall.definition-changed.v1",
    "windfall.paused-all.v1",        "windfall.user-blocked.v1",
    "windfall.key-changed.v1",       "windfall.answer-kept.v1",
    "windfall.effect-settled.v1",    "windfall.audited.v1",
    "windfall.user-erased.v1",       "windfall.visited.v1",
    "windfall.invite-issued.v1",     "windfall.invite-shared.v1",
    "windfall.invite-opened.v1",     "windfall.open-not-granted.v1",
    "windfall.tickets-adjusted.v1",  "windfall.segment-opened.v1",
    "windfall.segment-paused.v1",    "windfall.drew.v1",
    "windfall.lottery-closed.v1",    "windfall.second-chance-started.v1",
    "windfall.second-chance-won.v1", "windfall.second-chance-ended.v1",
    "windfall.win-voided.v1",        "windfall.codes-imported.v1",
    "windfall.code-assigned.v1",     "windfall.coupon-reissued.v1",
    "windfall.coupon-used.v1",       "windfall.inbound.v1",
    "windfall.inbound-settled.v1",   "windfall.codes-burned.v1",
};

inline constexpr std::array<std::string_view, 3> kOutcomeWords{"DONE", "DEAD", "REDRIVEN"};
inline constexpr std::array<std::string_view, 4> kOpenReasonWords{"OWN_LINK", "ALREADY_CREDITED", "NOT_FIRST_VISIT",
                                                                  "INVITER_LIMIT"};
inline constexpr std::array<std::string_view, 3> kInboundWords{"promotion.page.visited", "promotion.invite.opened",
                                                               "promotion.shared"};

template <class Archive, class A>
void audit_members(Archive& archive, A& audit) {
  archive.text("actor", audit.actor);
  archive.text("action", audit.action);
  archive.text("reason", audit.reason);
}
template <class Archive, class W>
void win_members(Archive& archive, W& win) {
  archive.number("winSegment", win.segment);
  archive.exact("winSerial", win.serial);
}

/// Operators, the intake, effects.
template <class Archive, class E>
bool work_members(Archive& archive, E& event) {
  using Type = std::remove_const_t<E>;
  if constexpr (std::is_same_v<Type, Participated>) {
    archive.user("user", "userRef", event.user);
    archive.day("day", event.day);
    archive.number("dayIndex", event.day_index);
    archive.exact("amount", event.amount);
    archive.boolean("test", event.test);
  } else if constexpr (std::is_same_v<Type, DefinitionChanged>) {
    archive.text("id", event.id);
    archive.text("definition", event.definition);
    audit_members(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, PausedAll>) {
    archive.boolean("paused", event.paused);
    audit_members(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, UserBlocked>) {
    archive.user("user", "userRef", event.user);
    archive.boolean("blocked", event.blocked);
    audit_members(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, KeyChanged>) {
    archive.text("keyId", event.key_id);
    archive.text("keys", event.keys);
    audit_members(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, AnswerKept>) {
    archive.number("status", event.status);
    archive.text("headers", event.headers);
    archive.text("body", event.body);
  } else if constexpr (std::is_same_v<Type, EffectSettled>) {
    archive.uuid("effect", event.effect);
    archive.word("outcome", event.outcome, kOutcomeWords);
    archive.text("detail", event.detail);
  } else if constexpr (std::is_same_v<Type, Audited>) {
    audit_members(archive, event.audit);
    archive.text("subject", event.subject);
  } else if constexpr (std::is_same_v<Type, UserErased>) {
    archive.user("user", "userRef", event.user);
    audit_members(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, Inbound>) {
    archive.hex("inboundId", event.id);
    archive.word("inboundType", event.type, kInboundWords);
    archive.user("user", "userRef", event.user);
    archive.text("about", event.about);
  } else if constexpr (std::is_same_v<Type, InboundSettled>) {
    archive.hex("inboundId", event.id);
    archive.user("user", "userRef", event.user);
    archive.boolean("dropped", event.dropped);
    archive.text("why", event.reason);
  } else {
    return false;
  }
  return true;
}

/// Tickets and draws.
template <class Archive, class E>
bool lottery_members(Archive& archive, E& event) {
  using Type = std::remove_const_t<E>;
  if constexpr (std::is_same_v<Type, Visited>) {
    archive.user("user", "userRef", event.user);
    archive.exact("tickets", event.tickets);
  } else if constexpr (std::is_same_v<Type, InviteIssued> || std::is_same_v<Type, InviteShared>) {
    archive.user("user", "userRef", event.user);
  } else if constexpr (std::is_same_v<Type, InviteOpened>) {
    archive.user("invited", "invitedRef", event.invited);
    archive.user("inviter", "inviterRef", event.inviter);
    archive.exact("friendTickets", event.friend_tickets);
    archive.exact("inviterTickets", event.inviter_tickets);
    archive.number("dayIndex", event.day_index);
    archive.boolean("inviterLimited", event.inviter_limited);
  } else if constexpr (std::is_same_v<Type, OpenNotGranted>) {
    archive.user("invited", "invitedRef", event.invited);
    archive.user("inviter", "inviterRef", event.inviter);
    archive.word("why", event.reason, kOpenReasonWords);
  } else if constexpr (std::is_same_v<Type, TicketsAdjusted>) {
    archive.user("user", "userRef", event.user);
    archive.exact("tickets", event.tickets);
    audit_members(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, SegmentOpened>) {
    archive.number("segment", event.segment);
    archive.exact("previous", event.previous);
    archive.number("quota", event.quota);
    archive.number("length", event.length);
    archive.number("firstItem", event.first_item);
  } else if constexpr (std::is_same_v<Type, SegmentPaused>) {
    archive.number("segment", event.segment);
  } else if constexpr (std::is_same_v<Type, Drew>) {
    archive.user("user", "userRef", event.user);
    archive.number("segment", event.segment);
    archive.number("number", event.number);
  } else if constexpr (std::is_same_v<Type, LotteryClosed>) {
    archive.boolean("secondChance", event.second_chance);
    archive.exact("shortfall", event.shortfall);
  } else if constexpr (std::is_same_v<Type, SecondChanceStarted>) {
    archive.number("prizes", event.prizes);
    archive.number("pool", event.pool);
  } else if constexpr (std::is_same_v<Type, SecondChanceWon>) {
    archive.user("user", "userRef", event.user);
    archive.number("place", event.place);
    archive.number("item", event.item);
  } else if constexpr (std::is_same_v<Type, SecondChanceEnded>) {
    archive.exact("shortfall", event.shortfall);
  } else {
    return false;
  }
  return true;
}

/// Wins and their codes.
template <class Archive, class E>
bool coupon_members(Archive& archive, E& event) {
  using Type = std::remove_const_t<E>;
  if constexpr (std::is_same_v<Type, WinVoided>) {
    archive.user("user", "userRef", event.user);
    win_members(archive, event.win);
    audit_members(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, CodesImported> || std::is_same_v<Type, CodesBurned>) {
    archive.number("prize", event.prize);
    archive.exact("count", event.count);
    audit_members(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, CodeAssigned>) {
    archive.user("user", "userRef", event.user);
    win_members(archive, event.win);
    archive.number("prize", event.prize);
    archive.number("issue", event.issue);
  } else if constexpr (std::is_same_v<Type, CouponReissued>) {
    archive.user("user", "userRef", event.user);
    win_members(archive, event.win);
    archive.number("issue", event.issue);
    audit_members(archive, event.audit);
  } else if constexpr (std::is_same_v<Type, CouponUsed>) {
    archive.user("user", "userRef", event.user);
    win_members(archive, event.win);
  } else {
    return false;
  }
  return true;
}

/// True for every event there is; event_json.cpp asserts it, so that a new one needs its members here.
template <class Archive, class E>
bool members_of(Archive& archive, E& event) {
  return work_members(archive, event) || lottery_members(archive, event) || coupon_members(archive, event);
}

}  // namespace windfall::codec

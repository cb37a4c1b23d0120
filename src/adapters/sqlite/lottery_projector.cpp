#include "adapters/sqlite/lottery_projector.hpp"

#include <fmt/format.h>

#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/sqlite/text.hpp"
#include "domain/lottery/coupons.hpp"

namespace windfall::sqlite {

namespace {

constexpr const char* kInsertTicket =
    "insert into ticket (seq, partition, user, cause, tickets, at, other, reason) values (?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* kInsertDraw =
    "insert into draw (seq, partition, epoch, sequence, user, segment, serial, at, test, prize, item, day, event_id, "
    "effect) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

std::int64_t taken_by(const Recorded& recorded) {
  if (recorded.taken.empty()) throw SqlError(FailureCode::damaged, "ledger: an event lacks the number it took");
  return recorded.taken.front();
}

std::string place_text(const WinPlace& place) {
  if (place.segment == WinPlace::kSecondChance) return fmt::format("place {} of the second chance", place.serial);
  return fmt::format("segment {}, serial {}", place.segment, place.serial);
}

}  // namespace

LotteryProjector::LotteryProjector(Connection& connection, BatchRows& rows, LotteryBooks& books,
                                   const EventIdsOf& event_ids)
    : connection_(connection),
      rows_(rows),
      books_(books),
      event_ids_(event_ids),
      insert_ticket_(connection(kInsertTicket)),
      insert_draw_(connection(kInsertDraw)) {}

LotteryBook& LotteryProjector::book_of(PartitionNo partition) { return books_.of(connection_, partition); }

void LotteryProjector::write_totals() {
  Statement& add = connection_(
      "insert into lottery_total (partition, visit, invite_sent, invite_opened, adjustment, revoked, drawn, won, "
      "second_won, voided, accruals) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (partition) do update set "
      "visit = visit + excluded.visit, invite_sent = invite_sent + excluded.invite_sent, invite_opened = invite_opened "
      "+ excluded.invite_opened, adjustment = adjustment + excluded.adjustment, revoked = revoked + excluded.revoked, "
      "drawn = drawn + excluded.drawn, won = won + excluded.won, second_won = second_won + excluded.second_won, voided "
      "= voided + excluded.voided, accruals = accruals + excluded.accruals");
  for (const auto& [partition, t] : totals_) {
    add.run(partition, t.granted[0], t.granted[1], t.granted[2], t.granted[3], t.revoked, t.drawn, t.won, t.second_won,
            t.voided, t.accruals);
  }
}

void LotteryProjector::audit(const Recorded& recorded, const Audit& audit, UserRef user, codec::BeforeAndAfter shown) {
  rows_.append({.at = recorded.time,
                .actor = audit.actor,
                .action = audit.action,
                .subject_user = user,
                .before = std::move(shown.before),
                .after = std::move(shown.after),
                .reason = audit.reason});
}

void LotteryProjector::forget_words_about(UserRef user) {
  const std::int64_t number = rows_.number_of(user);
  connection_("update ticket set reason = null where user = ? and reason is not null").run(number);
  connection_("delete from inbound_rejection where user = ?").run(number);
}

// --- Tickets

void LotteryProjector::grant(const Recorded& recorded, const Entry& entry) {
  rows_.seen(entry.user);
  if (entry.tickets == 0) return;
  LotteryBook& book = book_of(recorded.partition);
  insert_ticket_.run(++rows_.progress.entry, recorded.partition.value, rows_.number_of(entry.user),
                     static_cast<int>(entry.cause), entry.tickets, recorded.time.ms,
                     entry.other ? std::optional{rows_.number_of(*entry.other)} : std::nullopt, entry.reason);
  Totals& totals = totals_[recorded.partition.value];
  if (entry.tickets < 0) {
    totals.revoked -= entry.tickets;
    return;
  }
  totals.granted[static_cast<std::size_t>(entry.cause)] += entry.tickets;
  if (book.test || !book.lottery.notifications.ticket_granted) return;
  const EventIds ids = event_ids_(book.promotion_id, recorded.epoch, recorded.sequence, entry.effect_index);
  rows_.add_effect(
      recorded,
      {.id = ids.effect, .kind = EffectKind::notification_ticket_granted, .user = entry.user, .amount = entry.tickets});
}

std::int64_t LotteryProjector::held_by(PartitionNo partition, UserRef user) {
  // By the indexes of users; 4294967295 is the second chance, which draws no ticket.
  Rows rows = connection_(
                  "select (select coalesce(sum(tickets), 0) from ticket indexed by ticket_of_user where user = ?1 and "
                  "partition = ?2) - (select count(*) from draw indexed by draw_of_user where user = ?1 and partition "
                  "= ?2 and segment <> 4294967295)")
                  .select(rows_.number_of(user), partition.value);
  return rows.next() ? rows.integer(0) : 0;
}

void LotteryProjector::project(const Recorded& recorded, const Visited& event) {
  grant(recorded,
        {.user = event.user, .cause = GrantCause::visit, .tickets = event.tickets, .effect_index = kNotificationIndex});
}

void LotteryProjector::project(const Recorded& recorded, const InviteOpened& event) {
  grant(recorded, {.user = event.invited,
                   .cause = GrantCause::invite_opened,
                   .tickets = event.friend_tickets,
                   .effect_index = kNotificationIndex,
                   .other = event.inviter});
  grant(recorded, {.user = event.inviter,
                   .cause = GrantCause::invite_sent,
                   .tickets = event.inviter_limited ? 0 : event.inviter_tickets,
                   .effect_index = kInviterNotificationIndex,
                   .other = event.invited});
}

void LotteryProjector::project(const Recorded& recorded, const TicketsAdjusted& event) {
  const std::int64_t held = held_by(recorded.partition, event.user);
  grant(recorded, {.user = event.user,
                   .cause = GrantCause::adjustment,
                   .tickets = event.tickets,
                   .effect_index = kNotificationIndex,
                   .reason = event.audit.reason});
  audit(recorded, event.audit, event.user,
        codec::shown_adjustment(book_of(recorded.partition).promotion_id, held, event.tickets));
}

void LotteryProjector::project(const Recorded&, const InviteIssued& event) { rows_.seen(event.user); }
void LotteryProjector::project(const Recorded&, const InviteShared& event) { rows_.seen(event.user); }
void LotteryProjector::project(const Recorded&, const OpenNotGranted& event) {
  rows_.seen(event.invited);
  rows_.seen(event.inviter);
}

// --- Segments and draws

void LotteryProjector::project(const Recorded& recorded, const SegmentOpened& event) {
  const bool inserted =
      connection_(
          "insert into segment (partition, segment, at, previous, quota, length, first_item, paused) values (?1, ?2, "
          "?3, ?4, ?5, ?6, ?7, exists (select 1 from segment_pause where partition = ?1 and segment = ?2))")
          .run_unless_taken(recorded.partition.value, event.segment, recorded.time.ms, event.previous, event.quota,
                            event.length, event.first_item);
  if (!inserted) rows_.finding(recorded, "SEGMENT_TAKEN", fmt::format("segment {} was opened before", event.segment));
}

/// Noted apart from the segment: it may be opened later, when the pause is over.
void LotteryProjector::project(const Recorded& recorded, const SegmentPaused& event) {
  connection_("insert into segment_pause (partition, segment) values (?, ?) on conflict do nothing")
      .run(recorded.partition.value, event.segment);
  connection_("update segment set paused = 1 where partition = ? and segment = ?")
      .run(recorded.partition.value, event.segment);
}

void LotteryProjector::project(const Recorded& recorded, const Drew& event) {
  LotteryBook& book = book_of(recorded.partition);
  const std::int64_t serial = taken_by(recorded);
  Outcomes& outcomes = books_.outcomes(book);
  const Deck& deck = outcomes.deck(books_.terms(connection_, recorded.partition, book, event.segment));
  std::optional<Win> win;
  if (const auto item = deck.win_at(static_cast<std::uint64_t>(serial))) {
    const std::uint32_t day = event.segment / segments_per_day(book.lottery.segment_minutes);
    win = {.item = *item, .prize = outcomes.prize_of(*item), .day = {book.start.days + static_cast<std::int32_t>(day)}};
  }
  add_draw(recorded, event.user, {.segment = event.segment, .serial = serial}, win);
}

void LotteryProjector::project(const Recorded& recorded, const SecondChanceWon& event) {
  LotteryBook& book = book_of(recorded.partition);
  const Outcomes& outcomes = books_.outcomes(book);
  if (event.item >= outcomes.items()) {
    throw SqlError(FailureCode::damaged, fmt::format("ledger: {} has no item {}", book.promotion_id, event.item));
  }
  add_draw(recorded, event.user, {.segment = WinPlace::kSecondChance, .serial = event.place},
           Win{.item = event.item, .prize = outcomes.prize_of(event.item), .day = book.zone.day_at(recorded.time)});
}

void LotteryProjector::add_draw(const Recorded& recorded, UserRef user, WinPlace place, const std::optional<Win>& win) {
  const LotteryBook& book = book_of(recorded.partition);
  const bool second = place.segment == WinPlace::kSecondChance;
  std::optional<EventIds> ids;
  bool pays = false;
  if (win) {
    const Prize& prize = book.lottery.prizes[win->prize];
    ids = event_ids_(book.promotion_id, recorded.epoch, recorded.sequence, kAccrualIndex);
    pays = prize.kind == PrizeKind::points && prize.value > 0 && !book.test;
  }
  const bool inserted = insert_draw_.run_unless_taken(
      rows_.progress.entry + 1, recorded.partition.value, recorded.epoch.value, recorded.sequence.value,
      rows_.number_of(user), place.segment, place.serial, recorded.time.ms, book.test,
      win ? std::optional{win->prize} : std::nullopt, win ? std::optional{win->item} : std::nullopt,
      win ? std::optional{win->day.days} : std::nullopt, ids ? std::optional{ids->event} : std::nullopt,
      pays ? std::optional{rows_.progress.effect + 1} : std::nullopt);
  if (!inserted) {
    // The same event again is nothing new. Anything else: the hot state let through what it must not.
    Rows rows = connection_(
                    "select 1 from draw where partition = ? and segment = ? and serial = ? and epoch = ? and "
                    "sequence = ?")
                    .select(recorded.partition.value, place.segment, place.serial, recorded.epoch.value,
                            recorded.sequence.value);
    if (!rows.next()) rows_.finding(recorded, "DRAWN_TWICE", place_text(place) + " was drawn before");
    return;
  }
  const std::int64_t seq = ++rows_.progress.entry;
  rows_.seen(user);
  Totals& totals = totals_[recorded.partition.value];
  if (!second) ++totals.drawn;
  if (!win) return;
  ++(second ? totals.second_won : totals.won);
  if (book.lottery.prizes[win->prize].kind == PrizeKind::gifticon) add_coupon(recorded, seq, *win);
  if (book.test) return;  // nothing leaves the house for a test
  if (pays) {
    if (rows_.add_effect(
            recorded,
            {.id = ids->effect, .user = user, .amount = book.lottery.prizes[win->prize].value, .prize = win->prize})) {
      ++totals.accruals;
    } else {
      connection_("update draw set effect = null where seq = ?").run(seq);
    }
  }
  if (book.lottery.notifications.win) {
    rows_.add_effect(recorded,
                     {.id = event_ids_(book.promotion_id, recorded.epoch, recorded.sequence, kNotificationIndex).effect,
                      .kind = EffectKind::notification_win,
                      .user = user,
                      .amount = book.lottery.prizes[win->prize].value,
                      .prize = win->prize});
  }
}

void LotteryProjector::add_coupon(const Recorded& recorded, std::int64_t draw, const Win& win) {
  const LotteryBook& book = book_of(recorded.partition);
  const auto expires = coupon_expiry(book.lottery.prizes[win.prize], book.zone, win.day);
  connection_("insert into coupon (draw, partition, prize, expires_at) values (?, ?, ?, ?)")
      .run(draw, recorded.partition.value, win.prize, expires ? std::optional{expires->ms} : std::nullopt);
}

// --- The close and the second chance

void LotteryProjector::project(const Recorded&, const LotteryClosed&) {}      // the definition and its fold say so
void LotteryProjector::project(const Recorded&, const SecondChanceEnded&) {}  // its wins are rows
void LotteryProjector::project(const Recorded& recorded, const SecondChanceStarted&) {
  connection_(
      "insert into lottery_total (partition, second_begun) values (?, 1) on conflict (partition) do update set "
      "second_begun = 1")
      .run(recorded.partition.value);
}

// --- Wins afterwards

std::optional<LotteryProjector::Won> LotteryProjector::won_at(const Recorded& recorded, const WinPlace& place) {
  {
    Rows rows = connection_(
                    "select seq, event_id, effect, epoch, sequence, prize from draw where partition = ? and segment = "
                    "? and serial = ? and prize is not null")
                    .select(recorded.partition.value, place.segment, place.serial);
    if (rows.next()) {
      return Won{.seq = rows.integer(0),
                 .event = rows.bytes16(1),
                 .effect = rows.is_null(2) ? std::nullopt : std::optional{rows.integer(2)},
                 .epoch = {static_cast<std::uint32_t>(rows.integer(3))},
                 .sequence = {static_cast<std::uint64_t>(rows.integer(4))},
                 .prize = static_cast<std::uint32_t>(rows.integer(5))};
    }
  }
  rows_.finding(recorded, "NO_SUCH_WIN", place_text(place) + " has not won");
  return std::nullopt;
}

/// Nobody is told of a win that is no more, unless the call is on its way.
void LotteryProjector::cancel_notification(const Recorded& recorded, const Won& won) {
  const EventIds ids =
      event_ids_(book_of(recorded.partition).promotion_id, won.epoch, won.sequence, kNotificationIndex);
  Rows rows =
      connection_("select no from effect indexed by effect_not_done where id = ? and state <> 3").select(ids.effect);
  if (rows.next()) rows_.cancel_effect(recorded, rows.integer(0));
}

void LotteryProjector::project(const Recorded& recorded, const WinVoided& event) {
  std::string after;
  codec::ObjectWriter writer(after);
  writer.text("promotionId", book_of(recorded.partition).promotion_id);
  if (const std::optional<Won> won = won_at(recorded, event.win)) {
    writer.text("drawId", uuid_text(won->event));
    connection_(
        "update draw set voided = 1 + coalesce((select second_begun from lottery_total t where t.partition = "
        "draw.partition), 0) where seq = ? and voided = 0")
        .run(won->seq);
    if (connection_.changes() != 0) {
      Totals& totals = totals_[recorded.partition.value];
      ++totals.voided;
      if (won->effect) --totals.accruals;
    }
    connection_("update coupon set voided = 1 where draw = ?").run(won->seq);
    if (won->effect) rows_.cancel_effect(recorded, *won->effect);
    cancel_notification(recorded, *won);
  }
  writer.boolean("voided", true).close();
  rows_.seen(event.user);
  audit(recorded, event.audit, event.user, {.before = {}, .after = std::move(after)});
}

void LotteryProjector::project(const Recorded& recorded, const CodesImported& event) {
  audit_codes(recorded, event.prize, "imported", event.count, event.audit);
}

void LotteryProjector::project(const Recorded& recorded, const CodesBurned& event) {
  audit_codes(recorded, event.prize, "burned", event.count, event.audit);
}

void LotteryProjector::audit_codes(const Recorded& recorded, std::uint32_t prize, std::string_view what,
                                   std::int64_t count, const Audit& by) {
  const LotteryBook& book = book_of(recorded.partition);
  if (prize >= book.lottery.prizes.size()) {
    throw SqlError(FailureCode::damaged, fmt::format("ledger: {} has no prize {}", book.promotion_id, prize));
  }
  std::string after;
  codec::ObjectWriter(after).text("prizeId", book.lottery.prizes[prize].id).integer(what, count).close();
  rows_.append({.at = recorded.time,
                .actor = by.actor,
                .action = by.action,
                .subject = book.promotion_id,
                .after = std::move(after),
                .reason = by.reason});
}

/// Of a coupon that gets a code, or waits for another one, from now on.
std::optional<std::int64_t> LotteryProjector::expiry_from(const Recorded& recorded, const Won& won) {
  const LotteryBook& book = book_of(recorded.partition);
  const auto expires = coupon_expiry(book.lottery.prizes.at(won.prize), book.zone, recorded.time);
  return expires ? std::optional{expires->ms} : std::nullopt;
}

void LotteryProjector::project(const Recorded& recorded, const CodeAssigned& event) {
  rows_.seen(event.user);
  const std::optional<Won> won = won_at(recorded, event.win);
  if (!won) return;
  connection_(
      "update coupon set ordinal = ?1, issue = ?2, issued_at = ?3, expires_at = iif(expires_at < ?4, ?4, expires_at) "
      "where draw = ?5")
      .run(taken_by(recorded), event.issue, recorded.time.ms, expiry_from(recorded, *won), won->seq);
  if (connection_.changes() == 0) rows_.finding(recorded, "NO_SUCH_COUPON", place_text(event.win) + " is no gifticon");
}

void LotteryProjector::project(const Recorded& recorded, const CouponReissued& event) {
  rows_.seen(event.user);
  std::string after;
  codec::ObjectWriter writer(after);
  writer.text("promotionId", book_of(recorded.partition).promotion_id);
  if (const std::optional<Won> won = won_at(recorded, event.win)) {
    writer.text("couponId", uuid_text(won->event));
    connection_(
        "update coupon set ordinal = null, issue = ?1, issued_at = null, used_at = null, expires_at = iif(expires_at < "
        "?2, ?2, expires_at) where draw = ?3")
        .run(event.issue, expiry_from(recorded, *won), won->seq);
  }
  writer.integer("issue", event.issue).close();
  audit(recorded, event.audit, event.user, {.before = {}, .after = std::move(after)});
}

void LotteryProjector::project(const Recorded& recorded, const CouponUsed& event) {
  rows_.seen(event.user);
  const std::optional<Won> won = won_at(recorded, event.win);
  if (!won) return;
  connection_("update coupon set used_at = coalesce(used_at, ?) where draw = ?").run(recorded.time.ms, won->seq);
}

// --- Asynchronous intake

void LotteryProjector::project(const Recorded&, const Inbound& event) { rows_.seen(event.user); }

void LotteryProjector::project(const Recorded& recorded, const InboundSettled& event) {
  if (!event.dropped && event.reason.empty()) return;  // it granted something, which is a row already
  rows_.seen(event.user);
  connection_("insert into inbound_rejection (at, id, user, dropped, reason, partition) values (?, ?, ?, ?, ?, ?)")
      .run(recorded.time.ms, event.id, rows_.number_of(event.user), event.dropped, event.reason,
           recorded.partition.value);
}

}  // namespace windfall::sqlite

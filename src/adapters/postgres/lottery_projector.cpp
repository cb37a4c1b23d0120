#include "adapters/postgres/lottery_projector.hpp"

#include <fmt/format.h>

#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "domain/lottery/coupons.hpp"

namespace windfall::postgres {

namespace {

constexpr const char* kTicketColumns = "ticket (seq, partition, user_no, cause, tickets, at, other, reason)";
constexpr const char* kDrawColumns =
    "draw (seq, partition, epoch, sequence, user_no, segment, serial, at, test, prize, item, day, event_id, effect)";
constexpr const char* kInsertDraw =
    "insert into draw (seq, partition, epoch, sequence, user_no, segment, serial, at, test, prize, item, day, "
    "event_id, effect) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) on conflict (partition, "
    "segment, serial) do nothing";
constexpr const char* kCouponColumns = "coupon (draw, partition, prize, expires_at)";

std::int64_t taken_by(const Recorded& recorded) {
  if (recorded.taken.empty()) throw SqlError(FailureCode::damaged, "ledger: an event lacks the number it took");
  return recorded.taken.front();
}

std::string place_text(const WinPlace& place) {
  if (place.segment == WinPlace::kSecondChance) return fmt::format("place {} of the second chance", place.serial);
  return fmt::format("segment {}, serial {}", place.segment, place.serial);
}

}  // namespace

LotteryProjector::LotteryProjector(Batch& batch, LotteryBooks& books, const LedgerEventIdsOf& event_ids)
    : batch_(batch), db_(batch.db()), books_(books), event_ids_(event_ids), tickets_(8), draws_(14), coupons_(4) {}

LotteryBook& LotteryProjector::book_of(PartitionNo partition) { return books_.of(db_, partition); }

void LotteryProjector::write() {
  write_rows();
  write_totals();
}

void LotteryProjector::write_rows() {
  db_.copy(kTicketColumns, tickets_);
  db_.copy(kDrawColumns, draws_);
  db_.copy(kCouponColumns, coupons_);
}

void LotteryProjector::write_totals() {
  for (const auto& [partition, t] : totals_) {
    db_.run(
        "insert into lottery_total as l (partition, visit, invite_sent, invite_opened, adjustment, revoked, drawn, "
        "won, second_won, voided, accruals) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict "
        "(partition) do update set visit = l.visit + excluded.visit, invite_sent = l.invite_sent + "
        "excluded.invite_sent, invite_opened = l.invite_opened + excluded.invite_opened, adjustment = l.adjustment + "
        "excluded.adjustment, revoked = l.revoked + excluded.revoked, drawn = l.drawn + excluded.drawn, won = l.won + "
        "excluded.won, second_won = l.second_won + excluded.second_won, voided = l.voided + excluded.voided, accruals "
        "= l.accruals + excluded.accruals",
        partition, t.granted[0], t.granted[1], t.granted[2], t.granted[3], t.revoked, t.drawn, t.won, t.second_won,
        t.voided, t.accruals);
  }
}

void LotteryProjector::audit(const Recorded& recorded, const Audit& audit, UserRef user, codec::BeforeAndAfter shown) {
  batch_.append({.at = recorded.time,
                 .actor = audit.actor,
                 .action = audit.action,
                 .subject_user = user,
                 .before = std::move(shown.before),
                 .after = std::move(shown.after),
                 .reason = audit.reason});
}

void LotteryProjector::forget_words_about(UserRef user) {
  write_rows();
  const std::int64_t number = batch_.number_of(user);
  db_.run("update ticket set reason = null where user_no = $1 and reason is not null", number);
  db_.run("delete from inbound_rejection where user_no = $1", number);
}

// --- Tickets

void LotteryProjector::grant(const Recorded& recorded, const Entry& entry) {
  if (entry.tickets == 0) return;
  const LotteryBook& book = book_of(recorded.partition);
  tickets_.row().int8(++batch_.progress.entry).int4(recorded.partition.value).int8(batch_.number_of(entry.user));
  tickets_.int2(static_cast<int>(entry.cause)).int8(entry.tickets).time(recorded.time);
  entry.other ? tickets_.int8(batch_.number_of(*entry.other)) : tickets_.null();
  entry.reason ? tickets_.text(*entry.reason) : tickets_.null();
  Totals& totals = totals_[recorded.partition.value];
  if (entry.tickets < 0) {
    totals.revoked -= entry.tickets;
    return;
  }
  totals.granted[static_cast<std::size_t>(entry.cause)] += entry.tickets;
  if (book.test || !book.lottery.notifications.ticket_granted) return;
  const LedgerEventIds ids = event_ids_(book.promotion_id, recorded.epoch, recorded.sequence, entry.effect_index);
  batch_.add_effect(
      recorded,
      {.id = ids.effect, .kind = EffectKind::notification_ticket_granted, .user = entry.user, .amount = entry.tickets});
}

std::int64_t LotteryProjector::held_by(PartitionNo partition, UserRef user) {
  write_rows();
  // 4294967295 is the second chance, which draws no ticket.
  Rows rows = db_.select(
      "select (select coalesce(sum(tickets), 0)::bigint from ticket where user_no = $1 and partition = $2) - (select "
      "count(*) from draw where user_no = $1 and partition = $2 and segment <> 4294967295)",
      batch_.number_of(user), partition.value);
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

// They change no account; who they name has a row already.
void LotteryProjector::project(const Recorded&, const InviteIssued&) {}
void LotteryProjector::project(const Recorded&, const InviteShared&) {}
void LotteryProjector::project(const Recorded&, const OpenNotGranted&) {}

// --- Segments and draws

void LotteryProjector::project(const Recorded& recorded, const SegmentOpened& event) {
  const bool inserted =
      db_.run(
          "insert into segment (partition, segment, at, previous, quota, length, first_item, paused) values ($1, $2, "
          "$3, $4, $5, $6, $7, exists (select from segment_pause where partition = $1 and segment = $2)) on conflict "
          "do nothing",
          recorded.partition.value, event.segment, recorded.time, event.previous, event.quota, event.length,
          event.first_item) == 1;
  if (!inserted) batch_.finding(recorded, "SEGMENT_TAKEN", fmt::format("segment {} was opened before", event.segment));
}

/// Noted apart from the segment: it may be opened later, when the pause is over.
void LotteryProjector::project(const Recorded& recorded, const SegmentPaused& event) {
  db_.run("insert into segment_pause (partition, segment) values ($1, $2) on conflict do nothing",
          recorded.partition.value, event.segment);
  db_.run("update segment set paused = true where partition = $1 and segment = $2", recorded.partition.value,
          event.segment);
}

void LotteryProjector::project(const Recorded& recorded, const Drew& event) {
  LotteryBook& book = book_of(recorded.partition);
  const std::int64_t serial = taken_by(recorded);
  Outcomes& outcomes = books_.outcomes(book);
  const Deck& deck = outcomes.deck(books_.terms(db_, recorded.partition, book, event.segment));
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
  Row row{.seq = batch_.progress.entry + 1,
          .user_no = batch_.number_of(user),
          .place = place,
          .test = book.test,
          .win = win,
          .ids = {},
          .pays = false};
  if (win) {
    const Prize& prize = book.lottery.prizes[win->prize];
    row.ids = event_ids_(book.promotion_id, recorded.epoch, recorded.sequence, kAccrualIndex);
    row.pays = prize.kind == PrizeKind::points && prize.value > 0 && !book.test;
  }
  if (!insert_draw(recorded, row)) {
    // The hot state let through what it must not; the same event again never gets here.
    batch_.finding(recorded, "DRAWN_TWICE", place_text(place) + " was drawn before");
    return;
  }
  ++batch_.progress.entry;
  Totals& totals = totals_[recorded.partition.value];
  if (!second) ++totals.drawn;
  if (!win) return;
  ++(second ? totals.second_won : totals.won);
  follow_win(recorded, user, row, book);
}

bool LotteryProjector::insert_draw(const Recorded& recorded, const Row& row) {
  if (batch_.pace() == Batch::Pace::one_by_one) {
    const auto& win = row.win;
    return db_.run(kInsertDraw, row.seq, recorded.partition.value, recorded.epoch.value, recorded.sequence.value,
                   row.user_no, row.place.segment, row.place.serial, recorded.time, row.test,
                   win ? std::optional{win->prize} : std::nullopt, win ? std::optional{win->item} : std::nullopt,
                   win ? std::optional{win->day} : std::nullopt, win ? std::optional{row.ids.event} : std::nullopt,
                   row.pays ? std::optional{row.ids.effect} : std::nullopt) == 1;
  }
  draws_.row().int8(row.seq).int4(recorded.partition.value).int4(recorded.epoch.value);
  draws_.int8(static_cast<std::int64_t>(recorded.sequence.value)).int8(row.user_no).int8(row.place.segment);
  draws_.int8(row.place.serial).time(recorded.time).boolean(row.test);
  if (row.win) {
    draws_.int4(row.win->prize).int8(row.win->item).date(row.win->day).uuid(row.ids.event);
  } else {
    draws_.null().null().null().null();
  }
  row.pays ? draws_.uuid(row.ids.effect) : draws_.null();
  return true;
}

void LotteryProjector::follow_win(const Recorded& recorded, UserRef user, const Row& row, const LotteryBook& book) {
  const Prize& prize = book.lottery.prizes[row.win->prize];
  if (prize.kind == PrizeKind::gifticon) add_coupon(recorded, row.seq, *row.win);
  if (book.test) return;  // nothing leaves the house for a test
  if (row.pays) {
    if (batch_.add_effect(recorded,
                          {.id = row.ids.effect, .user = user, .amount = prize.value, .prize = row.win->prize})) {
      ++totals_[recorded.partition.value].accruals;
    } else {
      write_rows();
      db_.run("update draw set effect = null where seq = $1", row.seq);
    }
  }
  if (!book.lottery.notifications.win) return;
  const LedgerEventIds ids = event_ids_(book.promotion_id, recorded.epoch, recorded.sequence, kNotificationIndex);
  batch_.add_effect(recorded, {.id = ids.effect,
                               .kind = EffectKind::notification_win,
                               .user = user,
                               .amount = prize.value,
                               .prize = row.win->prize});
}

void LotteryProjector::add_coupon(const Recorded& recorded, std::int64_t draw, const Win& win) {
  const LotteryBook& book = book_of(recorded.partition);
  const auto expires = coupon_expiry(book.lottery.prizes[win.prize], book.zone, win.day);
  coupons_.row().int8(draw).int4(recorded.partition.value).int4(win.prize);
  expires ? coupons_.time(*expires) : coupons_.null();
}

// --- The close and the second chance

void LotteryProjector::project(const Recorded&, const LotteryClosed&) {}      // the definition and its fold say so
void LotteryProjector::project(const Recorded&, const SecondChanceEnded&) {}  // its wins are rows
void LotteryProjector::project(const Recorded& recorded, const SecondChanceStarted&) {
  db_.run(
      "insert into lottery_total (partition, second_begun) values ($1, true) on conflict (partition) do update set "
      "second_begun = true",
      recorded.partition.value);
}

// --- Wins afterwards

std::optional<LotteryProjector::Won> LotteryProjector::won_at(const Recorded& recorded, const WinPlace& place) {
  write_rows();
  Rows rows = db_.select(
      "select seq, event_id, effect, epoch, sequence, prize from draw where partition = $1 and segment = $2 and serial "
      "= $3 and prize is not null",
      recorded.partition.value, place.segment, place.serial);
  if (rows.next()) {
    return Won{.seq = rows.integer(0),
               .event = rows.uuid(1),
               .effect = rows.is_null(2) ? std::nullopt : std::optional{rows.uuid(2)},
               .epoch = {static_cast<std::uint32_t>(rows.integer(3))},
               .sequence = {static_cast<std::uint64_t>(rows.integer(4))},
               .prize = static_cast<std::uint32_t>(rows.integer(5))};
  }
  batch_.finding(recorded, "NO_SUCH_WIN", place_text(place) + " has not won");
  return std::nullopt;
}

void LotteryProjector::project(const Recorded& recorded, const WinVoided& event) {
  std::string after;
  codec::ObjectWriter writer(after);
  writer.text("promotionId", book_of(recorded.partition).promotion_id);
  if (const std::optional<Won> won = won_at(recorded, event.win)) {
    writer.text("drawId", codec::to_uuid_text(won->event));
    const std::int64_t voided = db_.run(
        "update draw set voided = 1 + coalesce((select second_begun::integer from lottery_total t where t.partition = "
        "draw.partition), 0) where seq = $1 and voided = 0",
        won->seq);
    if (voided != 0) {
      Totals& totals = totals_[recorded.partition.value];
      ++totals.voided;
      if (won->effect) --totals.accruals;
    }
    db_.run("update coupon set voided = true where draw = $1", won->seq);
    if (won->effect) batch_.cancel_effect(recorded, *won->effect);
    // Nobody is told of a win that is no more, unless the call is on its way.
    const LedgerEventIds ids =
        event_ids_(book_of(recorded.partition).promotion_id, won->epoch, won->sequence, kNotificationIndex);
    batch_.cancel_effect(recorded, ids.effect);
  }
  writer.boolean("voided", true).close();
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
  batch_.append({.at = recorded.time,
                 .actor = by.actor,
                 .action = by.action,
                 .subject = book.promotion_id,
                 .after = std::move(after),
                 .reason = by.reason});
}

/// Of a coupon that gets a code, or waits for another one, from now on.
std::optional<Instant> LotteryProjector::expiry_from(const Recorded& recorded, const Won& won) {
  const LotteryBook& book = book_of(recorded.partition);
  return coupon_expiry(book.lottery.prizes.at(won.prize), book.zone, recorded.time);
}

void LotteryProjector::project(const Recorded& recorded, const CodeAssigned& event) {
  const std::optional<Won> won = won_at(recorded, event.win);
  if (!won) return;
  const std::int64_t assigned = db_.run(
      "update coupon set ordinal = $1, issue = $2, issued_at = $3, expires_at = case when expires_at < $4 then $4 else "
      "expires_at end where draw = $5",
      taken_by(recorded), event.issue, recorded.time, expiry_from(recorded, *won), won->seq);
  if (assigned == 0) batch_.finding(recorded, "NO_SUCH_COUPON", place_text(event.win) + " is no gifticon");
}

void LotteryProjector::project(const Recorded& recorded, const CouponReissued& event) {
  std::string after;
  codec::ObjectWriter writer(after);
  writer.text("promotionId", book_of(recorded.partition).promotion_id);
  if (const std::optional<Won> won = won_at(recorded, event.win)) {
    writer.text("couponId", codec::to_uuid_text(won->event));
    db_.run(
        "update coupon set ordinal = null, issue = $1, issued_at = null, used_at = null, expires_at = case when "
        "expires_at < $2 then $2 else expires_at end where draw = $3",
        event.issue, expiry_from(recorded, *won), won->seq);
  }
  writer.integer("issue", event.issue).close();
  audit(recorded, event.audit, event.user, {.before = {}, .after = std::move(after)});
}

void LotteryProjector::project(const Recorded& recorded, const CouponUsed& event) {
  const std::optional<Won> won = won_at(recorded, event.win);
  if (!won) return;
  db_.run("update coupon set used_at = coalesce(used_at, $1) where draw = $2", recorded.time, won->seq);
}

// --- Asynchronous intake

void LotteryProjector::project(const Recorded&, const Inbound&) {}

void LotteryProjector::project(const Recorded& recorded, const InboundSettled& event) {
  if (!event.dropped && event.reason.empty()) return;  // it granted something, which is a row already
  db_.run("insert into inbound_rejection (at, id, user_no, dropped, reason, partition) values ($1, $2, $3, $4, $5, $6)",
          recorded.time, event.id, batch_.number_of(event.user), event.dropped, event.reason, recorded.partition.value);
}

}  // namespace windfall::postgres

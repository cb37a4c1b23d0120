// Projection of the events of lotteries: accounts of tickets, draws with what they won, coupons, and the effects that
// follow. What a draw won stands in no event: it follows from the seed and the segments, here as everywhere.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/mongo/projection.hpp"
#include "adapters/mongo/schema.hpp"
#include "domain/lottery/coupons.hpp"

namespace windfall::mongo {

namespace {

std::string place_text(const WinPlace& place) {
  if (place.segment == WinPlace::kSecondChance) return fmt::format("place {} of the second chance", place.serial);
  return fmt::format("segment {}, serial {}", place.segment, place.serial);
}

}  // namespace

codec::LotteryBook* Projection::book_of(PartitionNo partition) {
  const auto promotion = promotions_.find(partition.value);
  if (promotion == promotions_.end()) {
    damaged(fmt::format("ledger: partition {} has an event of a lottery before its definition", partition.value));
    return nullptr;
  }
  const auto known = books_.by_partition.find(partition.value);
  if (known != books_.by_partition.end() && known->second.revision == promotion->second.revision) {
    return &known->second;
  }
  Result<codec::LotteryBook> book =
      codec::read_lottery_book(partition, promotion->second.definition, promotion->second.revision);
  if (!book) {
    if (!failed_) failed_ = book.error();
    return nullptr;
  }
  return &books_.by_partition.insert_or_assign(partition.value, *std::move(book)).first->second;
}

Outcomes* Projection::outcomes_of(codec::LotteryBook& book) {
  const Result<Outcomes*> outcomes = codec::outcomes_of(book, books_.open_seed);
  if (outcomes) return *outcomes;
  if (!failed_) failed_ = outcomes.error();
  return nullptr;
}

void Projection::audit(const Recorded& recorded, const Audit& by, UserRef user, codec::BeforeAndAfter shown) {
  append({.at = recorded.time,
          .actor = by.actor,
          .action = by.action,
          .subject_user = user,
          .before = std::move(shown.before),
          .after = std::move(shown.after),
          .reason = by.reason});
}

// --- Tickets

void Projection::grant(const Recorded& recorded, const Entry& entry) {
  if (entry.tickets == 0) return;
  const codec::LotteryBook* book = book_of(recorded.partition);
  if (book == nullptr) return;
  tickets_.push_back({.seq = ++progress_.entry,
                      .partition = recorded.partition,
                      .user = entry.user,
                      .cause = entry.cause,
                      .tickets = entry.tickets,
                      .at = recorded.time,
                      .other = entry.other,
                      .reason = entry.reason});
  change_held(recorded.partition, entry.user, entry.tickets);
  LotteryTotal& total = lottery_totals_[recorded.partition.value];
  if (entry.tickets < 0) {
    total.revoked -= entry.tickets;
    return;
  }
  total.granted[static_cast<std::size_t>(entry.cause)] += entry.tickets;
  if (book->test || !book->lottery.notifications.ticket_granted) return;
  add_effect({.id = ids_of(book->promotion_id, recorded.epoch, recorded.sequence, entry.effect_index).effect,
              .kind = EffectKind::notification_ticket_granted,
              .user = entry.user,
              .amount = entry.tickets});
}

void Projection::change_held(PartitionNo partition, UserRef user, std::int64_t tickets) {
  const auto account = held_.find({partition.value, user});
  if (account != held_.end()) account->second += tickets;
}

void Projection::project(const Recorded& recorded, const Visited& event) {
  grant(recorded,
        {.user = event.user, .cause = GrantCause::visit, .tickets = event.tickets, .effect_index = kNotificationIndex});
}

void Projection::project(const Recorded& recorded, const InviteOpened& event) {
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

void Projection::project(const Recorded& recorded, const TicketsAdjusted& event) {
  const std::int64_t held = held_[{recorded.partition.value, event.user}];
  grant(recorded, {.user = event.user,
                   .cause = GrantCause::adjustment,
                   .tickets = event.tickets,
                   .effect_index = kNotificationIndex,
                   .reason = event.audit.reason});
  const codec::LotteryBook* book = book_of(recorded.partition);
  if (book == nullptr) return;
  audit(recorded, event.audit, event.user, codec::shown_adjustment(book->promotion_id, held, event.tickets));
}

// They change no account; who they name is known by then.
void Projection::project(const Recorded&, const InviteIssued&) {}
void Projection::project(const Recorded&, const InviteShared&) {}
void Projection::project(const Recorded&, const OpenNotGranted&) {}

// --- Segments and draws

void Projection::project(const Recorded& recorded, const SegmentOpened& event) {
  const DeckTerms terms{
      .segment = {event.segment}, .quota = event.quota, .length = event.length, .first_item = event.first_item};
  if (!segments_.try_emplace({recorded.partition.value, event.segment}, terms).second) {
    return finding(recorded, "SEGMENT_TAKEN", fmt::format("segment {} was opened before", event.segment));
  }
  inserted(kSegments)
      .text("_id", key_of(recorded.partition, std::uint64_t{event.segment}))
      .integer("partition", std::int64_t{recorded.partition.value})
      .integer("segment", std::int64_t{event.segment})
      .time("at", recorded.time)
      .integer("previous", event.previous)
      .integer("quota", std::int64_t{event.quota})
      .integer("length", std::int64_t{event.length})
      .integer("firstItem", std::int64_t{event.first_item})
      .integer("batch", known_.progress.batch + 1)
      .boolean("paused", segment_pauses_.contains({recorded.partition.value, event.segment}));
}

void Projection::project(const Recorded& recorded, const SegmentPaused& event) {
  const std::string key = key_of(recorded.partition, std::uint64_t{event.segment});
  if (!segments_.contains({recorded.partition.value, event.segment})) {
    // It may be opened later, when the pause is over.
    if (!segment_pauses_.emplace(recorded.partition.value, event.segment).second) return;
    inserted(kSegmentPauses)
        .text("_id", key)
        .integer("partition", std::int64_t{recorded.partition.value})
        .integer("segment", std::int64_t{event.segment})
        .integer("batch", known_.progress.batch + 1);
    return;
  }
  for (Document& row : writes_.inserts[kSegments]) {
    if (View(row).text("_id") != key) continue;
    Document paused;
    bson_copy_to_excluding_noinit(row.raw(), paused.raw(), "paused", nullptr);
    paused.boolean("paused", true);
    row = std::move(paused);
    return;
  }
  Document which;
  which.text("_id", key);
  Document members;
  members.boolean("paused", true);
  writes_.sets.push_back({.collection = kSegments, .which = std::move(which), .members = std::move(members)});
}

void Projection::project(const Recorded& recorded, const Drew& event) {
  codec::LotteryBook* book = book_of(recorded.partition);
  if (book == nullptr) return;
  if (recorded.taken.empty()) return damaged("ledger: an event lacks the number it took");
  const std::int64_t serial = recorded.taken.front();
  Outcomes* outcomes = outcomes_of(*book);
  if (outcomes == nullptr) return;
  const auto terms = segments_.find({recorded.partition.value, event.segment});
  if (terms == segments_.end()) {
    return damaged(
        fmt::format("ledger: {} has a draw in segment {}, which was never opened", book->promotion_id, event.segment));
  }
  const Deck& deck = outcomes->deck(terms->second);
  std::optional<Draw::Won> won;
  if (const auto item = deck.win_at(static_cast<std::uint64_t>(serial))) {
    const std::uint32_t day = event.segment / segments_per_day(book->lottery.segment_minutes);
    won = Draw::Won{.prize = outcomes->prize_of(*item),
                    .item = *item,
                    .day = {book->start.days + static_cast<std::int32_t>(day)},
                    .event = {},
                    .effect = std::nullopt,
                    .voided = 0};
  }
  add_draw(recorded, event.user, {.segment = event.segment, .serial = serial}, won);
}

void Projection::project(const Recorded& recorded, const SecondChanceWon& event) {
  codec::LotteryBook* book = book_of(recorded.partition);
  if (book == nullptr) return;
  const Outcomes* outcomes = outcomes_of(*book);
  if (outcomes == nullptr) return;
  if (event.item >= outcomes->items()) {
    return damaged(fmt::format("ledger: {} has no item {}", book->promotion_id, event.item));
  }
  add_draw(recorded, event.user, {.segment = WinPlace::kSecondChance, .serial = event.place},
           Draw::Won{.prize = outcomes->prize_of(event.item),
                     .item = event.item,
                     .day = book->zone.day_at(recorded.time),
                     .event = {},
                     .effect = std::nullopt,
                     .voided = 0});
}

void Projection::add_draw(const Recorded& recorded, UserRef user, WinPlace place, std::optional<Draw::Won> won) {
  const codec::LotteryBook& book = *book_of(recorded.partition);
  const std::string key = key_of(recorded.partition, place);
  if (draws_.contains(key)) {
    // The hot state let through what it must not; the same event again never gets here.
    return finding(recorded, "DRAWN_TWICE", place_text(place) + " was drawn before");
  }
  Draw draw{.seq = ++progress_.entry,
            .partition = recorded.partition,
            .promotion_id = book.promotion_id,
            .epoch = recorded.epoch,
            .sequence = recorded.sequence,
            .user = user,
            .place = place,
            .at = recorded.time,
            .test = book.test,
            .won = std::nullopt,
            .coupon = std::nullopt};
  LotteryTotal& total = lottery_totals_[recorded.partition.value];
  const bool second = place.segment == WinPlace::kSecondChance;
  if (!second) {
    ++total.drawn;
    change_held(recorded.partition, user, -1);
  }
  if (won) {
    ++(second ? total.second_won : total.won);
    const Prize& prize = book.lottery.prizes[won->prize];
    const LedgerEventIds ids = ids_of(book.promotion_id, recorded.epoch, recorded.sequence, kAccrualIndex);
    won->event = ids.event;
    if (prize.kind == PrizeKind::gifticon) {
      draw.coupon = Draw::Coupon{};
      draw.coupon->expires_at = coupon_expiry(prize, book.zone, won->day);
    }
    // Nothing leaves the house for a test.
    if (!book.test && prize.kind == PrizeKind::points && prize.value > 0) {
      won->effect = ids.effect;
      ++total.accruals;
      add_effect({.id = ids.effect, .user = user, .amount = prize.value, .prize = won->prize});
    }
    if (!book.test && book.lottery.notifications.win) {
      add_effect({.id = ids_of(book.promotion_id, recorded.epoch, recorded.sequence, kNotificationIndex).effect,
                  .kind = EffectKind::notification_win,
                  .user = user,
                  .amount = prize.value,
                  .prize = won->prize});
    }
    draw.won = won;
  }
  draws_.emplace(key, std::move(draw));
  changed_draws_.insert(key);
}

void Projection::write_draws() {
  const std::int64_t batch = known_.progress.batch + 1;
  for (const std::string& key : changed_draws_) {
    const Draw& draw = draws_.at(key);
    if (!known_.draws.contains(key)) {
      inserted(kDraws).text("_id", key).append(members_of(draw)).integer("batch", batch);
      continue;
    }
    Document which;
    which.text("_id", key);
    writes_.sets.push_back({.collection = kDraws, .which = std::move(which), .members = members_of(draw)});
  }
  for (const Ticket& ticket : tickets_) {
    Document& row = inserted(kTickets);
    row.integer("_id", ticket.seq)
        .integer("seq", ticket.seq)
        .integer("partition", std::int64_t{ticket.partition.value})
        .text("promotionId", promotions_.at(ticket.partition.value).id)
        .user("userRef", ticket.user)
        .integer("cause", static_cast<std::int64_t>(ticket.cause))
        .integer("tickets", ticket.tickets)
        .time("at", ticket.at);
    ticket.other ? row.user("otherRef", *ticket.other) : row.null("otherRef");
    row.text_or_null("reason", ticket.reason).integer("batch", batch);
  }
}

// --- The close and the second chance

void Projection::project(const Recorded&, const LotteryClosed&) {}      // the definition and its fold say so
void Projection::project(const Recorded&, const SecondChanceEnded&) {}  // its wins are rows
void Projection::project(const Recorded& recorded, const SecondChanceStarted&) {
  lottery_totals_[recorded.partition.value].second_begun = true;
}

// --- Wins afterwards

Draw* Projection::won_at(const Recorded& recorded, const WinPlace& place) {
  const std::string key = key_of(recorded.partition, place);
  const auto draw = draws_.find(key);
  if (draw == draws_.end() || !draw->second.won) {
    finding(recorded, "NO_SUCH_WIN", place_text(place) + " has not won");
    return nullptr;
  }
  changed_draws_.insert(key);
  return &draw->second;
}

void Projection::project(const Recorded& recorded, const WinVoided& event) {
  const codec::LotteryBook* book = book_of(recorded.partition);
  if (book == nullptr) return;
  std::string after;
  codec::ObjectWriter writer(after);
  writer.text("promotionId", book->promotion_id);
  if (Draw* draw = won_at(recorded, event.win)) {
    Draw::Won& won = *draw->won;
    writer.text("drawId", codec::to_uuid_text(won.event));
    LotteryTotal& total = lottery_totals_[recorded.partition.value];
    if (won.voided == 0) {
      won.voided = total.second_begun ? 2 : 1;
      ++total.voided;
      if (won.effect) --total.accruals;
    }
    if (won.effect) add_effect({.what = EffectChange::What::cancelled, .id = *won.effect});
    // Nobody is told of a win that is no more, unless the call is on its way.
    add_effect({.what = EffectChange::What::cancelled,
                .id = ids_of(book->promotion_id, draw->epoch, draw->sequence, kNotificationIndex).effect});
  }
  writer.boolean("voided", true).close();
  audit(recorded, event.audit, event.user, {.before = {}, .after = std::move(after)});
}

void Projection::project(const Recorded& recorded, const CodesImported& event) {
  audit_codes(recorded, event.prize, "imported", event.count, event.audit);
}

void Projection::project(const Recorded& recorded, const CodesBurned& event) {
  audit_codes(recorded, event.prize, "burned", event.count, event.audit);
}

void Projection::audit_codes(const Recorded& recorded, std::uint32_t prize, std::string_view what, std::int64_t count,
                             const Audit& by) {
  const codec::LotteryBook* book = book_of(recorded.partition);
  if (book == nullptr) return;
  if (prize >= book->lottery.prizes.size()) {
    return damaged(fmt::format("ledger: {} has no prize {}", book->promotion_id, prize));
  }
  std::string after;
  codec::ObjectWriter(after).text("prizeId", book->lottery.prizes[prize].id).integer(what, count).close();
  append({.at = recorded.time,
          .actor = by.actor,
          .action = by.action,
          .subject = book->promotion_id,
          .after = std::move(after),
          .reason = by.reason});
}

/// It gets a code, or waits for another one, from now on.
void Projection::extend(const Recorded& recorded, Draw& draw) {
  const codec::LotteryBook* book = book_of(recorded.partition);
  if (book == nullptr) return;
  const auto expires = coupon_expiry(book->lottery.prizes.at(draw.won->prize), book->zone, recorded.time);
  if (draw.coupon->expires_at && expires) draw.coupon->expires_at = std::max(*draw.coupon->expires_at, *expires);
}

void Projection::project(const Recorded& recorded, const CodeAssigned& event) {
  Draw* draw = won_at(recorded, event.win);
  if (draw == nullptr) return;
  if (!draw->coupon) return finding(recorded, "NO_SUCH_COUPON", place_text(event.win) + " is no gifticon");
  if (recorded.taken.empty()) return damaged("ledger: an event lacks the number it took");
  draw->coupon->ordinal = recorded.taken.front();
  draw->coupon->issue = event.issue;
  draw->coupon->issued_at = recorded.time;
  extend(recorded, *draw);
}

void Projection::project(const Recorded& recorded, const CouponReissued& event) {
  const codec::LotteryBook* book = book_of(recorded.partition);
  if (book == nullptr) return;
  std::string after;
  codec::ObjectWriter writer(after);
  writer.text("promotionId", book->promotion_id);
  if (Draw* draw = won_at(recorded, event.win)) {
    writer.text("couponId", codec::to_uuid_text(draw->won->event));
    if (draw->coupon) {
      draw->coupon->ordinal.reset();
      draw->coupon->issue = event.issue;
      draw->coupon->issued_at.reset();
      draw->coupon->used_at.reset();
      extend(recorded, *draw);
    }
  }
  writer.integer("issue", event.issue).close();
  audit(recorded, event.audit, event.user, {.before = {}, .after = std::move(after)});
}

void Projection::project(const Recorded& recorded, const CouponUsed& event) {
  Draw* draw = won_at(recorded, event.win);
  if (draw != nullptr && draw->coupon && !draw->coupon->used_at) draw->coupon->used_at = recorded.time;
}

// --- Asynchronous intake

void Projection::project(const Recorded&, const Inbound&) {}

void Projection::project(const Recorded& recorded, const InboundSettled& event) {
  if (!event.dropped && event.reason.empty()) return;  // it granted something, which is a row already
  const auto about = promotions_.find(recorded.partition.value);
  inserted(kInbound)
      .text("_id", key_of(recorded.partition, recorded.sequence.value))
      .integer("position", progress_.position)
      .time("at", recorded.time)
      .uuid("id", event.id)
      .user("userRef", event.user)
      .boolean("dropped", event.dropped)
      .text("reason", std::string_view(event.reason))
      .text("promotionId", about == promotions_.end() ? std::string_view{} : std::string_view(about->second.id));
}

}  // namespace windfall::mongo

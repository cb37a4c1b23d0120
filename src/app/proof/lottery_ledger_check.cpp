#include "app/proof/lottery_ledger_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "app/proof/effect_fate.hpp"

namespace windfall::proof {

namespace {

constexpr const char* kTickets =
    "select t.seq, t.partition, u.ref, t.cause, t.tickets, t.at, o.ref, t.reason from ticket t left join user u on "
    "u.no "
    "= t.user left join user o on o.no = t.other order by t.seq";
enum TicketColumn : std::uint8_t { kSeq, kPartition, kUser, kCause, kTicketCount, kAt, kOther, kReason };

constexpr const char* kDraws =
    "select d.seq, d.partition, u.ref, d.epoch, d.sequence, d.segment, d.serial, d.at, d.test, d.prize, d.item, d.day, "
    "d.event_id, e.id, d.voided, c.prize, c.partition, c.voided from draw d left join user u on u.no = d.user left "
    "join "
    "effect e on e.no = d.effect left join coupon c on c.draw = d.seq order by d.seq";
enum DrawColumn : std::uint8_t {
  kDrawSeq,
  kDrawPartition,
  kDrawUser,
  kEpoch,
  kSequence,
  kSegment,
  kSerial,
  kDrawAt,
  kTest,
  kPrize,
  kItem,
  kDay,
  kEventId,
  kEffectId,
  kVoided,
  kCouponPrize,
  kCouponPartition,
  kCouponVoided,
};

constexpr const char* kEffects =
    "select e.no, e.id, e.partition, u.ref, e.amount, e.occurred_at, e.state, e.kind, e.prize from effect e left join "
    "user u on u.no = e.user where e.ordinal = 0 order by e.no";
enum EffectColumn : std::uint8_t {
  kRowNo,
  kId,
  kOfPartition,
  kOfUser,
  kAmount,
  kOccurredAt,
  kState,
  kKind,
  kOfPrize,
};

bool same_user(const sqlite::Rows& rows, int column, UserRef user) {
  return !rows.is_null(column) && rows.user(column) == user;
}

}  // namespace

LotteryLedgerCheck::LotteryLedgerCheck(Report& report, LedgerFile& file)
    : report_(report),
      file_(file),
      tickets_(file(kTickets).select()),
      draws_(file(kDraws).select()),
      effects_(file(kEffects).select()) {
  advance_tickets();
  advance_draws();
  at_effect_ = effects_.next();
}

void LotteryLedgerCheck::advance_tickets() { at_ticket_ = tickets_.next(); }
void LotteryLedgerCheck::advance_draws() { at_draw_ = draws_.next(); }

void LotteryLedgerCheck::event(const Place& place, const Recorded& recorded, const LotteryEffects::Terms* terms,
                               const LotteryCheck& log, const codec::Uuid& id, const std::vector<Effect>& effects) {
  const std::uint32_t partition = recorded.partition.value;
  if (const auto* erased = std::get_if<UserErased>(&recorded.event)) {
    erased_.insert(erased->user);
    std::erase_if(rejections_, [&](const auto& row) { return row.second.user == erased->user; });
  } else if (const auto* settled = std::get_if<InboundSettled>(&recorded.event)) {
    if (!settled->dropped && settled->reason.empty()) return;
    rejections_.emplace(settled->id, RejectionRow{.at = recorded.time.ms,
                                                  .user = settled->user,
                                                  .dropped = settled->dropped,
                                                  .reason = settled->reason,
                                                  .partition = partition});
  }
  if (terms == nullptr) return;
  if (const auto* visited = std::get_if<Visited>(&recorded.event)) {
    ticket(place, recorded, {.user = visited->user, .cause = GrantCause::visit, .tickets = visited->tickets});
  } else if (const auto* opened = std::get_if<InviteOpened>(&recorded.event)) {
    ticket(place, recorded,
           {.user = opened->invited,
            .cause = GrantCause::invite_opened,
            .tickets = opened->friend_tickets,
            .other = opened->inviter});
    ticket(place, recorded,
           {.user = opened->inviter,
            .cause = GrantCause::invite_sent,
            .tickets = opened->inviter_limited ? 0 : opened->inviter_tickets,
            .other = opened->invited});
  } else if (const auto* adjusted = std::get_if<TicketsAdjusted>(&recorded.event)) {
    ticket(place, recorded,
           {.user = adjusted->user,
            .cause = GrantCause::adjustment,
            .tickets = adjusted->tickets,
            .reason = adjusted->audit.reason});
  } else if (const auto* segment = std::get_if<SegmentOpened>(&recorded.event)) {
    segments_.try_emplace({partition, segment->segment}, SegmentRow{.at = recorded.time.ms,
                                                                    .previous = segment->previous,
                                                                    .quota = segment->quota,
                                                                    .length = segment->length,
                                                                    .first_item = segment->first_item});
  } else if (const auto* paused = std::get_if<SegmentPaused>(&recorded.event)) {
    const auto found = segments_.find({partition, paused->segment});
    if (found != segments_.end()) found->second.paused = true;
  } else if (const auto* drew = std::get_if<Drew>(&recorded.event)) {
    const std::int64_t serial = recorded.taken.empty() ? -1 : recorded.taken.front();
    draw(place, recorded, drew->user, {.segment = drew->segment, .serial = serial}, *terms, log, id, effects);
  } else if (const auto* second = std::get_if<SecondChanceWon>(&recorded.event)) {
    draw(place, recorded, second->user, {.segment = WinPlace::kSecondChance, .serial = second->place}, *terms, log, id,
         effects);
  } else if (std::holds_alternative<SecondChanceStarted>(recorded.event)) {
    totals_[partition].second_begun = true;
  } else if (std::holds_alternative<WinVoided>(recorded.event)) {
    ++totals_[partition].voided;
  }
  for (const Effect& expected : effects) effect(place, recorded, expected);
}

// --- Tickets

void LotteryLedgerCheck::ticket(const Place& place, const Recorded& recorded, const Entry& entry) {
  if (entry.tickets == 0) return;
  report_.checked(Invariant::i13);
  Totals& totals = totals_[recorded.partition.value];
  if (entry.tickets < 0) {
    totals.revoked -= entry.tickets;
  } else {
    totals.granted.at(static_cast<std::size_t>(entry.cause)) += entry.tickets;
  }
  ++seq_;
  for (; at_ticket_ && tickets_.integer(kSeq) < seq_; advance_tickets()) {
    row_differs(fmt::format("ticket {}", tickets_.integer(kSeq)), "is no grant of the journal");
  }
  if (!at_ticket_ || tickets_.integer(kSeq) != seq_) return differs(place, "the ledger has no row for these tickets");
  const auto wrong = [&](std::string_view column) {
    differs(place, fmt::format("ticket {}: {} is not what the journal says", seq_, column));
  };
  if (tickets_.integer(kPartition) != recorded.partition.value) wrong("partition");
  if (!same_user(tickets_, kUser, entry.user)) wrong("user");
  if (tickets_.integer(kCause) != static_cast<int>(entry.cause)) wrong("cause");
  if (tickets_.integer(kTicketCount) != entry.tickets) wrong("tickets");
  if (tickets_.integer(kAt) != recorded.time.ms) wrong("at");
  if (entry.other ? !same_user(tickets_, kOther, *entry.other) : !tickets_.is_null(kOther)) wrong("other");
  const bool gone = tickets_.is_null(kReason);  // an erasure takes the words
  if (gone ? false : !entry.reason || tickets_.text(kReason) != *entry.reason) wrong("reason");
  advance_tickets();
}

// --- Draws

void LotteryLedgerCheck::draw(const Place& place, const Recorded& recorded, UserRef user, const WinPlace& at,
                              const LotteryEffects::Terms& terms, const LotteryCheck& log, const codec::Uuid& id,
                              const std::vector<Effect>& effects) {
  report_.checked(Invariant::i13);
  Totals& totals = totals_[recorded.partition.value];
  const bool second = at.segment == WinPlace::kSecondChance;
  if (!second) ++totals.drawn;
  if (log.win_at(recorded.partition, at)) ++(second ? totals.second_won : totals.won);
  ++seq_;
  for (; at_draw_ && draws_.integer(kDrawSeq) < seq_; advance_draws()) {
    row_differs(fmt::format("draw {}", draws_.integer(kDrawSeq)), "is no draw of the journal");
  }
  if (!at_draw_ || draws_.integer(kDrawSeq) != seq_) return differs(place, "the ledger has no row for this draw");
  const auto wrong = [&](std::string_view column) {
    differs(place, fmt::format("draw {}: {} is not what the journal says", seq_, column));
  };
  if (draws_.integer(kDrawPartition) != recorded.partition.value) wrong("partition");
  if (!same_user(draws_, kDrawUser, user)) wrong("user");
  if (draws_.integer(kEpoch) != recorded.epoch.value ||
      draws_.integer(kSequence) != static_cast<std::int64_t>(recorded.sequence.value)) {
    wrong("sequence");
  }
  if (draws_.integer(kSegment) != at.segment || draws_.integer(kSerial) != at.serial) wrong("segment or serial");
  if (draws_.integer(kDrawAt) != recorded.time.ms) wrong("at");
  if ((draws_.integer(kTest) != 0) != (terms.promotion.mode == Mode::test)) wrong("test");
  if (log.knows_wins_of(recorded.partition)) {
    compare_win(place, recorded, at, terms, log, id, effects);
  } else if (!draws_.is_null(kCouponPrize)) {
    ++coupons_;
  }
  advance_draws();
}

void LotteryLedgerCheck::compare_win(const Place& place, const Recorded& recorded, const WinPlace& at,
                                     const LotteryEffects::Terms& terms, const LotteryCheck& log, const codec::Uuid& id,
                                     const std::vector<Effect>& effects) {
  report_.checked(Invariant::i13);
  const auto wrong = [&](std::string_view column) {
    differs(place, fmt::format("draw {}: {} is not what follows from the seed", seq_, column));
  };
  const std::optional<LotteryCheck::Win> win = log.win_at(recorded.partition, at);
  if (!win) {
    if (!draws_.is_null(kPrize) || !draws_.is_null(kItem) || !draws_.is_null(kEventId))
      wrong("a win of a draw that lost");
    if (!draws_.is_null(kEffectId)) report_.violation(Invariant::i4, place, "an accrual of a draw that lost");
    return;
  }
  if (draws_.is_null(kPrize) || draws_.integer(kPrize) != win->prize) wrong("prize");
  if (draws_.is_null(kItem) || draws_.integer(kItem) != win->item) wrong("item");
  if (draws_.is_null(kEventId) || draws_.bytes16(kEventId) != id) wrong("event_id");
  const std::uint32_t per_day = segments_per_day(terms.promotion.lottery->segment_minutes);
  const std::int64_t day = at.segment == WinPlace::kSecondChance
                               ? std::int64_t{terms.zone.day_at(recorded.time).days}
                               : std::int64_t{terms.promotion.start.days} + (at.segment / per_day);
  if (draws_.is_null(kDay) || draws_.integer(kDay) != day) wrong("day");
  if (draws_.integer(kVoided) != win->voided_in_ledger) wrong("voided");
  const auto accrual = std::ranges::find(effects, EffectKind::accrual, [](const Effect& e) { return e.effect.kind; });
  const bool pays = accrual != effects.end();
  if (pays != !draws_.is_null(kEffectId) || (pays && draws_.bytes16(kEffectId) != accrual->effect.id)) {
    report_.violation(Invariant::i4, place,
                      pays ? "a win of points without its accrual" : "an accrual of a win that pays no points");
  }
  compare_coupon(place, terms, *win);
}

void LotteryLedgerCheck::compare_coupon(const Place& place, const LotteryEffects::Terms& terms,
                                        const LotteryCheck::Win& win) {
  const Prize& prize = terms.promotion.lottery->prizes.at(win.prize);
  const bool expected = prize.kind == PrizeKind::gifticon;
  const bool found = !draws_.is_null(kCouponPrize);
  if (found) ++coupons_;
  if (expected && !found) return differs(place, "a win of a gifticon without its coupon");
  if (!expected && found) return differs(place, "a coupon without a win of a gifticon");
  if (!found) return;
  if (draws_.integer(kCouponPrize) != win.prize || draws_.integer(kCouponPartition) != draws_.integer(kDrawPartition)) {
    differs(place, "the coupon is of another prize");
  }
  if ((draws_.integer(kCouponVoided) != 0) != (win.voided_in_ledger != 0)) {
    differs(place, "the coupon is voided and its win is not, or the other way round");
  }
}

// --- Effects

/// Rows that may or may not follow from draws whose outcome nobody here knows.
bool LotteryLedgerCheck::skip_unknown_effects(const LotteryCheck& log) {
  for (; at_effect_; at_effect_ = effects_.next()) {
    const auto kind = static_cast<EffectKind>(effects_.integer(kKind));
    const PartitionNo partition{static_cast<std::uint32_t>(effects_.integer(kOfPartition))};
    if (kind == EffectKind::notification_ticket_granted || log.knows_wins_of(partition)) return true;
    ++effects_matched_;
  }
  return false;
}

void LotteryLedgerCheck::effect(const Place& place, const Recorded& recorded, const Effect& wanted) {
  const LotteryEffect& expected = wanted.effect;
  if (expected.perhaps) {
    while (at_effect_ && effects_.bytes16(kId) == expected.id) {
      ++effects_matched_;
      at_effect_ = effects_.next();
    }
    return;
  }
  const Invariant invariant = invariant_of(expected.kind);
  report_.checked(invariant);
  if (expected.kind == EffectKind::accrual && !expected.voided_in_ledger) ++totals_[recorded.partition.value].accruals;
  const std::string name = "effect " + codec::to_uuid_text(expected.id);
  const auto wrong = [&](const std::string& what) { report_.violation(invariant, place, name + " " + what); };
  const auto is_here = [&] { return at_effect_ && effects_.bytes16(kId) == expected.id; };
  if (!is_here()) {
    const bool later = at_effect_ && file_("select 1 from effect where id = ? and no > ? and ordinal = 0")
                                         .select(expected.id, effects_.integer(kRowNo))
                                         .next();
    if (!later) return wrong("is missing in the ledger");
    for (; at_effect_ && !is_here(); at_effect_ = effects_.next()) {
      report_.violation(invariant_of(static_cast<EffectKind>(effects_.integer(kKind))),
                        fmt::format("ledger.db, effect {}", effects_.integer(kRowNo)),
                        "follows from no event of the journal");
    }
  }
  ++effects_matched_;
  if (effects_.integer(kKind) != static_cast<int>(expected.kind)) wrong("is of another kind");
  if (effects_.integer(kOfPartition) != recorded.partition.value || !same_user(effects_, kOfUser, expected.user)) {
    wrong("is for another user or promotion");
  }
  if (effects_.integer(kAmount) != expected.amount) {
    wrong(fmt::format("is of {} instead of {}", effects_.integer(kAmount), expected.amount));
  }
  if (expected.prize ? effects_.is_null(kOfPrize) || effects_.integer(kOfPrize) != *expected.prize
                     : !effects_.is_null(kOfPrize)) {
    wrong("names another prize");
  }
  if (effects_.integer(kOccurredAt) != recorded.time.ms) wrong("has another time than its event");
  const bool cancelled = expected.voided && effects_.integer(kState) == 3;  // over without a call
  if (!fits(wanted.fate, effects_.integer(kState)) && !cancelled) {
    wrong(fmt::format("is {} in the ledger, but {} in the journal", state_text(effects_.integer(kState)),
                      text_of(wanted.fate)));
  }
  at_effect_ = effects_.next();
}

// --- After the last event

void LotteryLedgerCheck::finish(const LotteryCheck& log) {
  for (; at_ticket_; advance_tickets()) {
    row_differs(fmt::format("ticket {}", tickets_.integer(kSeq)), "is no grant of the journal");
  }
  for (; at_draw_; advance_draws()) {
    row_differs(fmt::format("draw {}", draws_.integer(kDrawSeq)), "is no draw of the journal");
  }
  for (; skip_unknown_effects(log); at_effect_ = effects_.next()) {
    report_.violation(invariant_of(static_cast<EffectKind>(effects_.integer(kKind))),
                      fmt::format("ledger.db, effect {}", effects_.integer(kRowNo)),
                      "follows from no event of the journal");
  }
  if (file_.integer("select count(*) from coupon") != coupons_) {
    row_differs("coupon",
                fmt::format("{} rows; {} belong to a win", file_.integer("select count(*) from coupon"), coupons_));
  }
  check_segments();
  check_totals(log);
  check_rejections();
  check_counts();
}

void LotteryLedgerCheck::check_segments() {
  std::size_t found = 0;
  sqlite::Rows rows =
      file_("select partition, segment, at, previous, quota, length, first_item, paused from segment").select();
  for (; rows.next(); ++found) {
    report_.checked(Invariant::i13);
    const std::pair key{static_cast<std::uint32_t>(rows.integer(0)), static_cast<std::uint32_t>(rows.integer(1))};
    const SegmentRow row{.at = rows.integer(2),
                         .previous = rows.integer(3),
                         .quota = rows.integer(4),
                         .length = rows.integer(5),
                         .first_item = rows.integer(6),
                         .paused = rows.integer(7) != 0};
    const auto expected = segments_.find(key);
    if (expected == segments_.end() || expected->second != row) {
      row_differs(fmt::format("segment {} of partition {}", key.second, key.first), "is not what the journal says");
    }
  }
  if (found != segments_.size()) {
    row_differs("segment", fmt::format("{} rows; the journal has {}", found, segments_.size()));
  }
}

void LotteryLedgerCheck::check_totals(const LotteryCheck& log) {
  sqlite::Rows rows = file_(
                          "select partition, visit, invite_sent, invite_opened, adjustment, revoked, drawn, won, "
                          "second_won, voided, accruals, second_begun from lottery_total")
                          .select();
  std::map<std::uint32_t, Totals> expected = totals_;
  const auto text = [](std::uint32_t partition) { return fmt::format("lottery_total of partition {}", partition); };
  while (rows.next()) {
    report_.checked(Invariant::i13);
    const auto partition = static_cast<std::uint32_t>(rows.integer(0));
    Totals row{.granted = {rows.integer(1), rows.integer(2), rows.integer(3), rows.integer(4)},
               .revoked = rows.integer(5),
               .drawn = rows.integer(6),
               .won = rows.integer(7),
               .second_won = rows.integer(8),
               .voided = rows.integer(9),
               .accruals = rows.integer(10),
               .second_begun = rows.integer(11) != 0};
    Totals wanted = expected[partition];
    if (!log.knows_wins_of(PartitionNo{partition})) {
      wanted.won = row.won;
      wanted.second_won = row.second_won;
      wanted.accruals = row.accruals;
    }
    if (row != wanted) row_differs(text(partition), "is not the sum of what the journal says");
    expected.erase(partition);
  }
  for (const auto& [partition, totals] : expected) {
    if (totals != Totals{}) row_differs(text(partition), "is missing");
  }
}

void LotteryLedgerCheck::check_rejections() {
  sqlite::Rows rows =
      file_(
          "select r.id, r.at, u.ref, r.dropped, r.reason, r.partition from inbound_rejection r join user u on u.no = "
          "r.user order by r.no")
          .select();
  while (rows.next()) {
    report_.checked(Invariant::i13);
    const RejectionRow row{.at = rows.integer(1),
                           .user = rows.user(2),
                           .dropped = rows.integer(3) != 0,
                           .reason = std::string(rows.text(4)),
                           .partition = static_cast<std::uint32_t>(rows.integer(5))};
    const auto [from, to] = rejections_.equal_range(rows.bytes16(0));
    const auto found = std::ranges::find(from, to, row, [](const auto& each) { return each.second; });
    if (found == to) {
      row_differs("inbound_rejection", fmt::format("{} is not what the journal says", row.reason));
    } else {
      rejections_.erase(found);
    }
  }
  // They are kept for a limited time.
  const std::int64_t dropped_before = file_.integer("select dropped_before from progress");
  std::erase_if(rejections_, [&](const auto& row) { return row.second.at < dropped_before; });
  if (!rejections_.empty()) {
    row_differs("inbound_rejection", fmt::format("{} rows are missing", rejections_.size()));
  }
}

void LotteryLedgerCheck::check_counts() {
  const std::int64_t last =
      file_.integer("select max((select coalesce(max(seq), 0) from ticket), (select coalesce(max(seq), 0) from draw))");
  if (file_.integer("select entry from progress") != last) {
    row_differs("progress", "the last entry is not that of the last row");
  }
  sqlite::Rows rows = file_(
                          "select partition, state from (select partition, state, count(*) as count from effect where "
                          "kind <> 0 group by "
                          "partition, state except select partition, state, count from notification_count where count "
                          "<> 0) union select "
                          "partition, state from (select partition, state, count from notification_count where count "
                          "<> 0 except select "
                          "partition, state, count(*) from effect where kind <> 0 group by partition, state)")
                          .select();
  while (rows.next()) {
    row_differs("notification_count",
                fmt::format("partition {}, {}: not the number of rows", rows.integer(0), state_text(rows.integer(1))));
  }
}

}  // namespace windfall::proof

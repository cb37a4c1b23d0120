#include "app/proof/lottery_ledger_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "app/proof/effect_fate.hpp"
#include "domain/lottery/coupons.hpp"

namespace windfall::proof {

namespace {

std::string row_of(std::string_view what, std::int64_t number) { return fmt::format("{} {}", what, number); }

}  // namespace

LotteryLedgerCheck::LotteryLedgerCheck(Report& report, LotteryRows& rows, Found found)
    : report_(report), rows_(rows), found_(std::move(found)) {
  advance_tickets();
  advance_draws();
  advance_effects();
}

void LotteryLedgerCheck::event(const Place& place, const Recorded& recorded, const LotteryEffects::Terms* terms,
                               const LotteryCheck& log, const codec::Uuid& id, const std::vector<Effect>& effects) {
  const PartitionNo partition = recorded.partition;
  if (const auto* erased = std::get_if<UserErased>(&recorded.event)) {
    std::erase_if(rejections_, [&](const auto& row) { return row.second.user == erased->user; });
  } else if (const auto* settled = std::get_if<InboundSettled>(&recorded.event)) {
    if (!settled->dropped && settled->reason.empty()) return;
    rejections_.emplace(settled->id, codec::LedgerRejection{.id = settled->id,
                                                            .at = recorded.time,
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
    const bool paused_early = segment_pauses_.contains({partition, segment->segment});
    segments_.try_emplace({partition, segment->segment}, codec::LedgerSegment{.partition = partition,
                                                                              .segment = segment->segment,
                                                                              .at = recorded.time,
                                                                              .previous = segment->previous,
                                                                              .quota = segment->quota,
                                                                              .length = segment->length,
                                                                              .first_item = segment->first_item,
                                                                              .paused = paused_early});
  } else if (const auto* paused = std::get_if<SegmentPaused>(&recorded.event)) {
    const auto found = segments_.find({partition, paused->segment});
    if (found != segments_.end()) {
      found->second.paused = true;
      segment_pauses_.erase({partition, paused->segment});
    } else {
      segment_pauses_.emplace(partition, paused->segment);
    }
  } else if (const auto* drew = std::get_if<Drew>(&recorded.event)) {
    const std::int64_t serial = recorded.taken.empty() ? -1 : recorded.taken.front();
    draw(place, recorded, drew->user, {.segment = drew->segment, .serial = serial}, *terms, log, id, effects);
  } else if (const auto* second = std::get_if<SecondChanceWon>(&recorded.event)) {
    draw(place, recorded, second->user, {.segment = WinPlace::kSecondChance, .serial = second->place}, *terms, log, id,
         effects);
  } else if (std::holds_alternative<SecondChanceStarted>(recorded.event)) {
    total(partition).second_begun = true;
  } else if (std::holds_alternative<WinVoided>(recorded.event)) {
    ++total(partition).voided;
  } else {
    coupon_event(recorded, *terms, log);
  }
  for (const Effect& expected : effects) effect(place, recorded, expected);
}

// --- Tickets

void LotteryLedgerCheck::ticket(const Place& place, const Recorded& recorded, const Entry& entry) {
  if (entry.tickets == 0) return;
  report_.checked(Invariant::i13);
  codec::LedgerLotteryTotal& totals = total(recorded.partition);
  if (entry.tickets < 0) {
    totals.revoked -= entry.tickets;
  } else {
    totals.granted.at(static_cast<std::size_t>(entry.cause)) += entry.tickets;
  }
  ++seq_;
  for (; ticket_ && stands_before(*ticket_, recorded); advance_tickets()) {
    row_differs(row_of("ticket", ticket_->seq), "is no grant of the log");
  }
  if (!ticket_ || !stands_at(*ticket_, recorded)) return differs(place, "the ledger has no row for these tickets");
  const codec::LedgerTicket& row = *ticket_;
  const auto wrong = [&](std::string_view column) {
    differs(place, fmt::format("ticket {}: {} is not what the log says", row.seq, column));
  };
  if (row.partition != recorded.partition) wrong("partition");
  if (row.user != entry.user) wrong("user");
  if (row.cause != static_cast<int>(entry.cause)) wrong("cause");
  if (row.tickets != entry.tickets) wrong("tickets");
  if (row.at != recorded.time) wrong("at");
  if (row.other != entry.other) wrong("other");
  // An erasure takes the words.
  if (row.reason && row.reason != entry.reason) wrong("reason");
  advance_tickets();
}

bool LotteryLedgerCheck::stands_before(const codec::LedgerTicket& row, const Recorded& recorded) const {
  return rows_.order() == LotteryRows::Order::numbered ? row.seq < seq_ : row.at < recorded.time;
}

bool LotteryLedgerCheck::stands_at(const codec::LedgerTicket& row, const Recorded& recorded) const {
  return rows_.order() == LotteryRows::Order::numbered ? row.seq == seq_ : row.at == recorded.time;
}

bool LotteryLedgerCheck::stands_before(const codec::LedgerDraw& row, const Recorded& recorded) const {
  return rows_.order() == LotteryRows::Order::numbered ? row.seq < seq_ : row.sequence < recorded.sequence;
}

bool LotteryLedgerCheck::stands_at(const codec::LedgerDraw& row, const Recorded& recorded) const {
  return rows_.order() == LotteryRows::Order::numbered ? row.seq == seq_ : row.sequence == recorded.sequence;
}

// --- Draws

void LotteryLedgerCheck::draw(const Place& place, const Recorded& recorded, UserRef user, const WinPlace& at,
                              const LotteryEffects::Terms& terms, const LotteryCheck& log, const codec::Uuid& id,
                              const std::vector<Effect>& effects) {
  report_.checked(Invariant::i13);
  codec::LedgerLotteryTotal& totals = total(recorded.partition);
  const bool second = at.segment == WinPlace::kSecondChance;
  if (!second) ++totals.drawn;
  if (log.win_at(recorded.partition, at)) ++(second ? totals.second_won : totals.won);
  ++seq_;
  for (; draw_ && stands_before(*draw_, recorded); advance_draws()) {
    row_differs(row_of("draw", draw_->seq), "is no draw of the log");
  }
  if (!draw_ || !stands_at(*draw_, recorded)) return differs(place, "the ledger has no row for this draw");
  const codec::LedgerDraw& row = *draw_;
  const auto wrong = [&](std::string_view column) {
    differs(place, fmt::format("draw {}: {} is not what the log says", row.seq, column));
  };
  if (row.partition != recorded.partition) wrong("partition");
  if (row.user != user) wrong("user");
  if (row.epoch != recorded.epoch || row.sequence != recorded.sequence) wrong("sequence");
  if (row.place != at) wrong("segment or serial");
  if (row.at != recorded.time) wrong("at");
  if (row.test != (terms.promotion.mode == Mode::test)) wrong("test");
  if (log.knows_wins_of(recorded.partition)) {
    compare_win(place, recorded, at, terms, log, id, effects);
  } else if (row.coupon) {
    ++coupons_won_;
  }
  advance_draws();
}

void LotteryLedgerCheck::compare_win(const Place& place, const Recorded& recorded, const WinPlace& at,
                                     const LotteryEffects::Terms& terms, const LotteryCheck& log, const codec::Uuid& id,
                                     const std::vector<Effect>& effects) {
  report_.checked(Invariant::i13);
  const codec::LedgerDraw& row = *draw_;
  const auto wrong = [&](std::string_view column) {
    differs(place, fmt::format("draw {}: {} is not what follows from the seed", row.seq, column));
  };
  const std::optional<LotteryCheck::Win> win = log.win_at(recorded.partition, at);
  if (!win) {
    if (row.prize || row.item || row.event_id) wrong("a win of a draw that lost");
    if (row.effect) report_.violation(Invariant::i4, place, "an accrual of a draw that lost");
    return;
  }
  if (row.prize != win->prize) wrong("prize");
  if (row.item != win->item) wrong("item");
  if (row.event_id != id) wrong("event_id");
  LocalDay day = terms.zone.day_at(recorded.time);
  if (at.segment != WinPlace::kSecondChance) {
    const std::uint32_t per_day = segments_per_day(terms.promotion.lottery->segment_minutes);
    day = {terms.promotion.start.days + static_cast<std::int32_t>(at.segment / per_day)};
  }
  if (row.day != day) wrong("day");
  if (row.voided != win->voided_in_ledger) wrong("voided");
  const auto accrual = std::ranges::find(effects, EffectKind::accrual, [](const Effect& e) { return e.effect.kind; });
  const bool pays = accrual != effects.end();
  if (pays != row.effect.has_value() || (pays && *row.effect != accrual->effect.id)) {
    report_.violation(Invariant::i4, place,
                      pays ? "a win of points without its accrual" : "an accrual of a win that pays no points");
  }
  compare_coupon(place, terms, *win, day);
}

// --- Coupons

void LotteryLedgerCheck::compare_coupon(const Place& place, const LotteryEffects::Terms& terms,
                                        const LotteryCheck::Win& win, LocalDay day) {
  const Prize& prize = terms.promotion.lottery->prizes.at(win.prize);
  const bool expected = prize.kind == PrizeKind::gifticon;
  const std::optional<codec::LedgerDraw::Coupon>& row = draw_->coupon;
  if (row) ++coupons_won_;
  if (expected && !row) return differs(place, "a win of a gifticon without its coupon");
  if (!expected && row) return differs(place, "a coupon without a win of a gifticon");
  if (!row) return;
  if (row->prize != win.prize || row->partition != draw_->partition) differs(place, "the coupon is of another prize");
  if (row->voided != (win.voided_in_ledger != 0)) {
    differs(place, "the coupon is voided and its win is not, or the other way round");
  }
  const std::optional<Instant> expires_at = coupon_expiry(prize, terms.zone, day);
  coupons_[{draw_->partition, draw_->place}].expiry =
      Expiry{.place = place, .of_win = expires_at, .expected = expires_at, .row = row->expires_at};
}

void LotteryLedgerCheck::coupon_event(const Recorded& recorded, const LotteryEffects::Terms& terms,
                                      const LotteryCheck& log) {
  const auto of = [&](const WinPlace& win) -> Coupon& { return coupons_[{recorded.partition, win}]; };
  const auto extend = [&](const WinPlace& win) {
    const std::optional<LotteryCheck::Win> won = log.win_at(recorded.partition, win);
    std::optional<Expiry>& expiry = of(win).expiry;
    if (!won || !expiry) return;
    const Prize& prize = terms.promotion.lottery->prizes.at(won->prize);
    expiry->expected = std::max(expiry->expected, coupon_expiry(prize, terms.zone, recorded.time));
  };
  if (const auto* assigned = std::get_if<CodeAssigned>(&recorded.event)) {
    Coupon& coupon = of(assigned->win);
    coupon.issue = assigned->issue;
    coupon.ordinal = recorded.taken.empty() ? -1 : recorded.taken.front();
    coupon.issued_at = recorded.time;
    extend(assigned->win);
  } else if (const auto* reissued = std::get_if<CouponReissued>(&recorded.event)) {
    Coupon& coupon = of(reissued->win);
    coupon = {.issue = reissued->issue, .ordinal = {}, .issued_at = {}, .used_at = {}, .expiry = coupon.expiry};
    extend(reissued->win);
  } else if (const auto* used = std::get_if<CouponUsed>(&recorded.event)) {
    Coupon& coupon = of(used->win);
    if (!coupon.used_at) coupon.used_at = recorded.time;
  }
}

/// What stands in a coupon and follows from more than its draw: which code it has, since when, until when, and whether
/// it was used.
void LotteryLedgerCheck::check_coupons() {
  for (const auto& [key, coupon] : coupons_) {
    // Older programs counted its days from the win alone, however long it waited for its code.
    const std::optional<Expiry>& expiry = coupon.expiry;
    if (expiry && expiry->row != expiry->expected && expiry->row != expiry->of_win) {
      differs(expiry->place, "the coupon expires at another time");
    }
  }
  std::int64_t rows = 0;
  for (auto row = rows_.next_coupon(); row; row = rows_.next_coupon(), ++rows) {
    report_.checked(Invariant::i13);
    const std::string where = row_of("coupon of draw", row->draw);
    if (!row->win) {
      row_differs(where, "there is no such draw");
      continue;
    }
    const auto known = coupons_.find({row->partition, *row->win});
    const Coupon expected = known == coupons_.end() ? Coupon{} : known->second;
    const auto wrong = [&](std::string_view column) {
      row_differs(where, fmt::format("{} is not what the log says", column));
    };
    if (row->issue != expected.issue) wrong("issue");
    if (row->ordinal != expected.ordinal) wrong("its code");
    if (row->issued_at != expected.issued_at) wrong("issued_at");
    if (row->used_at != expected.used_at) wrong("used_at");
  }
  if (rows != coupons_won_) row_differs("coupon", fmt::format("{} rows; {} belong to a win", rows, coupons_won_));
}

// --- Effects

/// Rows that may or may not follow from draws whose outcome nobody here knows.
bool LotteryLedgerCheck::skip_unknown_effects(const LotteryCheck& log) {
  for (; effect_; advance_effects()) {
    const auto kind = static_cast<EffectKind>(effect_->kind);
    if (kind == EffectKind::notification_ticket_granted || log.knows_wins_of(effect_->partition)) return true;
  }
  return false;
}

void LotteryLedgerCheck::effect(const Place& place, const Recorded& recorded, const Effect& wanted) {
  const LotteryEffect& expected = wanted.effect;
  const auto is_here = [&] { return effect_ && effect_->id == expected.id; };
  if (expected.perhaps) {
    while (is_here()) advance_effects();
    return;
  }
  const Invariant invariant = invariant_of(expected.kind);
  report_.checked(invariant);
  if (expected.kind == EffectKind::accrual && !expected.voided_in_ledger) ++total(recorded.partition).accruals;
  const std::string name = "effect " + codec::to_uuid_text(expected.id);
  const auto wrong = [&](const std::string& what) { report_.violation(invariant, place, name + " " + what); };
  if (!is_here()) {
    if (!effect_ || !rows_.stands_later(expected.id, effect_->no)) return wrong("is missing in the ledger");
    for (; effect_ && !is_here(); advance_effects()) no_event();
    if (!effect_) return;
  }
  const codec::LedgerEffect& row = *effect_;
  if (row.kind != static_cast<int>(expected.kind)) wrong("is of another kind");
  if (row.partition != recorded.partition || row.user != expected.user) wrong("is for another user or promotion");
  if (row.amount != expected.amount) wrong(fmt::format("is of {} instead of {}", row.amount, expected.amount));
  if (row.prize != expected.prize) wrong("names another prize");
  if (row.occurred_at != recorded.time) wrong("has another time than its event");
  const bool cancelled = expected.voided && row.state == 3;  // over without a call
  if (wanted.fate && !fits(*wanted.fate, row.state) && !cancelled) {
    wrong(fmt::format("is {} in the ledger, but {} in the log", state_text(row.state), text_of(*wanted.fate)));
  }
  if (found_) found_(place, expected, row.state);
  advance_effects();
}

void LotteryLedgerCheck::no_event() {
  report_.violation(invariant_of(static_cast<EffectKind>(effect_->kind)),
                    std::string(rows_.ledger()) + row_of("effect", effect_->no),
                    codec::to_uuid_text(effect_->id) + " follows from no event of the log");
}

// --- After the last event

void LotteryLedgerCheck::finish(const LotteryCheck& log) {
  for (; ticket_; advance_tickets()) row_differs(row_of("ticket", ticket_->seq), "is no grant of the log");
  for (; draw_; advance_draws()) row_differs(row_of("draw", draw_->seq), "is no draw of the log");
  for (; skip_unknown_effects(log); advance_effects()) no_event();
  check_coupons();
  check_segments();
  check_totals(log);
  check_rejections();
}

void LotteryLedgerCheck::check_segments() {
  const std::vector<codec::LedgerSegment> rows = rows_.segments();
  for (codec::LedgerSegment row : rows) {
    report_.checked(Invariant::i13);
    // Older programs missed a pause that began before its segment was opened; the export does not ask the ledger.
    row.paused = row.paused || segment_pauses_.contains({row.partition, row.segment});
    const auto expected = segments_.find({row.partition, row.segment});
    if (expected == segments_.end() || expected->second != row) {
      row_differs(fmt::format("segment {} of partition {}", row.segment, row.partition.value),
                  "is not what the log says");
    }
  }
  if (rows.size() != segments_.size()) {
    row_differs("segment", fmt::format("{} rows; the log has {}", rows.size(), segments_.size()));
  }
}

void LotteryLedgerCheck::check_totals(const LotteryCheck& log) {
  std::map<PartitionNo, codec::LedgerLotteryTotal> expected = totals_;
  const auto text = [](PartitionNo partition) { return fmt::format("lottery_total of partition {}", partition.value); };
  for (const codec::LedgerLotteryTotal& row : rows_.totals()) {
    report_.checked(Invariant::i13);
    codec::LedgerLotteryTotal wanted = expected[row.partition];
    wanted.partition = row.partition;
    if (!log.knows_wins_of(row.partition)) {
      wanted.won = row.won;
      wanted.second_won = row.second_won;
      wanted.accruals = row.accruals;
    }
    if (row != wanted) row_differs(text(row.partition), "is not the sum of what the log says");
    expected.erase(row.partition);
  }
  for (const auto& [partition, total] : expected) {
    if (total != codec::LedgerLotteryTotal{.partition = partition}) row_differs(text(partition), "is missing");
  }
}

void LotteryLedgerCheck::check_rejections() {
  const std::optional<LotteryRows::Rejections> found = rows_.rejections();
  if (!found) return;
  for (const codec::LedgerRejection& row : found->rows) {
    report_.checked(Invariant::i13);
    const auto [from, to] = rejections_.equal_range(row.id);
    const auto expected = std::ranges::find(from, to, row, [](const auto& each) { return each.second; });
    if (expected == to) {
      row_differs("inbound_rejection", fmt::format("{} is not what the log says", row.reason));
    } else {
      rejections_.erase(expected);
    }
  }
  // They are kept for a limited time.
  std::erase_if(rejections_, [&](const auto& row) { return row.second.at < found->kept_since; });
  if (!rejections_.empty()) {
    row_differs("inbound_rejection", fmt::format("{} rows are missing", rejections_.size()));
  }
}

}  // namespace windfall::proof

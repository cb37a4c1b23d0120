#include "app/simulate/lottery_fold.hpp"

#include <algorithm>
#include <ranges>
#include <span>
#include <utility>

namespace windfall::simulate {

namespace {

tl::unexpected<Failure> not_folded() { return fail(FailureCode::unavailable, "a simulation keeps no such list"); }

}  // namespace

LotteryFold::LotteryFold(DefinitionPtr definition, const Seed& seed)
    : definition_(std::move(definition)),
      outcomes_(seed, definition_->promotion.id, *definition_->promotion.lottery),
      given_(definition_->promotion.lottery->prizes.size()),
      coupons_(definition_->promotion.lottery->prizes.size()) {}

std::optional<LotteryFold::Given> LotteryFold::apply(const Recorded& recorded) {
  if (recorded.partition != definition_->partition) return std::nullopt;
  if (const auto* drew_one = std::get_if<Drew>(&recorded.event)) {
    return drew(recorded, *drew_one);
  } else if (const auto* opened = std::get_if<SegmentOpened>(&recorded.event)) {
    segments_.push_back({.row = {.at = recorded.time,
                                 .segment = opened->segment,
                                 .previous = opened->previous,
                                 .quota = opened->quota,
                                 .length = opened->length,
                                 .first_item = opened->first_item,
                                 .paused = std::ranges::find(paused_, opened->segment) != paused_.end()}});
  } else if (const auto* paused = std::get_if<SegmentPaused>(&recorded.event)) {
    paused_.push_back(paused->segment);
    if (!segments_.empty() && segments_.back().row.segment == paused->segment) segments_.back().row.paused = true;
  } else if (const auto* closed = std::get_if<LotteryClosed>(&recorded.event)) {
    second_chance_ = closed->second_chance;
    if (!second_chance_) shortfall_ = closed->shortfall;
  } else if (std::holds_alternative<SecondChanceStarted>(recorded.event)) {
    second_begun_ = true;
  } else if (const auto* won = std::get_if<SecondChanceWon>(&recorded.event)) {
    ++second_wins_;
    rows_.push_back({.user = won->user,
                     .at = recorded.time.ms,
                     .sequence = recorded.sequence.value,
                     .segment = WinPlace::kSecondChance,
                     .serial = won->place,
                     .item = static_cast<std::int32_t>(won->item)});
    gave(outcomes_.prize_of(won->item));
    return Given{.user = won->user, .prize = outcomes_.prize_of(won->item)};
  } else if (const auto* ended = std::get_if<SecondChanceEnded>(&recorded.event)) {
    shortfall_ = ended->shortfall;
  } else if (const auto* voided = std::get_if<WinVoided>(&recorded.event)) {
    was_voided(*voided);
  } else if (const auto* code = std::get_if<CodeAssigned>(&recorded.event)) {
    code_given(*code, recorded.time);
  }
  return std::nullopt;
}

void LotteryFold::gave(std::uint32_t prize) {
  ++given_[prize];
  const Row& won = rows_.back();
  DailyWins& day = day_of(won, prize);
  ++(won.segment == WinPlace::kSecondChance ? day.second_chance : day.wins);
  if (definition_->promotion.lottery->prizes[prize].kind != PrizeKind::gifticon) return;
  coupons_[prize].rows.push_back(static_cast<std::uint32_t>(rows_.size() - 1));
  ++codes_.waiting;
}

DailyWins& LotteryFold::day_of(const Row& won, std::uint32_t prize) {
  const LocalDay date = definition_->zone.day_at(Instant{won.at});
  DailyWins& day = days_[{date, prize}];
  day.day = date;
  day.prize = prize;
  return day;
}

void LotteryFold::code_given(const CodeAssigned& event, Instant at) {
  if (event.prize >= coupons_.size()) return;
  Coupons& of = coupons_[event.prize];
  const std::span<const std::uint32_t> open = std::span(of.rows).subspan(of.served);
  // Whoever waits longest is served first, so it is the first one that is looked at.
  const auto found = std::ranges::find_if(open, [&](std::uint32_t number) {
    const Row& row = rows_[number];
    return waits(row) && row.segment == event.win.segment && std::int64_t{row.serial} == event.win.serial;
  });
  if (found == open.end()) return;
  Row& row = rows_[*found];
  row.has_code = true;
  ++codes_.assigned;
  --codes_.waiting;
  codes_.longest_wait_ms = std::max(codes_.longest_wait_ms, at.ms - row.at);
  while (of.served < of.rows.size() && !waits(rows_[of.rows[of.served]])) ++of.served;
}

LotteryFold::CodeSums LotteryFold::codes(Instant now) const {
  CodeSums sums = codes_;
  for (const Coupons& of : coupons_) {
    const auto oldest = std::ranges::find_if(of.rows.begin() + static_cast<std::ptrdiff_t>(of.served), of.rows.end(),
                                             [&](std::uint32_t number) { return waits(rows_[number]); });
    if (oldest != of.rows.end()) sums.longest_wait_ms = std::max(sums.longest_wait_ms, now.ms - rows_[*oldest].at);
  }
  return sums;
}

std::optional<LotteryFold::Given> LotteryFold::drew(const Recorded& recorded, const Drew& event) {
  ++drawn_;
  SegmentSum& segment = segments_.back();  // a draw's guard says that its segment is the one that is open
  const DeckTerms terms{.segment = SegmentNo{segment.row.segment},
                        .quota = segment.row.quota,
                        .length = segment.row.length,
                        .first_item = segment.row.first_item};
  const std::int64_t serial = recorded.taken.at(0);
  const auto item = outcomes_.deck(terms).win_at(static_cast<std::uint64_t>(serial));
  Person& person = people_.at(event.user);
  ++segment.draws;
  if (item) {
    ++segment.wins;
    ++wins_;
    ++person.wins;
  } else {
    ++person.losses;
  }
  rows_.push_back({.user = event.user,
                   .at = recorded.time.ms,
                   .sequence = recorded.sequence.value,
                   .segment = event.segment,
                   .serial = static_cast<std::uint32_t>(serial),
                   .item = item ? static_cast<std::int32_t>(*item) : kLost});
  if (!item) return std::nullopt;
  gave(outcomes_.prize_of(*item));
  return Given{.user = event.user, .prize = outcomes_.prize_of(*item)};
}

void LotteryFold::was_voided(const WinVoided& event) {
  for (Row& row : rows_) {
    if (row.segment != event.win.segment || std::int64_t{row.serial} != event.win.serial || row.voided) continue;
    const std::uint32_t prize = outcomes_.prize_of(static_cast<std::uint32_t>(row.item));
    if (definition_->promotion.lottery->prizes[prize].kind == PrizeKind::gifticon && !row.has_code) --codes_.waiting;
    row.voided = true;
    row.voided_late = second_begun_;
    ++voided_;
    --given_[prize];
    ++day_of(row, prize).voided;
  }
}

Amount LotteryFold::spend() const {
  const std::vector<Prize>& prizes = definition_->promotion.lottery->prizes;
  Amount sum = 0;
  for (std::size_t i = 0; i < prizes.size(); ++i) add_saturating(sum, given_[i] * prizes[i].value);
  return sum;
}

DrawRow LotteryFold::row_of(const Row& row) const {
  DrawRow out{.seq = static_cast<std::int64_t>(row.sequence),
              .at = Instant{row.at},
              .promotion_id = {},
              .partition = definition_->partition,
              .epoch = {},
              .sequence = {row.sequence},
              .user = row.user,
              .user_id = {},
              .place = {.segment = row.segment, .serial = row.serial},
              .prize = {},
              .item = {},
              .voided = row.voided,
              .voided_late = row.voided_late};
  if (row.item != kLost) {
    out.item = static_cast<std::uint32_t>(row.item);
    out.prize = outcomes_.prize_of(*out.item);
  }
  return out;
}

Result<std::vector<CouponRow>> LotteryFold::pending_coupons(PartitionNo partition, std::uint32_t prize, int limit) {
  std::vector<CouponRow> pending;
  if (partition != definition_->partition || prize >= coupons_.size()) return pending;
  const Coupons& of = coupons_[prize];
  for (std::size_t i = of.served; i < of.rows.size() && std::ssize(pending) < limit; ++i) {
    const Row& row = rows_[of.rows[i]];
    if (waits(row))
      pending.push_back({.draw = row_of(row), .ordinal = {}, .issued_at = {}, .used_at = {}, .expires_at = {}});
  }
  return pending;
}

Result<std::vector<UserRef>> LotteryFold::second_chance_pool(PartitionNo partition, std::int64_t allowed) {
  std::vector<UserRef> pool;
  if (partition != definition_->partition) return pool;
  people_.for_each([&](UserRef user, const Person& person) {
    if (person.losses > 0 && std::int64_t{person.wins} < allowed) pool.push_back(user);
  });
  return pool;
}

Result<std::vector<std::uint32_t>> LotteryFold::voided_items(PartitionNo partition) {
  std::vector<std::uint32_t> items;
  if (partition != definition_->partition || voided_ == 0) return items;
  for (const Row& row : rows_) {
    if (row.voided && !row.voided_late) items.push_back(static_cast<std::uint32_t>(row.item));
  }
  std::ranges::sort(items);
  return items;
}

Result<std::vector<DailyWins>> LotteryFold::wins_by_day(PartitionNo partition) {
  std::vector<DailyWins> out;
  if (partition != definition_->partition) return out;
  out.reserve(days_.size());
  for (const DailyWins& day : std::views::values(days_)) out.push_back(day);
  return out;
}

Result<std::vector<SegmentRow>> LotteryFold::segments(PartitionNo partition) {
  std::vector<SegmentRow> rows;
  if (partition != definition_->partition) return rows;
  for (const SegmentSum& segment : segments_) rows.push_back(segment.row);
  return rows;
}

Result<bool> LotteryFold::each_draw(PartitionNo partition, const std::function<bool(const DrawRow&)>& row) {
  if (partition != definition_->partition) return true;
  for (const Row& each : rows_) {
    if (!row(row_of(each))) return false;
  }
  return true;
}

Result<std::vector<TicketEntry>> LotteryFold::tickets(const Page&) { return not_folded(); }
Result<std::vector<DrawRow>> LotteryFold::draws(const Page&) { return not_folded(); }
Result<LotteryTotals> LotteryFold::lottery_totals(PartitionNo /*partition*/) { return not_folded(); }
Result<std::vector<DrawRow>> LotteryFold::winners(const LatestPage&) { return not_folded(); }
Result<std::vector<CouponRow>> LotteryFold::coupons(const Page&) { return not_folded(); }
Result<std::optional<DrawRow>> LotteryFold::draw_of(const EffectId&) { return not_folded(); }
Result<std::optional<CouponRow>> LotteryFold::coupon_of(const EffectId&) { return not_folded(); }
Result<bool> LotteryFold::cancel_effect(const EffectId&) { return not_folded(); }

}  // namespace windfall::simulate

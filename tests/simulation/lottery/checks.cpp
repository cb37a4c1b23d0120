// What lotteries have come to, when everything is quiet: the hot state, the ledger and the vault against the oracle's
// walk over the log.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "domain/lottery/keys.hpp"
#include "simulation/world.hpp"

namespace windfall::simulation {

namespace {

/// Longest time until a lottery that is over is closed and its second chance held.
constexpr std::int64_t kClosingMs = 180'000;
/// Entries of one person: more than a history can have.
constexpr int kAllEntries = 10'000;

LotteryTotals totals_of(const LotteryOracle::Lottery& lottery) {
  LotteryTotals totals;
  for (const auto& [user, person] : lottery.people) {
    for (std::size_t i = 0; i < kGrantCauses; ++i) totals.granted.at(i) += person.granted.at(i);
    totals.revoked += person.revoked;
    totals.drawn += person.drawn;
  }
  for (const auto& [place, win] : lottery.wins) {
    ++(place.segment == WinPlace::kSecondChance ? totals.second_chance : totals.won);
    if (win.voided) ++totals.voided;
    const bool points = lottery.promotion.lottery->prizes[win.prize].kind == PrizeKind::points;
    if (points && !win.voided && !lottery.test()) ++totals.accruals;
  }
  return totals;
}

std::string words(const LotteryTotals& t) {
  return fmt::format("granted {}+{}+{}+{}, revoked {}, drawn {}, won {}+{}, voided {}, accruals {}", t.granted[0],
                     t.granted[1], t.granted[2], t.granted[3], t.revoked, t.drawn, t.won, t.second_chance, t.voided,
                     t.accruals);
}

}  // namespace

/// Time goes on until every lottery is over, and their second chances are held.
void World::end_lotteries() {
  // Half of the time in the midst of everything.
  if ((!process_ || dice_.percent(50)) && !wait_until_quiet()) return;
  // Nobody leaves a lottery paused for good, so that the last of them ends by its date.
  const auto last_end = [this] {
    Instant last{};
    for (const DefinitionPtr& definition : process_->store.all()) {
      if (!definition->promotion.lottery) continue;
      last = std::max(last, definition->zone.start_of(LocalDay{definition->promotion.end.days + 1}));
    }
    return last;
  };
  // A change that is under way may still move an end away.
  do {
    jump(std::max<std::int64_t>(0, last_end().ms - clock_.now().ms));
    run_for(kClosingMs);
  } while (wrong_.empty() && process_ && clock_.now() < last_end());
}

/// I5, I8 and I17: what is held is granted - drawn - revoked; exactly all prizes are won, or a shortfall is published;
/// whatever came in was judged.
void World::check_tickets() {
  for (const auto& [id, lottery] : history_.folded().lotteries.lotteries()) {
    for (const Person& person : history_.everyone()) {
      const auto found = lottery.people.find(person.ref);
      const std::int64_t held = found == lottery.people.end() ? 0 : found->second.held();
      const std::int64_t says = process_->store.peek(keys::tickets(lottery.partition, person.ref));
      if (held != says) {
        return fail_with(
            fmt::format("I5: {} holds {} tickets of {}, the hot state says {}", person.id, held, id, says));
      }
    }
    if (lottery.stage != LotteryOracle::Lottery::Stage::over || !lottery.shortfall) {
      return fail_with("I17: the lottery " + id + " is not over, long after its end");
    }
    if (lottery.standing() + *lottery.shortfall + lottery.voided_late != lottery.items()) {
      return fail_with(fmt::format("I8: {} of {} prizes are won and {} published as shortfall", lottery.standing(),
                                   lottery.items(), *lottery.shortfall));
    }
    ++tally_.closed;
    tally_.second_wins += static_cast<int>(lottery.given);
    if (*lottery.shortfall > 0) ++tally_.shortfalls;
  }
  for (const auto& [id, settled] : history_.folded().lotteries.inbound()) {
    if (!settled) return fail_with("I17: an event that came in was never judged");
  }
  tally_.notices += static_cast<int>(partner_->notices().size());
}

/// I13 of lotteries.
void World::check_lottery_ledger() {
  sqlite::SqliteLedger& ledger = *process_->sqlite;
  for (const auto& [id, lottery] : history_.folded().lotteries.lotteries()) {
    const LotteryTotals expected = totals_of(lottery);
    const Result<LotteryTotals> totals = ledger.lottery_totals(lottery.partition);
    if (!totals || words(*totals) != words(expected)) {
      return fail_with(fmt::format("I13: the ledger says of {}: {}; the log says: {}", id,
                                   totals ? words(*totals) : totals.error().message, words(expected)));
    }
    std::string wrong;
    std::size_t wins = 0;
    const Result<bool> told = ledger.each_draw(lottery.partition, [&](const DrawRow& row) {
      const auto win = lottery.wins.find(row.place);
      const bool same = (win != lottery.wins.end()) == row.item.has_value() &&
                        (!row.item || (*row.item == win->second.item && *row.prize == win->second.prize &&
                                       row.user == win->second.user && row.voided == win->second.voided));
      if (row.item) ++wins;
      if (!same) wrong = fmt::format("I13: the ledger has another draw at {}/{}", row.place.segment, row.place.serial);
      return same;
    });
    if (!told || !wrong.empty()) return fail_with(told ? wrong : told.error().message);
    if (wins != lottery.wins.size()) return fail_with("I13: the ledger lacks wins of " + id);
    for (const Person& person : history_.everyone()) {
      const LotteryLedger::Page page{.user = person.ref, .partition = lottery.partition, .limit = kAllEntries};
      const Result<std::vector<CouponRow>> coupons = ledger.coupons(page);
      if (!coupons) return fail_with("I13: " + coupons.error().message);
      for (const CouponRow& row : *coupons) {
        const LotteryOracle::Win& win = lottery.wins.at(row.draw.place);
        // The ordinal of a burned code stays with a win that was voided.
        if (row.issue != win.issue || row.ordinal != win.ordinal || row.used_at.has_value() != win.used ||
            row.draw.voided != win.voided) {
          return fail_with(fmt::format("I13: the ledger has another coupon of {} in {}", person.id, id));
        }
      }
    }
  }
}

/// I9: every code that was announced is there, once; whoever waits for one waits because there is none.
void World::check_vault() {
  std::set<std::string> all;
  for (const auto& [id, lottery] : history_.folded().lotteries.lotteries()) {
    const std::vector<Prize>& prizes = lottery.promotion.lottery->prizes;
    for (std::size_t prize = 0; prize < prizes.size(); ++prize) {
      for (std::int64_t i = 0; i < lottery.imported[prize]; ++i) {
        const Result<std::string> code = process_->lottery->codes->read(
            {.promotion_id = id, .prize_id = prizes[prize].id}, static_cast<std::uint64_t>(i));
        if (!code) return fail_with(fmt::format("I9: code {} of {} was announced: {}", i, id, code.error().message));
        if (!all.insert(*code).second) return fail_with("I9: a code is in the vault twice");
      }
      if (lottery.test() || prizes[prize].kind != PrizeKind::gifticon) continue;
      const bool waits = std::ranges::any_of(lottery.wins, [&](const auto& one) {
        return one.second.prize == prize && !one.second.voided && !one.second.ordinal;
      });
      if (waits && lottery.assigned[prize] < lottery.imported[prize]) {
        return fail_with("I17: a coupon of " + id + " waits for a code although there is one");
      }
    }
  }
  for (const std::string& code : history_.codes_in) {
    if (!all.contains(code)) return fail_with("I11: a code whose import was acknowledged is not there");
  }
  const auto problems = process_->lottery->codes->integrity();
  if (!problems || !problems->empty()) return fail_with("I9: the vault is not whole");
}

}  // namespace windfall::simulation

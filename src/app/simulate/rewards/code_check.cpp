#include "app/simulate/rewards/code_check.hpp"

#include <algorithm>
#include <utility>

#include "domain/lottery/keys.hpp"

namespace windfall::simulate {

namespace {

/// Of so many codes that were given out, the owner of one looks at it. Opening one costs as much as giving it out;
/// which row belongs to which ordinal does not change from one to the next.
constexpr std::size_t kLooksEvery = 16;

std::string number(std::int64_t value) { return std::to_string(value); }

}  // namespace

CodeCheck::CodeCheck(DefinitionPtr definition) : definition_(std::move(definition)) {}

bool CodeCheck::is_gifticon(std::uint32_t prize) const {
  const std::vector<Prize>& prizes = definition_->promotion.lottery->prizes;
  return prize < prizes.size() && prizes[prize].kind == PrizeKind::gifticon;
}

void CodeCheck::apply(const Recorded& recorded) {
  if (recorded.partition != definition_->partition) return;
  if (const auto* imported = std::get_if<CodesImported>(&recorded.event)) {
    check_.expect(imported->count > 0 && is_gifticon(imported->prize), [&] {
      return number(imported->count) + " codes were imported for prize " + number(imported->prize);
    });
    imported_ += imported->count;
    return;
  }
  const auto* event = std::get_if<CodeAssigned>(&recorded.event);
  if (event == nullptr) return;
  const std::int64_t ordinal = recorded.taken.empty() ? -1 : recorded.taken.front();
  check_.expect(is_gifticon(event->prize) && event->issue == 0,
                [&] { return "a win of prize " + number(event->prize) + " got code " + number(event->issue + 1); });
  const bool there = ordinal >= 0 && ordinal < imported_;
  check_.expect(there,
                [&] { return "code " + number(ordinal) + " was given out, of " + number(imported_) + " imported"; });
  if (!there) return;
  const auto place = static_cast<std::size_t>(ordinal);
  if (used_.size() <= place) used_.resize(place + 1);
  check_.expect(!used_[place], [&] { return "code " + number(ordinal) + " was given out twice"; });
  used_[place] = true;
  given_.push_back({.win = event->win, .user = event->user, .ordinal = ordinal});
}

InvariantResult CodeCheck::finish(const Outcome& outcome) {
  check_.expect(outcome.trouble.empty(), [&] { return "codes were not given out: " + outcome.trouble; });
  check_.expect(outcome.import_trouble.empty(), [&] { return "codes were not imported: " + outcome.import_trouble; });
  compare_wins(outcome);
  compare_vault(outcome);
  return check_.result;
}

/// Both ways: every code has its win, and every gifticon that stands its code.
void CodeCheck::compare_wins(const Outcome& outcome) {
  struct Win {
    WinPlace place;
    UserRef user;
  };
  std::vector<Win> wins;
  const Result<bool> all = outcome.wins.each_draw(definition_->partition, [&](const DrawRow& row) {
    if (row.prize && is_gifticon(*row.prize) && !row.voided) wins.push_back({.place = row.place, .user = row.user});
    return true;
  });
  check_.expect(all.has_value(), [&] { return all.error().message; });
  std::ranges::sort(wins, {}, &Win::place);
  std::ranges::sort(given_, {}, &Given::win);
  std::int64_t waiting = 0;
  auto code = given_.begin();
  const auto without_win = [&] {
    check_.expect(false, [&] { return "code " + number(code->ordinal) + " belongs to no win"; });
    ++code;
  };
  for (const Win& win : wins) {
    while (code != given_.end() && code->win < win.place) without_win();
    if (code == given_.end() || code->win != win.place) {
      ++waiting;
      continue;
    }
    check_.expect(code->user == win.user,
                  [&] { return "code " + number(code->ordinal) + " belongs to somebody who did not win it"; });
    ++code;
  }
  while (code != given_.end()) without_win();
  check_.expect(waiting == outcome.waiting, [&] {
    return number(waiting) + " coupons have no code, " + number(outcome.waiting) + " are said to wait";
  });
  check_.expect(waiting == 0 || std::ssize(given_) == imported_, [&] {
    return number(waiting) + " coupons wait, and " + number(imported_ - std::ssize(given_)) + " codes are left";
  });
}

void CodeCheck::compare_vault(const Outcome& outcome) {
  const PartitionNo partition = definition_->partition;
  const std::int64_t imported = outcome.state.look(keys::imported(partition, outcome.prize));
  const std::int64_t assigned = outcome.state.look(keys::assigned(partition, outcome.prize));
  check_.expect(imported == imported_ && outcome.stored == imported_ && outcome.bought == imported_, [&] {
    return number(outcome.bought) + " codes were bought, " + number(imported_) + " imported, " +
           number(outcome.stored) + " are in the vault, " + number(imported) + " as the hot state says";
  });
  check_.expect(assigned == std::ssize(given_), [&] {
    return number(std::ssize(given_)) + " codes were given out, " + number(assigned) + " as the hot state says";
  });
  for (std::size_t i = 0; i < given_.size(); i += kLooksEvery) {
    const std::int64_t ordinal = given_[i].ordinal;
    const Result<std::string> code = outcome.code(ordinal);
    check_.expect(code.has_value(), [&] { return code.error().message; });
    if (!code) continue;
    check_.expect(*code == outcome.code_bought(ordinal),
                  [&] { return "code " + number(ordinal) + " is not the one that was bought"; });
  }
}

}  // namespace windfall::simulate

#include "app/simulate/rewards/effect_rows.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "adapters/codec/event_ids.hpp"

namespace windfall::simulate {

std::size_t EffectRows::HashOfId::operator()(const EffectId& id) const {
  std::size_t half = 0;  // ids are hashes themselves
  std::memcpy(&half, id.data() + 8, sizeof half);
  return half;
}

void EffectRows::named(UserRef user, std::string_view id) {
  std::uint32_t number = 0;
  if (!id.starts_with(kPrefix)) return;
  const std::string_view digits = id.substr(kPrefix.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  people_.at(user) = number + 1;
}

std::string EffectRows::id_of(UserRef user) const {
  const std::uint32_t* number = people_.find(user);
  return number == nullptr || *number == 0 ? std::string() : std::string(kPrefix) + std::to_string(*number - 1);
}

const Prize& EffectRows::prize_of(const Row& row) const { return definition_->promotion.lottery->prizes[row.prize]; }

void EffectRows::add(EffectId id, const Row& row) {
  const auto number = static_cast<std::uint32_t>(rows_.size());
  if (!by_id_.try_emplace(id, number).second) return;  // an effect is owed once
  rows_.push_back(row);
  rows_.back().id = id;
  queue_of(endpoint_of(row.kind)).fresh.push_back(number);
}

void EffectRows::won(const Recorded& recorded, UserRef user, std::uint32_t prize) {
  const auto id_with = [&](std::uint32_t index) {
    return codec::event_ids({.lineage = kSimulatedLineage,
                             .promotion = definition_->promotion.id,
                             .epoch = recorded.epoch,
                             .sequence = recorded.sequence,
                             .index = index})
        .effect;
  };
  Row row{.user = user, .at = recorded.time.ms, .prize = prize, .error = {}};
  if (prize_of(row).kind == PrizeKind::points && prize_of(row).value > 0) add(id_with(kAccrualIndex), row);
  if (!definition_->promotion.lottery->notifications.win) return;
  row.kind = EffectKind::notification_win;
  add(id_with(kNotificationIndex), row);
}

void EffectRows::settled(const EffectSettled& event, Instant at) {
  const auto found = by_id_.find(event.effect);
  if (found == by_id_.end()) return;
  Row& row = rows_[found->second];
  switch (event.outcome) {
    case EffectSettled::Outcome::done:
      row.state = State::done;
      break;
    case EffectSettled::Outcome::dead:
      row.state = State::dead;
      row.error = event.detail;
      break;
    case EffectSettled::Outcome::redriven:
      if (row.state != State::dead) return;
      row.state = State::pending;
      row.tries = 0;
      row.first_tried = 0;
      row.next_try = at.ms;
      queue_of(endpoint_of(row.kind)).later.emplace(row.next_try, found->second);
      break;
  }
}

EffectRows::Counts EffectRows::counts(bool accruals) const {
  Counts counts;
  for (const Row& row : rows_) {
    if ((row.kind == EffectKind::accrual) != accruals) continue;
    if (row.state == State::done) {
      ++counts.done;
    } else if (row.state == State::dead) {
      ++counts.dead;
    } else {
      ++(row.unknown ? counts.unknown : counts.open);
    }
  }
  return counts;
}

Result<std::vector<DueEffect>> EffectRows::take_due(PartnerEndpoint of, Instant due, int limit) {
  auto& [fresh, later] = queue_of(of);
  std::vector<DueEffect> taken;
  while (std::ssize(taken) < limit) {
    std::uint32_t number = 0;
    if (!later.empty() && later.begin()->first <= due.ms) {
      number = later.begin()->second;
      later.erase(later.begin());
    } else if (!fresh.empty()) {
      number = fresh.front();
      fresh.pop_front();
    } else {
      break;
    }
    Row& row = rows_[number];
    row.state = State::sending;
    const bool tells = row.kind != EffectKind::accrual;
    taken.push_back({.id = row.id,
                     .user_id = id_of(row.user),
                     .promotion_id = definition_->promotion.id,
                     .amount = prize_of(row).value,
                     .occurred_at = Instant{row.at},
                     .tries = row.tries,
                     .first_tried_at = Instant{row.first_tried},
                     .unknown = row.unknown,
                     .kind = row.kind,
                     .promotion_title = tells ? definition_->promotion.title : std::string(),
                     .prize_name = tells ? prize_of(row).name : std::string()});
    if (row.first_tried == 0) row.first_tried = due.ms;
  }
  return taken;
}

Result<Instant> EffectRows::next_due(PartnerEndpoint of) {
  const auto& [fresh, later] = queue_of(of);
  if (!fresh.empty()) return Instant{rows_[fresh.front()].at};
  return later.empty() ? kEndOfTime : Instant{later.begin()->first};
}

Result<bool> EffectRows::retry_later(const std::vector<Retry>& retries) {
  for (const Retry& retry : retries) {
    const auto found = by_id_.find(retry.id);
    if (found == by_id_.end() || rows_[found->second].state != State::sending) continue;
    const std::uint32_t number = found->second;
    Row& row = rows_[number];
    row.state = State::pending;
    row.unknown = retry.unknown;
    row.tries += retry.counted ? 1 : 0;
    row.next_try = retry.next_try.ms;
    row.error = retry.error;
    queue_of(endpoint_of(row.kind)).later.emplace(row.next_try, number);
  }
  return true;
}

Result<Effects::Gauges> EffectRows::gauges() {
  Gauges gauges;
  for (const bool accruals : {true, false}) {
    const Counts counted = counts(accruals);
    gauges.pending += counted.open;
    gauges.unknown += counted.unknown;
    gauges.dead += counted.dead;
  }
  return gauges;
}

DeadLetter EffectRows::letter_of(std::size_t number) const {
  const Row& row = rows_[number];
  return {.id = static_cast<std::int64_t>(number) + 1,
          .effect = row.id,
          .kind = name_of(row.kind),
          .user_id = id_of(row.user),
          .promotion_id = definition_->promotion.id,
          .amount = prize_of(row).value,
          .tries = row.tries,
          .last_error = row.error,
          .since = Instant{row.at}};
}

Result<std::vector<DeadLetter>> EffectRows::dead_letters(std::int64_t after, int limit) {
  std::vector<DeadLetter> letters;
  for (auto i = static_cast<std::size_t>(after); i < rows_.size() && std::ssize(letters) < limit; ++i) {
    if (rows_[i].state == State::dead) letters.push_back(letter_of(i));
  }
  return letters;
}

Result<std::optional<DeadLetter>> EffectRows::dead_letter(std::int64_t id) {
  const auto number = static_cast<std::size_t>(id - 1);
  if (number >= rows_.size() || rows_[number].state != State::dead) return std::nullopt;
  return letter_of(number);
}

Result<bool> EffectRows::open_for(UserRef user) {
  return std::ranges::any_of(rows_, [&](const Row& row) {
    return row.user == user && (row.state == State::pending || row.state == State::sending);
  });
}

}  // namespace windfall::simulate

#include "app/simulate/invariants.hpp"

#include <algorithm>
#include <utility>

#include "domain/lottery/keys.hpp"

namespace windfall::simulate {

void Invariants::begin(DefinitionPtr definition, const Seed& seed) {
  definition_ = std::move(definition);
  outcomes_ = std::make_unique<Outcomes>(seed, definition_->promotion.id, *definition_->promotion.lottery);
  given_.resize(outcomes_->items());
  given_again_.resize(outcomes_->items());
}

void Invariants::expect(const Recorded& recorded) const {
  const auto soon = [&](UserRef user) {
    people_.place(user).fetch();
    fold_.expect({recorded.partition, user, std::nullopt});
  };
  if (const auto* drew = std::get_if<Drew>(&recorded.event)) soon(drew->user);
  if (const auto* visited = std::get_if<Visited>(&recorded.event)) soon(visited->user);
  if (const auto* opened = std::get_if<InviteOpened>(&recorded.event)) {
    soon(opened->invited);
    soon(opened->inviter);
  }
  if (const auto* code = std::get_if<CodeAssigned>(&recorded.event)) {
    fold_.expect({recorded.partition, keys::stand_in(code->win), std::nullopt});
  }
}

void Invariants::apply(const Recorded& recorded) {
  const bool creates = recorded.partition.value == fold_.partitions();
  const std::uint64_t last =
      recorded.partition.value < fold_.partitions() ? fold_.header(recorded.partition).sequence.value : 0;
  if (recorded.partition.value > fold_.partitions() || recorded.sequence.value != last + 1 ||
      (creates && !std::holds_alternative<DefinitionChanged>(recorded.event))) {
    replay_.expect(false, recorded, [] { return std::string("does not follow the one before"); });
    return;
  }
  fold_.apply(recorded);
  ++replay_.checked;
  if (!definition_ || recorded.partition != definition_->partition) return;
  std::visit([&](const auto& event) { (*this)(recorded, event); }, recorded.event);
}

void Invariants::grant(const Recorded& at, UserRef user, GrantCause cause, std::int64_t tickets) {
  Person& person = people_.at(user);
  person.granted += static_cast<std::int32_t>(tickets);
  granted_.at(static_cast<std::size_t>(cause)) += tickets;
  tickets_.expect(tickets >= 0, at, [&] { return std::to_string(tickets) + " tickets granted"; });
}

void Invariants::operator()(const Recorded& at, const Visited& event) {
  Person& person = people_.at(event.user);
  once_.expect(!person.visited, at, [] { return std::string("a second first visit"); });
  person.visited = true;
  grant(at, event.user, GrantCause::visit, event.tickets);
}

void Invariants::operator()(const Recorded& at, const InviteOpened& event) {
  const auto* rule = grant_of<InviteGrant>(*definition_->promotion.lottery);
  Person& invited = people_.at(event.invited);
  once_.expect(!invited.credited && event.invited != event.inviter, at,
               [] { return std::string("a friend credited twice, or for their own link"); });
  once_.expect(rule != nullptr && (!rule->first_visit_only || !invited.visited), at,
               [] { return std::string("a friend credited after a visit"); });
  invited.credited = true;
  grant(at, event.invited, GrantCause::invite_opened, event.friend_tickets);
  Person& inviter = people_.at(event.inviter);
  if (event.inviter_limited) {
    once_.expect(event.inviter_tickets == 0, at, [] { return std::string("an inviter over the limit is granted"); });
    return;
  }
  const auto day = static_cast<std::uint16_t>(event.day_index + 1);
  if (inviter.invited_day != day) {
    inviter.invited_day = day;
    inviter.invited_on_day = 0;
  }
  ++inviter.invited_on_day;
  once_.expect(rule != nullptr && inviter.invited_on_day <= rule->inviter_limit_per_day, at,
               [] { return std::string("an inviter granted beyond the day's limit"); });
  grant(at, event.inviter, GrantCause::invite_sent, event.inviter_tickets);
}

void Invariants::operator()(const Recorded& at, const TicketsAdjusted& event) {
  if (event.tickets > 0) return grant(at, event.user, GrantCause::adjustment, event.tickets);
  Person& person = people_.at(event.user);
  person.revoked -= static_cast<std::int32_t>(event.tickets);
  revoked_in_all_ -= event.tickets;
  held_.expect(person.held() >= 0, at, [] { return std::string("more tickets revoked than held"); });
}

void Invariants::operator()(const Recorded& at, const SegmentOpened& event) {
  serials_.expect(std::int64_t{event.segment} > segment_ && event.previous == segment_, at,
                  [] { return std::string("a segment opened out of order"); });
  winners_.expect(!closed_ && std::int64_t{event.first_item} == wins_ &&
                      std::int64_t{event.first_item} + event.quota <= items() && event.quota <= event.length,
                  at, [] { return std::string("a deck holds prizes that are given or that do not exist"); });
  segment_ = event.segment;
  serials_in_ = 0;
  open_ = {.segment = SegmentNo{event.segment},
           .quota = event.quota,
           .length = event.length,
           .first_item = event.first_item};
}

void Invariants::operator()(const Recorded& at, const Drew& event) {
  Person& person = people_.at(event.user);
  drawn_.expect(person.held() > 0, at, [] { return std::string("a draw without a ticket"); });
  drawn_.expect(std::int64_t{event.number} == person.drawn, at, [] { return std::string("a draw numbered wrongly"); });
  const std::int64_t serial = at.taken.empty() ? -1 : at.taken.front();
  serials_.expect(std::int64_t{event.segment} == segment_ && serial == serials_in_, at,
                  [&] { return "serial " + std::to_string(serial) + ", not " + std::to_string(serials_in_); });
  per_person_.expect(person.wins < definition_->promotion.lottery->max_wins_per_user, at,
                     [] { return std::string("a draw after all wins that are allowed"); });
  ++person.drawn;
  ++drawn_in_all_;
  serials_in_ = serial + 1;
  if (serial < 0) return;
  const auto item = outcomes_->deck(open_).win_at(static_cast<std::uint64_t>(serial));
  if (!item) return;
  ++wins_;
  won(at, event.user, *item);
  if (*item < items()) given_[*item] = true;
}

void Invariants::won(const Recorded& at, UserRef user, std::uint32_t item) {
  const bool there = item < items();
  winners_.expect(there && !given_[item], at, [&] { return "item " + std::to_string(item) + " given twice"; });
  winners_.expect(standing() <= items(), at, [] { return std::string("more winners than prizes"); });
  Person& person = people_.at(user);
  ++person.wins;
  per_person_.expect(person.wins <= definition_->promotion.lottery->max_wins_per_user, at,
                     [] { return std::string("a win too many"); });
}

void Invariants::operator()(const Recorded& at, const LotteryClosed& event) {
  total_.expect(!closed_, at, [] { return std::string("closed a second time"); });
  closed_ = true;
  if (event.second_chance) return;
  shortfall_ = event.shortfall;
  total_.expect(event.shortfall == items() - standing(), at,
                [&] { return "shortfall " + std::to_string(event.shortfall); });
}

void Invariants::operator()(const Recorded& at, const SecondChanceStarted& event) {
  total_.expect(closed_ && std::int64_t{event.prizes} == items() - standing(), at,
                [&] { return std::to_string(event.prizes) + " prizes are said to be left"; });
}

void Invariants::operator()(const Recorded& at, const SecondChanceWon& event) {
  total_.expect(std::int64_t{event.place} == second_wins_, at, [] { return std::string("a win out of order"); });
  ++second_wins_;
  Person& person = people_.at(event.user);
  per_person_.expect(!person.second_won && std::cmp_greater(person.drawn, person.wins), at,
                     [] { return std::string("a second chance for whom there is none"); });
  person.second_won = true;
  // Items of voided wins stand before the wins' count and may be given once more, the others for the first time.
  const bool voided_before = event.item < items() && std::int64_t{event.item} < wins_ && voided_ > 0;
  if (voided_before && !given_again_[event.item]) {
    given_[event.item] = false;
    given_again_[event.item] = true;
  }
  won(at, event.user, event.item);
  if (event.item < items()) given_[event.item] = true;
}

void Invariants::operator()(const Recorded& at, const SecondChanceEnded& event) {
  shortfall_ = event.shortfall;
  total_.expect(event.shortfall == items() - standing(), at,
                [&] { return "shortfall " + std::to_string(event.shortfall); });
}

void Invariants::operator()(const Recorded& at, const WinVoided& event) {
  (void)event;
  ++voided_;
  winners_.expect(standing() >= 0, at, [] { return std::string("more wins voided than won"); });
}

std::vector<InvariantResult> Invariants::finish(const State& state) {
  Recorded end;
  const PartitionNo partition = definition_->partition;
  end.sequence = fold_.header(partition).sequence;
  std::int64_t held = 0;
  people_.for_each([&](UserRef user, const Person& person) {
    held += person.held();
    const std::int64_t says = state.look(keys::tickets(partition, user));
    held_.expect(person.held() >= 0 && person.held() == says, end, [&] {
      return "a person holds " + std::to_string(person.held()) + ", the hot state says " + std::to_string(says);
    });
  });
  std::int64_t granted = 0;
  for (std::size_t cause = 0; cause < granted_.size(); ++cause) {
    granted += granted_[cause];
    tickets_.expect(granted_[cause] == state.look(keys::granted_in_total(partition, static_cast<GrantCause>(cause))),
                    end,
                    [&] { return "cause " + std::to_string(cause) + " comes to " + std::to_string(granted_[cause]); });
  }
  tickets_.expect(drawn_in_all_ == state.look(keys::drawn_in_total(partition)), end,
                  [&] { return std::to_string(drawn_in_all_) + " are drawn"; });
  tickets_.expect(held == granted - drawn_in_all_ - revoked_in_all_, end,
                  [&] { return std::to_string(held) + " are held in all"; });
  total_.expect(closed_ && shortfall_ && standing() + *shortfall_ == items(), end,
                [&] { return std::to_string(standing()) + " winners of " + std::to_string(items()); });
  replay_.expect(fold_.digest() == state.digest(), end, [] { return std::string("the digests differ"); });

  std::vector<InvariantResult> results;
  for (const Check* check :
       {&held_, &once_, &drawn_, &serials_, &winners_, &per_person_, &total_, &tickets_, &replay_}) {
    results.push_back({.id = check->id,
                       .what = check->what,
                       .checked = check->checked,
                       .violations = check->violations,
                       .first = check->first});
  }
  return results;
}

}  // namespace windfall::simulate

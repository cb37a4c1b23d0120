#include "app/proof/lottery_effects.hpp"

#include <utility>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/system/time_zone.hpp"

namespace windfall::proof {

void LotteryEffects::define(PartitionNo partition, const DefinitionChanged& event) {
  terms_.erase(partition);
  Result<Promotion> promotion = codec::decode_definition(event.definition);
  if (!promotion || !promotion->lottery) return;
  Result<Zone> zone = system::load_zone(promotion->timezone);
  if (!zone) return;  // I15 has said so
  terms_.insert_or_assign(partition, Terms{.promotion = std::move(*promotion), .zone = std::move(*zone)});
}

const LotteryEffects::Terms* LotteryEffects::terms(PartitionNo partition) const {
  const auto found = terms_.find(partition);
  return found == terms_.end() ? nullptr : &found->second;
}

std::vector<LotteryEffect> LotteryEffects::of_win(const Recorded& recorded, UserRef user, const WinPlace& place,
                                                  const Promotion& promotion, const LotteryCheck& log,
                                                  const IdOf& id_of) {
  const bool known = log.knows_wins_of(recorded.partition);
  if (!known) {
    return {{.id = id_of(kAccrualIndex), .kind = EffectKind::accrual, .user = user, .perhaps = true},
            {.id = id_of(kNotificationIndex), .kind = EffectKind::notification_win, .user = user, .perhaps = true}};
  }
  const std::optional<LotteryCheck::Win> win = log.win_at(recorded.partition, place);
  if (!win) return {};
  const Prize& prize = promotion.lottery->prizes.at(win->prize);
  std::vector<LotteryEffect> effects;
  LotteryEffect effect{.kind = EffectKind::accrual, .user = user, .amount = prize.value, .prize = win->prize};
  effect.voided = win->voided;
  effect.voided_in_ledger = win->voided_in_ledger != 0;
  if (prize.kind == PrizeKind::points && prize.value > 0) {
    effect.id = id_of(kAccrualIndex);
    effects.push_back(effect);
  }
  if (promotion.lottery->notifications.win) {
    effect.id = id_of(kNotificationIndex);
    effect.kind = EffectKind::notification_win;
    effects.push_back(effect);
  }
  return effects;
}

std::vector<LotteryEffect> LotteryEffects::of(const Recorded& recorded, const LotteryCheck& log,
                                              const IdOf& id_of) const {
  const Terms* found = terms(recorded.partition);
  if (found == nullptr || found->promotion.mode == Mode::test) return {};
  const Promotion& promotion = found->promotion;
  std::vector<LotteryEffect> effects;
  const auto granted = [&](UserRef user, std::int64_t tickets, std::uint32_t index) {
    if (tickets <= 0 || !promotion.lottery->notifications.ticket_granted) return;
    effects.push_back(
        {.id = id_of(index), .kind = EffectKind::notification_ticket_granted, .user = user, .amount = tickets});
  };
  if (const auto* visited = std::get_if<Visited>(&recorded.event)) {
    granted(visited->user, visited->tickets, kNotificationIndex);
  } else if (const auto* opened = std::get_if<InviteOpened>(&recorded.event)) {
    granted(opened->invited, opened->friend_tickets, kNotificationIndex);
    if (!opened->inviter_limited) granted(opened->inviter, opened->inviter_tickets, kInviterNotificationIndex);
  } else if (const auto* adjusted = std::get_if<TicketsAdjusted>(&recorded.event)) {
    granted(adjusted->user, adjusted->tickets, kNotificationIndex);
  } else if (const auto* drew = std::get_if<Drew>(&recorded.event)) {
    const std::int64_t serial = recorded.taken.empty() ? -1 : recorded.taken.front();
    return of_win(recorded, drew->user, {.segment = drew->segment, .serial = serial}, promotion, log, id_of);
  } else if (const auto* second = std::get_if<SecondChanceWon>(&recorded.event)) {
    return of_win(recorded, second->user, {.segment = WinPlace::kSecondChance, .serial = second->place}, promotion, log,
                  id_of);
  }
  return effects;
}

}  // namespace windfall::proof

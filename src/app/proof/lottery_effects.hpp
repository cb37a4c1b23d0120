// What each event of a lottery has to cause at the partner: accruals of points that were won, and notifications where
// the definition in force asks for them; nothing in TEST (I4, I10).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "adapters/codec/event_ids.hpp"
#include "app/proof/lottery_check.hpp"
#include "application/port/effects.hpp"
#include "domain/kernel/event.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::proof {

struct LotteryEffect {
  codec::Uuid id{};
  EffectKind kind = EffectKind::accrual;
  UserRef user;
  Amount amount = 0;
  std::optional<std::uint32_t> prize = std::nullopt;
  bool voided = false;            ///< the win it belongs to was taken back
  bool voided_in_ledger = false;  ///< and the ledger has seen that
  bool perhaps = false;           ///< nobody can tell whether the draw has won
};

class LotteryEffects {
 public:
  /// Of an event's effect with that index.
  using IdOf = std::function<codec::Uuid(std::uint32_t index)>;

  /// Definitions are told in order with everything else.
  void define(PartitionNo partition, const DefinitionChanged& event);
  /// In the order in which the ledger makes them.
  [[nodiscard]] std::vector<LotteryEffect> of(const Recorded& recorded, const LotteryCheck& log,
                                              const IdOf& id_of) const;

  struct Terms {
    Promotion promotion;
    Zone zone;
  };
  /// In force now; nullptr where there is no lottery.
  [[nodiscard]] const Terms* terms(PartitionNo partition) const;

 private:
  [[nodiscard]] static std::vector<LotteryEffect> of_win(const Recorded& recorded, UserRef user, const WinPlace& place,
                                                         const Promotion& promotion, const LotteryCheck& log,
                                                         const IdOf& id_of);
  std::map<PartitionNo, Terms> terms_;
};

}  // namespace windfall::proof

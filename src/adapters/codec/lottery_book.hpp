// What a ledger's projection knows of a lottery besides rows: its terms, its zone and its decks, computed from the
// definition that the ledger has.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "application/port/ledger_store.hpp"
#include "domain/kernel/result.hpp"
#include "domain/kernel/zone.hpp"
#include "domain/lottery/outcomes.hpp"

namespace windfall::codec {

struct LotteryBook {
  std::string promotion_id;
  Revision revision;
  Lottery lottery;
  bool test = false;
  LocalDay start;
  std::string sealed_seed;
  Zone zone;
  std::optional<Outcomes> outcomes;             ///< from the first draw on
  std::map<std::uint32_t, DeckTerms> segments;  ///< those that were looked at
};

/// Failure damaged if the definition is none of a lottery.
[[nodiscard]] Result<LotteryBook> read_lottery_book(PartitionNo partition, std::string_view definition,
                                                    Revision revision);
/// Makes `outcomes`. Failure damaged if the seed cannot be opened: a draw that cannot be told is not skipped.
[[nodiscard]] Result<Outcomes*> outcomes_of(LotteryBook& book, const OpenSeed& open_seed);

}  // namespace windfall::codec

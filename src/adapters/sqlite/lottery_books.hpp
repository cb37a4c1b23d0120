// What the projection knows of each lottery besides rows: its terms, its zone and its decks. Computed from the
// definition and the segments that the ledger has, kept between batches because a large lottery's decks take longer to
// make than a batch takes to apply; dropped whenever a batch fails.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "domain/kernel/zone.hpp"
#include "domain/lottery/outcomes.hpp"

namespace windfall::sqlite {

struct LotteryBook {
  std::string promotion_id;
  Lottery lottery;
  bool test = false;
  LocalDay start;
  std::string sealed_seed;
  Zone zone;
  std::optional<Outcomes> outcomes;             ///< from the first draw on
  std::map<std::uint32_t, DeckTerms> segments;  ///< those that were looked at
};

class LotteryBooks {
 public:
  explicit LotteryBooks(const OpenSeed& open_seed) : open_seed_(open_seed) {}

  /// Throws damaged if the partition's definition is none of a lottery.
  LotteryBook& of(Connection& connection, PartitionNo partition);
  /// Throws damaged if the seed cannot be opened: a draw that cannot be told is not skipped.
  Outcomes& outcomes(LotteryBook& book);
  /// Throws damaged if the segment was never opened.
  const DeckTerms& terms(Connection& connection, PartitionNo partition, LotteryBook& book, std::uint32_t segment);

  void forget(PartitionNo partition) { books_.erase(partition.value); }
  void forget_all() { books_.clear(); }

 private:
  static std::unique_ptr<LotteryBook> read(Connection& connection, PartitionNo partition);

  const OpenSeed& open_seed_;
  std::map<std::uint32_t, std::unique_ptr<LotteryBook>> books_;
};

}  // namespace windfall::sqlite

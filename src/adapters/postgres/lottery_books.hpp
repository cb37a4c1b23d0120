// What the projection knows of each lottery, from the definition and the segments that the ledger has: kept between
// batches because a large lottery's decks take longer to make than a batch takes to apply; dropped whenever a batch
// fails, and when another process has applied another definition.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "adapters/codec/lottery_book.hpp"
#include "adapters/postgres/database.hpp"
#include "adapters/postgres/postgres_ledger.hpp"

namespace windfall::postgres {

using codec::LotteryBook;

class LotteryBooks {
 public:
  explicit LotteryBooks(const OpenSeed& open_seed) : open_seed_(open_seed) {}

  /// Throws damaged if the partition's definition is none of a lottery.
  LotteryBook& of(Connection& db, PartitionNo partition);
  /// Throws damaged if the seed cannot be opened: a draw that cannot be told is not skipped.
  Outcomes& outcomes(LotteryBook& book);
  /// Throws damaged if the segment was never opened.
  const DeckTerms& terms(Connection& db, PartitionNo partition, LotteryBook& book, std::uint32_t segment);

  /// The definition in the database has this revision: forgets a book of another one.
  void expect(PartitionNo partition, Revision revision);
  void forget(PartitionNo partition) { books_.erase(partition.value); }
  void forget_all() { books_.clear(); }

 private:
  static std::unique_ptr<LotteryBook> read(Connection& db, PartitionNo partition);

  const OpenSeed& open_seed_;
  std::map<std::uint32_t, std::unique_ptr<LotteryBook>> books_;
};

}  // namespace windfall::postgres

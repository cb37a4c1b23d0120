#include "adapters/postgres/lottery_books.hpp"

#include <fmt/format.h>

#include <utility>

namespace windfall::postgres {

std::unique_ptr<LotteryBook> LotteryBooks::read(Connection& db, PartitionNo partition) {
  Rows rows = db.select("select definition, revision from promotion where partition = $1", partition.value);
  if (!rows.next()) {
    throw SqlError(
        FailureCode::damaged,
        fmt::format("ledger: partition {} has an event of a lottery before its definition", partition.value));
  }
  Result<LotteryBook> book =
      codec::read_lottery_book(partition, rows.bytes(0), {static_cast<std::uint32_t>(rows.integer(1))});
  if (!book) throw SqlError(book.error().code, book.error().message);
  return std::make_unique<LotteryBook>(*std::move(book));
}

void LotteryBooks::expect(PartitionNo partition, Revision revision) {
  const auto known = books_.find(partition.value);
  if (known != books_.end() && known->second->revision != revision) books_.erase(known);
}

LotteryBook& LotteryBooks::of(Connection& db, PartitionNo partition) {
  const auto known = books_.find(partition.value);
  if (known != books_.end()) return *known->second;
  return *books_.emplace(partition.value, read(db, partition)).first->second;
}

Outcomes& LotteryBooks::outcomes(LotteryBook& book) {
  const Result<Outcomes*> outcomes = codec::outcomes_of(book, open_seed_);
  if (!outcomes) throw SqlError(outcomes.error().code, outcomes.error().message);
  return **outcomes;
}

const DeckTerms& LotteryBooks::terms(Connection& db, PartitionNo partition, LotteryBook& book, std::uint32_t segment) {
  const auto known = book.segments.find(segment);
  if (known != book.segments.end()) return known->second;
  Rows rows = db.select("select quota, length, first_item from segment where partition = $1 and segment = $2",
                        partition.value, segment);
  if (!rows.next()) {
    throw SqlError(FailureCode::damaged, fmt::format("ledger: {} has a draw in segment {}, which was never opened",
                                                     book.promotion_id, segment));
  }
  const DeckTerms terms{.segment = {segment},
                        .quota = static_cast<std::uint32_t>(rows.integer(0)),
                        .length = static_cast<std::uint32_t>(rows.integer(1)),
                        .first_item = static_cast<std::uint32_t>(rows.integer(2))};
  return book.segments.emplace(segment, terms).first->second;
}

}  // namespace windfall::postgres

#include "adapters/sqlite/lottery_books.hpp"

#include <fmt/format.h>

#include <utility>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/system/time_zone.hpp"

namespace windfall::sqlite {

std::unique_ptr<LotteryBook> LotteryBooks::read(Connection& connection, PartitionNo partition) {
  const std::string text = connection.text("select definition from promotion where partition = ?", partition.value);
  if (text.empty()) {
    throw SqlError(
        FailureCode::damaged,
        fmt::format("ledger: partition {} has an event of a lottery before its definition", partition.value));
  }
  Result<Promotion> promotion = codec::decode_definition(text);
  if (!promotion) {
    throw SqlError(FailureCode::damaged,
                   fmt::format("ledger: partition {}: {}", partition.value, promotion.error().message));
  }
  if (!promotion->lottery) {
    throw SqlError(FailureCode::damaged,
                   fmt::format("ledger: partition {} has an event of a lottery and is none", partition.value));
  }
  Result<Zone> zone = system::load_zone(promotion->timezone);
  if (!zone) throw SqlError(zone.error().code, "ledger: " + zone.error().message);
  auto book = std::make_unique<LotteryBook>();
  book->promotion_id = std::move(promotion->id);
  book->lottery = *std::move(promotion->lottery);
  book->test = promotion->mode == Mode::test;
  book->start = promotion->start;
  book->sealed_seed = std::move(promotion->secrets.sealed_seed);
  book->zone = *std::move(zone);
  return book;
}

LotteryBook& LotteryBooks::of(Connection& connection, PartitionNo partition) {
  std::unique_ptr<LotteryBook>& book = books_[partition.value];
  if (!book) book = read(connection, partition);
  return *book;
}

Outcomes& LotteryBooks::outcomes(LotteryBook& book) {
  if (!book.outcomes) {
    if (!open_seed_) throw SqlError(FailureCode::damaged, "ledger: no key opens the seed of " + book.promotion_id);
    const Result<Seed> seed = open_seed_(book.promotion_id, book.sealed_seed);
    if (!seed) {
      throw SqlError(FailureCode::damaged, fmt::format("ledger: the seed of {} cannot be opened: {}", book.promotion_id,
                                                       seed.error().message));
    }
    book.outcomes.emplace(*seed, book.promotion_id, book.lottery);
  }
  return *book.outcomes;
}

const DeckTerms& LotteryBooks::terms(Connection& connection, PartitionNo partition, LotteryBook& book,
                                     std::uint32_t segment) {
  const auto known = book.segments.find(segment);
  if (known != book.segments.end()) return known->second;
  Rows rows = connection("select quota, length, first_item from segment where partition = ? and segment = ?")
                  .select(partition.value, segment);
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

}  // namespace windfall::sqlite

#include "adapters/postgres/lottery_books.hpp"

#include <fmt/format.h>

#include <utility>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/system/time_zone.hpp"

namespace windfall::postgres {

std::unique_ptr<LotteryBook> LotteryBooks::read(Connection& db, PartitionNo partition) {
  Rows rows = db.select("select definition, revision from promotion where partition = $1", partition.value);
  if (!rows.next()) {
    throw SqlError(
        FailureCode::damaged,
        fmt::format("ledger: partition {} has an event of a lottery before its definition", partition.value));
  }
  Result<Promotion> promotion = codec::decode_definition(rows.bytes(0));
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
  book->revision = {static_cast<std::uint32_t>(rows.integer(1))};
  book->lottery = *std::move(promotion->lottery);
  book->test = promotion->mode == Mode::test;
  book->start = promotion->start;
  book->sealed_seed = std::move(promotion->secrets.sealed_seed);
  book->zone = *std::move(zone);
  return book;
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

#include "adapters/codec/lottery_book.hpp"

#include <fmt/format.h>

#include <utility>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/system/time_zone.hpp"

namespace windfall::codec {

Result<LotteryBook> read_lottery_book(PartitionNo partition, std::string_view definition, Revision revision) {
  Result<Promotion> promotion = decode_definition(definition);
  if (!promotion) {
    return fail(FailureCode::damaged,
                fmt::format("ledger: partition {}: {}", partition.value, promotion.error().message));
  }
  if (!promotion->lottery) {
    return fail(FailureCode::damaged,
                fmt::format("ledger: partition {} has an event of a lottery and is none", partition.value));
  }
  Result<Zone> zone = system::load_zone(promotion->timezone);
  if (!zone) return fail(zone.error().code, "ledger: " + zone.error().message);
  LotteryBook book;
  book.promotion_id = std::move(promotion->id);
  book.revision = revision;
  book.lottery = *std::move(promotion->lottery);
  book.test = promotion->mode == Mode::test;
  book.start = promotion->start;
  book.sealed_seed = std::move(promotion->secrets.sealed_seed);
  book.zone = *std::move(zone);
  return book;
}

Result<Outcomes*> outcomes_of(LotteryBook& book, const OpenSeed& open_seed) {
  if (!book.outcomes) {
    if (!open_seed) return fail(FailureCode::damaged, "ledger: no key opens the seed of " + book.promotion_id);
    const Result<Seed> seed = open_seed(book.promotion_id, book.sealed_seed);
    if (!seed) {
      return fail(FailureCode::damaged,
                  fmt::format("ledger: the seed of {} cannot be opened: {}", book.promotion_id, seed.error().message));
    }
    book.outcomes.emplace(*seed, book.promotion_id, book.lottery);
  }
  return &*book.outcomes;
}

}  // namespace windfall::codec

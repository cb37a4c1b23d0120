// A lottery as JSON: the member `lottery` of a promotion, read and written.
#pragma once

#include <string>

#include "adapters/codec/json_in.hpp"
#include "adapters/codec/object_reader.hpp"
#include "domain/lottery/lottery.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::codec {

/// Reads the object at `item`; whatever is wrong is added to `errors` with its pointer and reads as a harmless value.
[[nodiscard]] Lottery read_lottery(const ObjectReader::Item& item, FieldErrors& errors);

/// Appends it with every default written out: the same bytes for equal lotteries.
void append_lottery(std::string& out, const Lottery& lottery);

/// `patch` merged into the JSON of `current` by RFC 7396.
[[nodiscard]] JsonValue merged_lottery(const Lottery& current, const JsonValue& patch);

/// The secrets of a lottery, as the kept definition has them.
void append_secrets(std::string& out, const LotterySecrets& secrets);
[[nodiscard]] LotterySecrets read_secrets(const ObjectReader::Item& item, FieldErrors& errors);

}  // namespace windfall::codec

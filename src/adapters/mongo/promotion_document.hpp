// The promotion document in the form that its readers know: id, title, rewardAmount, leftJoinCount, limitJoinCount,
// content, imageUrl, startDate, endDate, joinTypes, createdDate, lastModifiedDate, and behind them what else there is.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "adapters/codec/shown_json.hpp"
#include "adapters/mongo/bson.hpp"

namespace windfall::mongo {

/// What the definition says, without what is secret; its title alone if it is no JSON.
[[nodiscard]] Document definition_members(std::string_view definition, const codec::ShownDefinition& shown);

/// All of it, in the order in which its readers know it.
[[nodiscard]] Document in_readers_order(const Document& all);

/// The same whenever it is computed, so that a batch can be done twice: when it was made, the ledger and the number of
/// the promotion.
[[nodiscard]] bson_oid_t promotion_object_id(const std::array<std::uint8_t, 16>& lineage, PartitionNo partition,
                                             Instant created);

}  // namespace windfall::mongo

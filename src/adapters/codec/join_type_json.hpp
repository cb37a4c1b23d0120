// joinTypes of a promotion: the JSON of each join type, both ways.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/object_reader.hpp"
#include "domain/promotion/join_types.hpp"

namespace windfall::codec {

/// Reads member `joinTypes`, refusing in `reader` what is wrong; `own_id` is the promotion's, empty if it has none yet.
[[nodiscard]] std::vector<JoinType> read_join_types(ObjectReader& reader, std::string_view own_id);
void append_join_types(std::string& out, const std::vector<JoinType>& join_types);

}  // namespace windfall::codec

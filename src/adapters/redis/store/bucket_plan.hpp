// How many hashes a partition's users are spread over, from what its definition lets expect.
#pragma once

#include <cstdint>
#include <string_view>

namespace windfall::redis {

[[nodiscard]] std::uint32_t buckets_of_system();
/// `definition` as it stands in events; one hash if it cannot be read.
[[nodiscard]] std::uint32_t buckets_of_promotion(std::string_view definition);

}  // namespace windfall::redis

// The keys of operators and gateways as text: the definition of the system partition. JSON, so that the ledger can show
// what of it may be seen.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "application/on_request/key_ring.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::codec {

/// `[{"keyId","name","role","createdAt","sha256"}]`
[[nodiscard]] std::string encode_keys(std::span<const Key> keys);
/// The empty text is no key. Failure damaged if the text is no such list.
[[nodiscard]] Result<std::vector<Key>> decode_keys(std::string_view text);

}  // namespace windfall::codec

// A look at a ledger file before it is opened for good.
#pragma once

#include <cstdint>
#include <string>

namespace windfall::sqlite {

/// Position of the log that the ledger at `path` has reached; 0 if there is no file or it cannot be read yet. Read
/// before the journal is recovered: a frame that the ledger has seen was acknowledged, so a journal that ends before it
/// is damaged.
[[nodiscard]] std::uint64_t peek_position(const std::string& path);

}  // namespace windfall::sqlite

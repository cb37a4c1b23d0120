// Whoever answers about a promotion that find() does not have makes sure first that there is none: past one machine it
// may have been made elsewhere a moment ago, or its shard may be away.
#pragma once

#include <string>

#include "application/port/promotion_store.hpp"

namespace windfall {

/// From here on find() tells the truth about this promotion. Failure: unavailable, where nobody can tell now.
inline Task<Result<bool>> look_for(PromotionStore& store, std::string promotion_id) {
  if (!store.others_create() || store.find(promotion_id)) co_return true;
  const Result<bool> looked = co_await store.look_again();
  if (!looked) co_return looked;
  if (store.awaits(promotion_id)) co_return awaited(promotion_id);
  co_return true;
}

/// The definition of a promotion that the ledger has rows of, so that there is one. Failure: unavailable, where nobody
/// can tell now what it is.
inline Task<Result<DefinitionPtr>> definition_of(PromotionStore& store, std::string promotion_id) {
  if (DefinitionPtr known = store.find(promotion_id)) co_return known;
  auto looking = look_for(store, promotion_id);
  const Result<bool> looked = co_await looking;
  if (!looked) co_return tl::unexpected(looked.error());
  if (DefinitionPtr found = store.find(promotion_id)) co_return found;
  co_return awaited(promotion_id);
}

}  // namespace windfall

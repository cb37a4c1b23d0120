#include "application/on_time/turn_status.hpp"

#include <utility>
#include <vector>

namespace windfall {

Task<Result<std::string>> TurnStatus::operator()() {
  Browse browse(store_);
  std::vector<DefinitionPtr> promotions = store_.all();
  const Result<std::vector<PromotionView>> views = co_await browse.views(std::move(promotions));
  if (!views) co_return tl::unexpected(views.error());
  int turned = 0;
  for (const PromotionView& view : *views) {
    const auto [known, first] = last_.try_emplace(view.definition->partition, view.status);
    if (first || known->second == view.status) continue;
    told_(*view.definition, known->second, view.status);
    known->second = view.status;
    ++turned;
  }
  if (turned == 0) co_return "nothing due";
  const Result<std::string> synced = co_await sync_();
  if (!synced) co_return tl::unexpected(synced.error());
  co_return std::to_string(turned) + " promotions turned";
}

}  // namespace windfall

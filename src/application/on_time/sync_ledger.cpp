#include "application/on_time/sync_ledger.hpp"

#include <utility>
#include <vector>

namespace windfall {

Task<Result<std::string>> SyncLedger::operator()() {
  std::vector<DefinitionPtr> promotions = store_.all();
  std::vector<Ledger::Sync> documents;
  documents.reserve(promotions.size());
  // Sequences first: what is read afterwards is at least as new, so a document is never newer than it says.
  for (const DefinitionPtr& d : promotions) {
    documents.push_back({.partition = d->partition, .sequence = store_.sequence(d->partition), .status = {}});
  }
  Browse browse(store_);
  const Result<std::vector<PromotionView>> views = co_await browse.views(std::move(promotions));
  if (!views) co_return tl::unexpected(views.error());
  for (std::size_t i = 0; i < views->size(); ++i) {
    const PromotionView& view = (*views)[i];
    documents[i].left_join_count = view.left_join_count;
    documents[i].join_count = view.join_count;
    documents[i].spent = view.spent;
    documents[i].status = name_of(view.status);
    documents[i].at = store_.now(view.definition->partition);
  }
  const Result<bool> written = co_await writer_.run([this, &documents] { return ledger_.sync(documents); });
  if (!written) co_return tl::unexpected(written.error());
  co_return "synced " + std::to_string(documents.size()) + " promotions";
}

}  // namespace windfall

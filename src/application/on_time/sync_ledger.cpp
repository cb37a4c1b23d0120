#include "application/on_time/sync_ledger.hpp"

#include <utility>
#include <vector>

#include "application/port/gather.hpp"

namespace windfall {

namespace {

/// Past one machine each is a call, and those of a shard that is away take the time-out of one.
constexpr std::size_t kAtOnce = 64;

}  // namespace

Task<Result<std::string>> SyncLedger::operator()() {
  std::vector<DefinitionPtr> promotions = store_.all();
  std::vector<Ledger::Sync> documents;
  documents.reserve(promotions.size());
  // Sequences first: what is read afterwards is at least as new, so a document is never newer than it says.
  for (const DefinitionPtr& d : promotions) {
    documents.push_back({.partition = d->partition, .sequence = store_.sequence(d->partition), .status = {}});
  }
  const Seen seen = co_await look(std::move(promotions));
  std::vector<Ledger::Sync> readable;
  readable.reserve(documents.size());
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (!seen.views[i]) continue;
    const PromotionView& view = *seen.views[i];
    Ledger::Sync& document = readable.emplace_back(std::move(documents[i]));
    document.left_join_count = view.left_join_count;
    document.join_count = view.join_count;
    document.spent = view.spent;
    document.status = name_of(view.status);
    document.at = store_.now(view.definition->partition);
  }
  const Result<bool> written = co_await writer_.run([this, &readable] { return ledger_.sync(readable); });
  if (!written) co_return tl::unexpected(written.error());
  const std::string synced =
      "synced " + std::to_string(readable.size()) + (readable.size() == 1 ? " promotion" : " promotions");
  if (!seen.failure) co_return synced;
  co_return fail(seen.failure->code, synced + ", " + std::to_string(documents.size() - readable.size()) +
                                         " cannot be read: " + seen.failure->message);
}

Task<SyncLedger::Seen> SyncLedger::look(std::vector<DefinitionPtr> promotions) {
  Browse browse(store_);
  Seen seen;
  Result<std::vector<PromotionView>> all = co_await browse.views(promotions);
  if (all) {
    for (PromotionView& view : *all) seen.views.emplace_back(std::move(view));
    co_return seen;
  }
  // One that is fenced or away must not keep the others from their documents.
  for (auto first = promotions.cbegin(); first != promotions.cend();) {
    std::vector<Task<Result<std::vector<PromotionView>>>> tasks;
    for (; first != promotions.cend() && tasks.size() < kAtOnce; ++first) {
      std::vector<DefinitionPtr> one{*first};
      tasks.push_back(browse.views(std::move(one)));
    }
    std::vector<Result<std::vector<PromotionView>>> views = co_await gather(std::move(tasks));
    for (Result<std::vector<PromotionView>>& view : views) {
      if (!view) seen.failure = view.error();
      seen.views.push_back(view ? std::optional{std::move(view->front())} : std::nullopt);
    }
  }
  co_return seen;
}

}  // namespace windfall

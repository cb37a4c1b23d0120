// Promotions as participants are shown them, rendered once for each change of a definition: everybody who comes asks
// for the same few, and writing one out costs more than everything else that its list does.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/http/api/render.hpp"
#include "application/on_request/browse.hpp"

namespace windfall::http {

class PromotionTexts {
 public:
  /// As many are kept, some 1 KB each, since promotions that are over are not asked for again and nothing says when; at
  /// the next one all are let go.
  static constexpr std::size_t kMost = 1000;

  /// Appends the API's Promotion.
  void append_to(std::string& out, const PromotionView& view) { text_of(view.definition).append_to(out, shown(view)); }

 private:
  struct Kept {
    DefinitionPtr definition;  ///< held, so that no other one can have its address
    codec::PromotionText text;
  };

  const codec::PromotionText& text_of(const DefinitionPtr& definition) {
    const std::uint32_t partition = definition->partition.value;
    const auto found = kept_.find(partition);
    if (found != kept_.end() && found->second.definition == definition) return found->second.text;
    if (found == kept_.end() && kept_.size() == kMost) kept_.clear();
    Kept kept{.definition = definition, .text = codec::PromotionText(*definition)};
    return kept_.insert_or_assign(partition, std::move(kept)).first->second.text;
  }

  std::unordered_map<std::uint32_t, Kept> kept_;  ///< by partition
};

}  // namespace windfall::http

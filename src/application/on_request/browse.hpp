// What anyone may see of promotions: one, the exposed ones, and what a join would say now.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "application/on_request/participate.hpp"
#include "application/port/promotion_store.hpp"

namespace windfall {

/// A promotion as it stands at a moment.
struct PromotionView {
  DefinitionPtr definition;
  Status status = Status::draft;
  std::int64_t join_count = 0;
  std::int64_t left_join_count = 0;
  std::optional<std::int64_t> left_today_count;  ///< null without a daily limit
  Amount spent = 0;
};

/// Place of a promotion in the list of exposed ones: highest reward first, then id by bytes.
struct ListPlace {
  Amount reward_amount = 0;
  std::string id;
};

/// One rule of a join, as it holds for one user now.
struct RuleCheck {
  std::string rule;  ///< PERIOD, STATUS, PAUSE_ALL, BLOCKED, TOTAL_STOCK, DAILY_STOCK, a join type's name, ONCE_A_DAY
  bool holds = false;
  std::int64_t value = 0;  ///< what the rule looked at: joins so far, stock taken, …
  std::int64_t limit = 0;  ///< what it was compared with
};

/// The answer to "what would a join say?".
struct JoinPreview {
  DefinitionPtr definition;
  std::optional<JoinRefusal> refusal;  ///< the first that applies
  std::vector<RuleCheck> rules;        ///< all of them, in the order of decision
  bool joined_today = false;
  std::int64_t join_count = 0;
};

class Browse {
 public:
  explicit Browse(PromotionStore& store) : store_(store) {}

  /// Any promotion, drafts included; nullopt if there is none. Values are durable.
  Task<Result<std::optional<PromotionView>>> one(std::string_view id);
  /// Several at once.
  Task<Result<std::vector<PromotionView>>> views(std::vector<DefinitionPtr> definitions);

  struct Page {
    std::vector<PromotionView> items;
    std::optional<ListPlace> next;  ///< the last item's place if there are more
  };
  /// ACTIVE, LIVE, stock left, in list order, after `after`.
  Task<Result<Page>> exposed(std::optional<ListPlace> after, std::size_t limit);

  /// Judges without deciding; `at` replaces the promotion's time.
  Task<Result<std::optional<JoinPreview>>> preview(std::string_view id, UserRef user, std::vector<std::string> segments,
                                                   std::optional<Instant> at);

 private:
  PromotionStore& store_;
};

}  // namespace windfall

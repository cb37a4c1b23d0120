// "What would a visit and a draw say now?", rule by rule, without deciding anything.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "application/on_request/draw_book.hpp"
#include "application/port/promotion_store.hpp"
#include "domain/lottery/tickets.hpp"

namespace windfall {

struct LotteryPreview {
  struct Rule {
    enum class Name : std::uint8_t { period, status, pause_all, blocked, first_visit, wins_left, has_ticket };
    Name name = Name::period;
    bool holds = false;
    std::int64_t value = 0;  ///< what the rule looked at: wins so far, tickets held
    std::int64_t limit = 0;  ///< what it was compared with
  };
  /// All rules, in the order of decision. first_visit refuses nothing: a later visit grants nothing.
  std::vector<Rule> rules;
  std::optional<LotteryRefusal> visit;
  std::int64_t visit_tickets = 0;  ///< that a visit would grant
  std::optional<LotteryRefusal> draw;
};

/// `definition` is of a lottery; `at` replaces the promotion's time. Fails as reads of the store do, and with damaged
/// if the lottery's seed cannot be opened.
Task<Result<LotteryPreview>> preview_lottery(PromotionStore* store, DrawBook* book, DefinitionPtr definition,
                                             UserRef user, std::optional<Instant> at);

}  // namespace windfall

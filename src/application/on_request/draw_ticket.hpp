// A participant draws a ticket.
#pragma once

#include <optional>
#include <variant>

#include "application/on_request/draw_book.hpp"
#include "application/on_request/lottery_command.hpp"

namespace windfall {

/// Decided, now or when the command was first sent.
struct Drawn {
  DefinitionPtr definition;
  Epoch epoch;
  Sequence sequence;
  Instant at;
  std::optional<std::uint32_t> prize;  ///< index; nullopt = lost
  std::int64_t held = 0;
  bool replayed = false;
};
using DrawOutcome = std::variant<Drawn, UnknownPromotion, NotJoinable, KeyReused, LotteryRefused>;

class DrawTicket {
 public:
  DrawTicket(PromotionStore& store, DrawBook& book) : store_(store), book_(book) {}

  /// `command`'s views must live until the task is done. Fails as commit() does, with damaged if the lottery's seed
  /// cannot be opened, and with unavailable if others got in between several times.
  Task<Result<DrawOutcome>> operator()(LotteryCommand command);

 private:
  /// The answer that the accepted command was given.
  Task<Result<DrawOutcome>> drawn_before(DefinitionPtr definition, CommandRecord kept);

  PromotionStore& store_;
  DrawBook& book_;
};

}  // namespace windfall

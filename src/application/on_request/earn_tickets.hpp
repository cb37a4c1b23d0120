// How participants come to tickets: visits, links, and friends who open them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "application/on_request/draw_ticket.hpp"

namespace windfall {

/// A visit was judged: `granted` tickets, of which `held` are in hand now.
struct VisitJudged {
  DefinitionPtr definition;
  std::int64_t granted = 0;
  std::int64_t held = 0;
  bool first = false;  ///< the first visit
  bool replayed = false;
};
using VisitOutcome = std::variant<VisitJudged, UnknownPromotion, NotJoinable, KeyReused, LotteryRefused>;

/// An open was judged.
struct OpenJudged {
  DefinitionPtr definition;
  std::int64_t granted = 0;
  std::int64_t held = 0;
  bool credited = false;             ///< the friend was
  std::optional<OpenReason> reason;  ///< why nobody, or why the inviter was not
  bool replayed = false;
};
using OpenOutcome = std::variant<OpenJudged, UnknownPromotion, NotJoinable, KeyReused, LotteryRefused>;

/// The link's owner, as the token says.
struct OpenCommand {
  LotteryCommand opener;
  UserRef inviter;
};

using LinkOutcome = std::variant<DefinitionPtr, UnknownPromotion, NotJoinable>;

class EarnTickets {
 public:
  explicit EarnTickets(PromotionStore& store) : store_(store) {}

  // Views in commands must live until the task is done. All fail as commit() does, and with unavailable if the
  // promotion changed several times in between.

  Task<Result<VisitOutcome>> visit(LotteryCommand command);
  Task<Result<OpenOutcome>> open(OpenCommand command);
  /// Keeps, once, that the user has asked for their link. In any period.
  Task<Result<LinkOutcome>> issue_link(LotteryCommand command);
  /// Counts that the user shared their link. In any period.
  Task<Result<LinkOutcome>> share_link(LotteryCommand command);

 private:
  /// Commits an open that is to grant nothing, and says what is held.
  Task<Result<OpenJudged>> not_granted(DefinitionPtr definition, OpenCommand command, OpenReason reason);
  /// Judges an open of a lottery that grants nothing for it. Nothing is to be kept, so what every open has to pass is
  /// read instead of guarded.
  Task<Result<OpenOutcome>> without_grant(DefinitionPtr definition, UserRef opener);
  Task<Result<LinkOutcome>> commit_for(LotteryCommand command, bool issue);
  Task<Result<std::int64_t>> held(DefinitionPtr definition, UserRef user);

  PromotionStore& store_;
};

}  // namespace windfall

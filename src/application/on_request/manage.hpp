// What operators do to promotions: create, change, copy, the red button, the block list.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "application/on_request/browse.hpp"
#include "application/on_request/show_tickets.hpp"
#include "application/port/promotion_store.hpp"

namespace windfall {

/// The answer to an operator's command, made at the moment of the decision so that it can be kept in the same step as
/// the decision.
struct AnswerOf {
  std::optional<Command> command;                               ///< if the operator sent an Idempotency-Key
  std::function<AnswerKept(const PromotionView& view)> render;  ///< called once, when accepted
};

struct IdTaken {};
struct NotFound {};
/// If-Match names another revision than the one in force.
struct StaleRevision {
  Revision in_force;
};
/// The change itself is wrong; whoever supplied it knows why.
struct ChangeInvalid {};
/// The lottery is closed: it cannot go on any more.
struct LotteryOver {};
/// A prize would move, or go, whose codes have been imported.
struct PrizesHaveCodes {};
/// The new limit is below what has been used.
struct LimitBelowUsed {
  bool daily = false;
  std::int64_t used = 0;
};

using ChangeOutcome =
    std::variant<PromotionView, NotFound, StaleRevision, ChangeInvalid, LimitBelowUsed, LotteryOver, PrizesHaveCodes>;

struct ChangeContext {
  const Definition& definition;
  LocalDay today;
  bool begun = false;  ///< published and on or after its first day
  Status status = Status::draft;
};
/// Makes the new definition from the present one, or nullopt if the change is invalid.
using ChangeOf = std::function<std::optional<Promotion>(const ChangeContext&)>;

class Manage {
 public:
  /// `encode` and `load_zone` come from the codec; `make_id` makes a new promotion id.
  struct Tools {
    std::function<std::string(const Promotion&)> encode;
    std::function<Result<Zone>(const std::string& name)> load_zone;
    std::function<std::string()> make_id;
    /// A new sealed seed for the lottery with that promotion id.
    std::function<Result<std::string>(std::string_view promotion_id)> make_seed;
  };
  Manage(PromotionStore& store, Tools tools) : store_(store), tools_(std::move(tools)) {}

  /// Registers a promotion; an empty id is replaced by a new one.
  Task<Result<std::variant<AnswerKept, IdTaken>>> create(Promotion promotion, Audit audit, AnswerOf answer);

  /// Changes a promotion whose revision is `expected` (nullopt = whatever it is).
  Task<Result<ChangeOutcome>> change(std::string_view id, std::optional<Revision> expected, ChangeOf change,
                                     Audit audit);

  /// Sets or clears the red button; true if that changed anything, false if it was so before. Fails with unavailable,
  /// as block() and record() do, if keys changed several times in between: then nothing has been decided.
  Task<Result<bool>> pause_all(bool paused, Audit audit, std::optional<Command> command,
                               std::function<AnswerKept()> render);

  /// Gives tickets, or takes some away, and renders the answer from the account as it is then. False if more was to be
  /// taken than is held. Fails with unavailable if the promotion changed several times in between.
  Task<Result<bool>> adjust_tickets(DefinitionPtr definition, Identity identity, std::int64_t tickets, Audit audit,
                                    std::optional<Command> command,
                                    std::function<AnswerKept(const TicketAccount&)> render);

  /// Puts a user on the block list or takes them off; true if that changed anything, false if it was so before.
  Task<Result<bool>> block(UserRef user, std::string_view user_id, bool blocked, Audit audit);

  /// Replaces the encoded keys of the system partition, unless somebody else did meanwhile (false).
  Task<Result<bool>> change_keys(Revision expected, KeyChanged event);

  /// Commits facts that change no hot state (audits, erasures, settled effects, kept answers); true, or a failure.
  Task<Result<bool>> record(std::vector<Event> events, std::optional<Command> command, Identity identity);

 private:
  using CommitOf = std::function<Task<Result<Verdict>>(Proposal)>;

  /// Keys alone move the revision of the system partition, and a store has the new one once it has answered Stale: asks
  /// again then. Fails with unavailable if keys changed several times; never Stale.
  Task<Result<Verdict>> commit_to_system(Proposal proposal, const CommitOf& commit);

  PromotionStore& store_;
  Tools tools_;
};

}  // namespace windfall

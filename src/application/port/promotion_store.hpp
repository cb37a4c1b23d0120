// The one port that decides. A store keeps the hot state of every promotion, commits proposals atomically and in order,
// and releases an answer only when everything it saw is durable.
//
// All calls are made on the loop thread. A Failure means that nothing is known to have happened, except where the
// caller repeats with the same command.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "application/port/task.hpp"
#include "domain/kernel/proposal.hpp"
#include "domain/kernel/result.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall {

using DefinitionPtr = std::shared_ptr<const Definition>;

/// Of a promotion that the store awaits.
[[nodiscard]] inline tl::unexpected<Failure> awaited(std::string_view promotion_id) {
  return fail(FailureCode::unavailable,
              "the definition of promotion " + std::string(promotion_id) + " is not known yet");
}

/// A user named by an event: the log keeps the id once per partition, apart from the events, so that a person can be
/// erased.
struct Identity {
  UserRef user;
  std::string_view id;  ///< valid during the call
  bool named = false;   ///< the guards hold only after an earlier event that has named the user where that was needed
};

/// The answer to an operator's command, made when it is accepted.
struct KeepAnswer {
  std::optional<Command> command;
  std::function<AnswerKept(const Accepted&)> render;  ///< called at most once, within the call
  Identity identity{};                                ///< the event's user, if any
};

/// How much a read must wait for.
enum class Freshness : std::uint8_t {
  decided,  ///< as the state stands now; only to prepare a proposal, whose answer waits for all of it anyway
  durable,  ///< released when all that was read is durable; for answers
};

class PromotionStore {
 public:
  virtual ~PromotionStore() = default;

  /// What expect() gives: to be awaited at once, while what it was told is there.
  class [[nodiscard]] Expecting {
   public:
    Expecting(PromotionStore& store, const Expected& expected) : store_(store), expected_(expected) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiter) const {
      return store_.expect_with_others(expected_, waiter);
    }
    void await_resume() const noexcept {}

   private:
    PromotionStore& store_;
    const Expected& expected_;
  };

  /// A value as it stands, without waiting: for figures that nobody decides by.
  [[nodiscard]] virtual std::int64_t peek(const Look& look) const = 0;

  /// Says what a commit that is being prepared will ask for, and lets others who came in the same turn say the same
  /// first: a store whose state lies far from the processor fetches for all of them together. Changes nothing, but what
  /// was read before may have changed when this is done.
  Expecting expect(const Expected& expected) { return {*this, expected}; }
  /// The same as a mere hint, for what is known only in the middle of preparing.
  virtual void expect_now(const Expected& /*expected*/) {}

  /// Decides the proposal at the store's time; the verdict arrives when what it says is durable. The event's user, if
  /// any, is `identity`. Failures: disk_full and overloaded (nothing happened), unavailable.
  virtual Task<Result<Verdict>> commit(Proposal proposal, Identity identity) = 0;

  /// Decides like commit(); if accepted, the rendered answer is kept under the command in the same atomic step
  /// (AnswerKept). Without a command the answer is rendered and not kept.
  virtual Task<Result<Verdict>> commit_answering(Proposal proposal, KeepAnswer keep) = 0;

  /// Values of counters and sets, in the order asked for.
  virtual Task<Result<std::vector<std::int64_t>>> read(std::vector<Look> looks, Freshness freshness) = 0;

  /// What read() gives as `decided`, where the store has it at hand: one value per look, and true. Spares a task and
  /// two lists for values that nothing has to be waited for.
  [[nodiscard]] virtual bool read_now(std::span<const Look> /*looks*/, std::span<std::int64_t> /*values*/) {
    return false;
  }

  /// The definition in force, or nullptr if there is no such promotion. As of `decided`.
  virtual DefinitionPtr find(std::string_view promotion_id) = 0;
  /// There is, or may be, a promotion that find() and all() do not have yet, because nobody could be asked for its
  /// definition: nothing may be answered about it, neither that it exists nor that it does not.
  [[nodiscard]] virtual bool awaits(std::string_view /*promotion_id*/) const { return false; }
  /// The same of any promotion.
  [[nodiscard]] virtual bool awaits_any() const { return false; }
  /// Other processes make promotions, too: find() may not know one that was answered for a moment ago.
  [[nodiscard]] virtual bool others_create() const { return false; }
  /// Asks for what others have made before this call; find() and awaits() know it then. Failure: unavailable.
  virtual Task<Result<bool>> look_again() { co_return true; }
  /// Every promotion, in order of creation. As of `decided`.
  virtual const std::vector<DefinitionPtr>& all() = 0;
  /// The number that the next promotion's partition gets.
  [[nodiscard]] virtual PartitionNo next_partition() const = 0;

  /// The time at which a proposal to this partition would be decided: never before its last event.
  [[nodiscard]] virtual Instant now(PartitionNo partition) const = 0;

  /// Sequence of the partition's last event.
  [[nodiscard]] virtual Sequence sequence(PartitionNo partition) const = 0;

  /// The record of an accepted command, once it is durable.
  virtual Task<Result<std::optional<CommandRecord>>> accepted(PartitionNo partition, CommandHash hash) = 0;

  /// Opaque definition and revision of the system partition (keys).
  virtual const std::string& system_definition() = 0;
  [[nodiscard]] virtual Revision system_revision() const = 0;

  /// The answer kept for an operator's command, if its fold has one (24 h).
  struct KeptAnswer {
    std::uint64_t fingerprint = 0;
    AnswerKept answer;
  };
  virtual Task<Result<std::optional<KeptAnswer>>> answer_to(CommandHash hash) = 0;

  /// The id that the first of equal commands has chosen for what it makes: `wanted`, unless another was first. Where
  /// commands are decided one after the other, that one's answer is known before.
  virtual Task<Result<std::string>> claim_id(Command /*command*/, std::string wanted) { co_return wanted; }

  /// Completes when everything decided up to now is durable.
  virtual Task<Result<bool>> durable() = 0;

  /// Ids of the events of one commit, derived from lineage, promotion, epoch and sequence.
  struct EventIds {
    Uuid event;   ///< for a join: participationId
    Uuid effect;  ///< idempotency key at the partner
  };
  [[nodiscard]] virtual EventIds event_ids(std::string_view promotion_id, Epoch epoch, Sequence sequence) const = 0;

  /// Grows whenever anything decided changes: equal numbers mean that every read gives the same values (time aside).
  [[nodiscard]] virtual std::uint64_t decisions() const = 0;

 private:
  /// True: `waiter` is resumed later in this turn. False: it goes on.
  virtual bool expect_with_others(const Expected& expected, std::coroutine_handle<> /*waiter*/) {
    expect_now(expected);
    return false;
  }
};

}  // namespace windfall

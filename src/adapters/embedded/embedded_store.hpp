// The embedded mode's store: the hot state in memory, one writer (the loop thread), group commit through the journal. A
// verdict, a refusal and a read are released when the journal frame that holds everything they saw is synced.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/codec/eras.hpp"
#include "adapters/embedded/inbox_fold.hpp"
#include "application/port/clock.hpp"
#include "application/port/inbox.hpp"
#include "application/port/promotion_store.hpp"
#include "domain/kernel/state.hpp"

namespace windfall::embedded {

using Lineage = codec::Lineage;

/// An identity on its way to the journal.
struct NamedUser {
  UserRef user;
  std::string id;
};

/// Everything that one loop turn decided; becomes durable as a whole.
struct TurnBatch {
  std::string body;  ///< encoded events
  std::vector<NamedUser> identities;
};

class EmbeddedStore final : public PromotionStore, public Inbox {
 public:
  /// The journal, as the store sees it.
  struct Log {
    /// Takes a batch and returns its ticket (growing), or says why it cannot (overloaded, disk_full).
    std::function<Result<std::uint64_t>(const TurnBatch&)> submit;
    /// Has end_of_turn() called when the present loop turn ends, before the loop sleeps.
    std::function<void()> at_turn_end;
    /// Has fetch_expected() called when all the requests that came in together have got as far as they can, before
    /// the turn ends; false if none are being handled.
    std::function<bool()> after_requests = [] { return false; };
  };

  EmbeddedStore(const Clock& clock, Log log);
  EmbeddedStore(const EmbeddedStore&) = delete;
  EmbeddedStore& operator=(const EmbeddedStore&) = delete;
  ~EmbeddedStore() override = default;

  // Recovery, before the first request.

  /// For a development server, whose clock can be set: see State.
  void let_definitions_move_back() { state_.let_definitions_move_back(); }

  /// Names the history that ids of events are derived from, but for those before a restore, which replay() finds.
  /// Before the first request.
  void set_lineage(const Lineage& lineage) { eras_.set_current(lineage); }
  /// The id that a frame's identities give a user; empty if they do not, or if it was erased.
  using IdOf = std::function<std::string(UserRef)>;
  /// Folds one recovered frame into the state; `id_of` is asked only for events that are not settled yet. Fails with
  /// damaged, naming the record, if its events do not continue the state.
  Result<bool> replay(std::string_view frame_body, std::uint64_t frame_sequence, const IdOf& id_of = {});

  // The journal's side; loop thread only.

  /// Fetches what all that is being prepared will look at, and goes on with it in the order in which it came.
  void fetch_expected();
  /// Submits what this turn decided.
  void end_of_turn();
  /// Everything up to the ticket is synced; `frame_sequence` is the last frame's.
  void on_durable(std::uint64_t ticket, std::uint64_t frame_sequence);
  /// Nothing from this ticket on was stored: takes all undurable decisions back and fails their answers.
  void on_failed(std::uint64_t from_ticket, Failure why);

  // PromotionStore
  [[nodiscard]] std::int64_t peek(const Look& look) const override { return state_.look(look); }
  void expect_now(const Expected& expected) override { state_.expect(expected); }
  Task<Result<Verdict>> commit(Proposal proposal, Identity identity) override;
  Task<Result<Verdict>> commit_answering(Proposal proposal, KeepAnswer keep) override;
  Task<Result<std::vector<std::int64_t>>> read(std::vector<Look> looks, Freshness freshness) override;
  [[nodiscard]] bool read_now(std::span<const Look> looks, std::span<std::int64_t> values) override;
  DefinitionPtr find(std::string_view promotion_id) override;
  const std::vector<DefinitionPtr>& all() override;
  [[nodiscard]] PartitionNo next_partition() const override;
  [[nodiscard]] Instant now(PartitionNo partition) const override;
  [[nodiscard]] Sequence sequence(PartitionNo partition) const override { return state_.header(partition).sequence; }
  Task<Result<std::optional<CommandRecord>>> accepted(PartitionNo partition, CommandHash hash) override;
  const std::string& system_definition() override { return state_.header(kSystemPartition).definition; }
  [[nodiscard]] Revision system_revision() const override { return state_.header(kSystemPartition).revision; }
  Task<Result<std::optional<KeptAnswer>>> answer_to(CommandHash hash) override { co_return kept_answer(hash); }
  Task<Result<bool>> durable() override;
  [[nodiscard]] EventIds event_ids(std::string_view promotion_id, Epoch epoch, Sequence sequence) const override;
  [[nodiscard]] std::uint64_t decisions() const override { return decisions_; }

  // Inbox
  Task<Result<std::size_t>> take(std::vector<InboundEvent> events, std::optional<Command> command,
                                 AnswerKept answer) override;
  std::optional<InboundEvent> next() override { return inbox_.next(); }
  void put_back(InboundEvent event) override { inbox_.put_back(std::move(event)); }
  [[nodiscard]] std::size_t waiting() const override { return inbox_.waiting(); }
  [[nodiscard]] std::uint64_t duplicates() const override { return duplicates_; }

  /// The answer kept for an operator's command, as decided.
  [[nodiscard]] std::optional<KeptAnswer> kept_answer(CommandHash hash) const;
  /// The last durable frame: what was acknowledged to anyone so far. Ledger reads wait for the projection to reach it.
  [[nodiscard]] std::uint64_t acknowledged_position() const { return durable_frame_; }
  /// True if the log says that this person was erased.
  [[nodiscard]] bool erased(UserRef user) const { return erased_.contains(user); }
  /// All whom the log says to be erased, with the frame that said so last when the log was recovered; 0 if it was
  /// decided since.
  [[nodiscard]] const std::map<UserRef, std::uint64_t>& erased_users() const { return erased_; }
  /// The fold itself, for checks and figures.
  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] const Lineage& lineage() const { return eras_.current(); }
  /// Which ids events have; fixed once recovery is over.
  [[nodiscard]] const codec::Eras& eras() const { return eras_; }

 private:
  struct Waiter {
    std::coroutine_handle<> handle;
    bool* stored;
  };
  struct InFlight {
    std::uint64_t ticket = 0;
    std::size_t undo_mark = 0;  ///< undo entries that belong to this batch and earlier ones
    std::vector<Waiter> waiters;
    std::vector<CommandHash> answers;  ///< kept by this batch
    std::vector<UserRef> erased;       ///< for the first time, by this batch
  };
  /// What the requests of a turn will look at, and who waits for it.
  struct Ahead {
    std::vector<State::Sought> sought;
    std::vector<std::coroutine_handle<>> waiters;
  };
  struct UntilDurable;
  struct HashOfCommand {
    std::size_t operator()(const CommandHash& hash) const { return hash.lo; }
  };

  struct HashOfText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  bool expect_with_others(const Expected& expected, std::coroutine_handle<> waiter) override;
  [[nodiscard]] bool all_durable() const { return turn_.body.empty() && in_flight_.empty(); }
  std::vector<Waiter>& last_waiters();
  [[nodiscard]] bool taken_back(const Proposal& proposal) const;
  Verdict decide(Proposal& proposal, const Identity& identity);
  /// Adds an event to the turn; moves out of it what is kept besides.
  void write(Recorded& recorded);
  Result<bool> replay(Recorded& recorded, std::uint64_t frame_sequence, const IdOf& id_of);
  void replay_inbound(const Recorded& recorded, const IdOf& id_of);
  void keep_answer(const Command& command, AnswerKept answer);
  void keep(CommandHash hash, std::uint64_t fingerprint, Instant at, AnswerKept answer);
  void refresh_definitions();
  void drop_old_answers(Instant now);
  void end_era(const Lineage& lineage);

  const Clock& clock_;
  codec::Eras eras_;
  Log log_;
  State state_;

  Ahead expected_;
  Ahead fetched_;  ///< kept for its capacity
  TurnBatch turn_;
  std::vector<Waiter> turn_waiters_;
  std::vector<CommandHash> turn_answers_;
  std::vector<UserRef> turn_erased_;
  std::deque<InFlight> in_flight_;
  std::vector<std::vector<Waiter>> spare_waiters_;  ///< recycled lists, so that a turn allocates nothing
  std::uint64_t durable_frame_ = 0;
  std::uint64_t decisions_ = 0;
  Failure last_failure_{.code = FailureCode::unavailable, .message = ""};

  std::vector<DefinitionPtr> definitions_;  ///< [partition - 1]
  std::unordered_map<std::string, PartitionNo, HashOfText, std::equal_to<>> by_id_;
  bool definitions_changed_ = false;

  std::map<UserRef, std::uint64_t> erased_;

  InboxFold inbox_;
  std::uint64_t duplicates_ = 0;

  struct Kept {
    Instant at;
    KeptAnswer answer;
  };
  std::unordered_map<CommandHash, Kept, HashOfCommand> answers_;
  std::deque<std::pair<Instant, CommandHash>> answers_by_age_;
};

}  // namespace windfall::embedded

// An embedded store whose journal is in the test's hands: batches are taken, synced or lost when it says so.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/embedded/embedded_store.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"

namespace windfall::test {

class EmbeddedFixture : public testing::Test {
 protected:
  using Answer = Later<Result<Verdict>>;

  ~EmbeddedFixture() override {
    // What still waits is told, so that no task outlives its test.
    store_.end_of_turn();
    store_.on_durable(UINT64_MAX - 1, last_frame_ + 1);
  }

  static Proposal creating(PartitionNo partition, std::string id, const Promotion& of = promotion()) {
    Promotion named = of;
    named.id = id;
    Proposal p = creation(partition, std::move(id));
    p.events = {DefinitionChanged{.id = named.id, .definition = codec::encode_definition(named), .audit = {}}};
    return p;
  }
  Answer create(PartitionNo partition = kFirstPartition, std::string id = "1") {
    return start(store_.commit(creating(partition, std::move(id)), Identity{}));
  }
  /// A join of which the stock allows `limit`.
  Answer join(std::uint64_t who, std::int64_t limit = 50, PartitionNo partition = kFirstPartition) {
    Proposal p = proposal(participated(user(who)), partition);
    p.guards = {Below{.counter = keys::taken(partition), .limit = limit}};
    names_.push_back("user-" + std::to_string(who));
    return start(store_.commit(std::move(p), {.user = user(who), .id = names_.back()}));
  }
  Answer keep(const Command& command, std::string body) {
    Proposal p = proposal(Audited{.audit = {}, .subject = "x"}, kSystemPartition);
    p.revision = store_.system_revision();
    return start(store_.commit_answering(
        std::move(p), {.command = command, .render = [body](const Accepted&) { return AnswerKept{200, "", body}; }}));
  }

  /// Ends the turn; the journal has its batch under the number of batches so far.
  void end_turn() { store_.end_of_turn(); }
  /// Everything up to that batch is on disk.
  void sync(std::uint64_t ticket) {
    last_frame_ = ticket;
    store_.on_durable(ticket, ticket);
  }
  void end_turn_and_sync() {
    end_turn();
    sync(batches_.size());
  }
  /// The disk refuses that batch and all after it.
  void lose(std::uint64_t from_ticket) { store_.on_failed(from_ticket, {FailureCode::disk_full, "no room"}); }

  static bool accepted(const Answer& answer) { return *answer && **answer && is_accepted(***answer); }
  static bool refused(const Answer& answer) {
    return *answer && **answer && std::holds_alternative<Refused>(***answer);
  }
  static bool waits(const Answer& answer) { return !answer->has_value(); }
  static bool failed(const Answer& answer, FailureCode code = FailureCode::disk_full) {
    return *answer && !**answer && (**answer).error().code == code;
  }
  [[nodiscard]] std::int64_t taken(PartitionNo partition = kFirstPartition) const {
    return store_.peek(keys::taken(partition));
  }

  VirtualTime time_{kNoon};
  std::vector<embedded::TurnBatch> batches_;
  int turn_ends_asked_ = 0;
  bool requests_come_together_ = false;
  int fetches_asked_ = 0;
  std::optional<Failure> journal_refuses_;
  embedded::EmbeddedStore store_{time_,
                                 {.submit = [this](const embedded::TurnBatch& batch) -> Result<std::uint64_t> {
                                    if (journal_refuses_) return tl::unexpected(*journal_refuses_);
                                    batches_.push_back(batch);
                                    return batches_.size();
                                  },
                                  .at_turn_end = [this] { ++turn_ends_asked_; },
                                  .after_requests =
                                      [this] {
                                        if (requests_come_together_) ++fetches_asked_;
                                        return requests_come_together_;
                                      }}};
  std::deque<std::string> names_;  ///< user ids live as long as the calls that name them
  std::uint64_t last_frame_ = 0;
};

}  // namespace windfall::test

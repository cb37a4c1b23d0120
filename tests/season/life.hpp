// Lives of a process that keeps one lottery: each begins with the log that those before have left, and ends when the
// test says so or when there is no room for another turn.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "app/simulate/lottery_fold.hpp"
#include "app/simulate/world.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::test {

/// What outlives a process: time, and the turns that were written.
struct Outside {
  VirtualTime time{kNoon};
  std::vector<std::string> log;
  std::size_t room = SIZE_MAX;  ///< turns that the log may have
};

class Life {
 public:
  explicit Life(Outside& outside) : outside_(outside) {
    for (const std::string& body : outside_.log) {
      ++frame_;
      const Result<bool> replayed = store_.replay(body, frame_);
      EXPECT_TRUE(replayed) << replayed.error().message;
    }
    fold();
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  embedded::EmbeddedStore& store() { return store_; }

  /// What a task gives, when all that it waited for is done.
  template <class T>
  T done(Task<T> task) {
    Later<T> later = start(std::move(task));
    settle();
    return std::move(**later);
  }

  void create(const Promotion& of, PartitionNo partition = kFirstPartition) {
    Proposal proposal = creation(partition, of.id);
    proposal.events = {DefinitionChanged{.id = of.id, .definition = codec::encode_definition(of), .audit = {}}};
    decide(std::move(proposal));
  }
  void redefine(const Promotion& to) {
    const DefinitionPtr present = store_.find(to.id);
    Proposal proposal =
        test::proposal(DefinitionChanged{.id = to.id, .definition = codec::encode_definition(to), .audit = {}});
    proposal.revision = present->revision;
    decide(std::move(proposal));
  }
  void decide(Proposal proposal) {
    const Result<Verdict> verdict = done(store_.commit(std::move(proposal), Identity{}));
    ASSERT_TRUE(verdict && is_accepted(*verdict));
  }
  /// A person comes and draws what that gives; true if it wins.
  bool visit_and_draw(std::uint64_t who) {
    const std::string id = "user-" + std::to_string(who);
    const LotteryCommand command{.promotion_id = "1", .user_id = id, .user = user(who), .command = {}};
    EXPECT_TRUE(done(earn_.visit(command)));
    const Result<DrawOutcome> outcome = done(draw_(command));
    const auto* drawn = outcome ? std::get_if<Drawn>(&*outcome) : nullptr;
    EXPECT_NE(drawn, nullptr);
    return drawn != nullptr && drawn->prize.has_value();
  }
  Result<std::string> open_segments() { return done(open_()); }
  Result<std::string> close() {
    CloseLotteries job(store_, book_, *fold_, blocking_, [this](PartitionNo) { return store_.durable(); });
    return done(job());
  }

  [[nodiscard]] std::int64_t at(const CounterKey& counter) const { return store_.peek(counter); }
  [[nodiscard]] simulate::LotteryFold& ledger() { return *fold_; }

 private:
  Result<std::uint64_t> take(const embedded::TurnBatch& batch) {
    if (outside_.log.size() >= outside_.room) return fail(FailureCode::disk_full, "no room");
    outside_.log.push_back(batch.body);
    ++frame_;
    return frame_;
  }
  void settle() {
    while (open_turn_) {
      open_turn_ = false;
      store_.end_of_turn();
      fold();
      store_.on_durable(frame_, frame_);
    }
  }
  /// The ledger takes in what is new in the log.
  void fold() {
    const DefinitionPtr definition = store_.find("1");
    if (!definition || (fold_ && definition->revision == folded_of_ && folded_ == outside_.log.size())) return;
    if (!fold_) {
      const Result<Seed> seed = seeds_.open("1", "");
      fold_ = std::make_unique<simulate::LotteryFold>(definition, *seed);
    }
    folded_of_ = definition->revision;
    for (; folded_ < outside_.log.size(); ++folded_) {
      std::string_view rest = outside_.log[folded_];
      while (!rest.empty()) fold_->apply(codec::decode(rest).value());
    }
  }

  Outside& outside_;
  simulate::NumberedSeeds seeds_{7};
  simulate::DoneAtOnce blocking_;
  bool open_turn_ = false;
  std::uint64_t frame_ = 0;
  std::size_t folded_ = 0;
  Revision folded_of_;
  embedded::EmbeddedStore store_{outside_.time,
                                 {.submit = [this](const embedded::TurnBatch& batch) { return take(batch); },
                                  .at_turn_end = [this] { open_turn_ = true; }}};
  std::unique_ptr<simulate::LotteryFold> fold_;
  DrawBook book_{store_, seeds_};
  DrawTicket draw_{store_, book_};
  EarnTickets earn_{store_};
  OpenSegments open_{store_, book_};
};

}  // namespace windfall::test

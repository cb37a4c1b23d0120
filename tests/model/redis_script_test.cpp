// What the script promises at its edges: fences, limits, exact numbers, errors that write nothing, its clock, and how a
// header is made, filled beside the one in force and exchanged.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "adapters/redis/commit_call.hpp"
#include "adapters/redis/commit_reply.hpp"
#include "adapters/redis/epoch_call.hpp"
#include "adapters/redis/library.hpp"
#include "adapters/redis/outbox_entry.hpp"
#include "adapters/redis/partition_fill.hpp"
#include "adapters/redis/read_call.hpp"
#include "domain/builders.hpp"
#include "domain/lottery/keys.hpp"
#include "model/closed_set.hpp"
#include "model/redis_model.hpp"
#include "model/redis_server.hpp"

namespace windfall::model {
namespace {

using redis::CommitReply;
using test::command;
using test::counter;
using test::kFirstPartition;
using test::kNoon;
using test::later;
using test::participated;
using test::user;

constexpr Epoch kFirstEpoch{1};

class RedisScript : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<RedisServer>();
    problem_ = server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    ASSERT_EQ(problem_, "");
    ASSERT_EQ(load(*server_, std::string(redis::library_text())), "");
    place_ = {.prefix = redis::key_prefix("1"), .epoch = kFirstEpoch, .buckets = 4};
  }

  void open() {
    const auto header = redis::read_open_reply(server_->call(redis::open_call(place_, place_.header())));
    ASSERT_TRUE(header.has_value()) << header.error().message;
  }
  /// Opened, with a first definition at kNoon.
  void create() {
    open();
    ASSERT_EQ(one(test::creation()), "accepted 1 1 1750388400000 [] [] ");
  }

  Result<CommitReply> commit(const std::vector<Proposal>& proposals, redis::CommitTerms terms) {
    std::vector<redis::Submission> made;
    std::vector<const redis::Submission*> list;
    made.reserve(proposals.size());
    for (const Proposal& proposal : proposals) {
      auto submission = redis::prepare(proposal, redis::outbox_payload(proposal, {}));
      EXPECT_TRUE(submission.has_value());
      made.push_back(std::move(*submission));
      list.push_back(&made.back());
    }
    return redis::read_commit_reply(server_->call(redis::commit_call(place_, list, terms)), list);
  }
  Result<CommitReply> commit(const std::vector<Proposal>& proposals, Instant now = kNoon) {
    return commit(proposals, {.seen = {}, .now = now});
  }
  std::string one(const Proposal& proposal, Instant now = kNoon) {
    const auto reply = commit({proposal}, now);
    if (!reply) return reply.error().message;
    if (reply->outcome != CommitReply::Outcome::decided) return "not decided";
    return reply->verdicts[0] ? describe(*reply->verdicts[0]) : reply->verdicts[0].error().message;
  }
  CommitReply::Outcome outcome(redis::CommitTerms terms) {
    const auto reply = commit({test::proposal(participated(user(1)))}, std::move(terms));
    EXPECT_TRUE(reply.has_value());
    return reply->outcome;
  }
  std::int64_t value(const Look& look) {
    const auto call = redis::LookCall::make(place_, kFirstPartition, std::vector<Look>{look});
    const auto values = call->read(server_->call_all(call->commands()));
    EXPECT_TRUE(values.has_value());
    return values ? values->values[0] : -1;
  }
  /// Everything the server has, byte for byte.
  std::string everything() {
    std::string all;
    for (const redis::Reply& key : server_->call({"KEYS", "*"}).items) {
      all += key.text + "=" + server_->call({"DUMP", key.text}).text + ";";
    }
    return all;
  }
  static Proposal bump_to(std::int64_t amount, std::uint32_t day = 0) {
    return test::proposal(participated(user(7), day, amount));
  }

  static inline std::unique_ptr<RedisServer> server_;
  static inline std::string problem_;
  redis::Place place_;
};

TEST_F(RedisScript, a_header_that_is_missing_of_another_epoch_or_behind_fences_the_whole_call) {
  EXPECT_EQ(outcome({.seen = {}, .now = kNoon}), CommitReply::Outcome::fenced);
  create();
  EXPECT_EQ(outcome({.seen = Sequence{2}, .now = kNoon}), CommitReply::Outcome::fenced);
  place_.epoch = Epoch{2};
  EXPECT_EQ(outcome({.seen = {}, .now = kNoon}), CommitReply::Outcome::fenced);
  place_.epoch = kFirstEpoch;
  EXPECT_EQ(outcome({.seen = Sequence{1}, .now = kNoon}), CommitReply::Outcome::decided);
  EXPECT_EQ(outcome({.seen = Sequence{2}, .now = kNoon}), CommitReply::Outcome::decided);
}

TEST_F(RedisScript, a_fenced_answer_tells_the_header_in_force) {
  create();
  place_.epoch = Epoch{9};
  const auto reply = commit({test::proposal(participated(user(1)))});
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->header->epoch, kFirstEpoch);
  EXPECT_EQ(reply->header->sequence, Sequence{1});
  EXPECT_EQ(reply->header->created, kNoon);
}

TEST_F(RedisScript, a_full_outbox_accepts_nothing_and_changes_nothing) {
  create();
  ASSERT_EQ(one(bump_to(1, 0)), "accepted 1 2 1750388400000 [] [] ");
  const std::string before = everything();
  EXPECT_EQ(outcome({.seen = {}, .now = kNoon, .outbox_limit = 2}), CommitReply::Outcome::overloaded);
  EXPECT_EQ(everything(), before);
  EXPECT_EQ(outcome({.seen = {}, .now = kNoon, .outbox_limit = 3}), CommitReply::Outcome::decided);
}

TEST_F(RedisScript, an_outbox_that_will_not_take_the_entry_leaves_everything_as_it_was) {
  create();
  server_->call({"XADD", place_.outbox(), "1-1000", "b", "from nowhere"});
  const std::string before = everything();
  Proposal proposal = bump_to(5);
  proposal.command = command(1);
  EXPECT_FALSE(commit({proposal}).has_value());
  EXPECT_EQ(everything(), before);
  server_->call({"DEL", place_.outbox()});
  EXPECT_EQ(one(proposal), "accepted 1 2 1750388400000 [] [] ") << "nor does the script remember what it did not write";
  EXPECT_EQ(value(keys::taken(kFirstPartition)), 1);
}

TEST_F(RedisScript, counters_are_exact_to_the_last_exact_integer_and_a_proposal_beyond_it_does_nothing) {
  create();
  ASSERT_EQ(one(bump_to(redis::kMaxExact)), "accepted 1 2 1750388400000 [] [] ");
  EXPECT_EQ(value(keys::spent(kFirstPartition)), 9'007'199'254'740'991);
  // The one in the middle fails alone.
  const auto reply =
      commit({test::proposal(participated(user(1), 0, 0)), bump_to(1, 1), test::proposal(participated(user(2), 0, 0))});
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(describe(reply->verdicts[0].value()), "accepted 1 3 1750388400000 [] [] ");
  ASSERT_FALSE(reply->verdicts[1].has_value());
  EXPECT_EQ(reply->verdicts[1].error().code, FailureCode::invalid);
  EXPECT_EQ(describe(reply->verdicts[2].value()), "accepted 1 4 1750388400000 [] [] ");
  EXPECT_EQ(value(keys::taken(kFirstPartition)), 3);
  EXPECT_EQ(value(MemberOf{.set = test::days_of(user(7)), .member = 1}), 0);
  EXPECT_EQ(value(MemberOf{.set = test::days_of(user(7)), .member = 0}), 1);
  ASSERT_EQ(one(bump_to(-redis::kMaxExact, 2)), "accepted 1 5 1750388400000 [] [] ");
  ASSERT_EQ(one(bump_to(-redis::kMaxExact, 3)), "accepted 1 6 1750388400000 [] [] ");
  EXPECT_EQ(value(keys::spent(kFirstPartition)), -9'007'199'254'740'991);
  EXPECT_NE(one(bump_to(-1, 4)).find("RANGE"), std::string::npos);
}

TEST_F(RedisScript, arguments_that_do_not_add_up_are_an_error_that_writes_nothing) {
  create();
  const auto submission = redis::prepare(test::proposal(participated(user(1))), "payload");
  const redis::Submission* list[] = {&*submission};
  const redis::Arguments right = redis::commit_call(place_, list, {.seen = {}, .now = kNoon});
  const std::string before = everything();
  const auto refuses = [&](const redis::Arguments& call) {
    return server_->call(call).type == redis::Reply::Type::error;
  };
  redis::Arguments wrong = right;
  wrong.pop_back();  // a reference is missing
  EXPECT_TRUE(refuses(wrong));
  wrong = right;
  wrong.emplace_back("more");
  EXPECT_TRUE(refuses(wrong));
  // "1 - - 1 1 …": every word of the plan changed to what it cannot be, or left out.
  const std::string plan = submission->plan.text;
  const auto at = std::find(right.begin(), right.end(), plan) - right.begin();
  std::vector<std::string> plans{plan + " 1", plan.substr(0, plan.rfind(' ')), plan.substr(0, plan.size() / 2), ""};
  for (std::size_t word = 0; word < plan.size(); word = std::min(plan.find(' ', word), plan.size() - 1) + 1) {
    const std::size_t end = std::min(plan.find(' ', word), plan.size());
    if (plan.substr(word, end - word).find('.') != std::string::npos) continue;  // names of counters are any words
    for (const char* wrong_word : {"Z", "1.5"}) plans.push_back(plan.substr(0, word) + wrong_word + plan.substr(end));
  }
  for (const std::string& broken : plans) {
    wrong = right;
    wrong[static_cast<std::size_t>(at)] = broken;
    EXPECT_TRUE(refuses(wrong)) << broken;
  }
  EXPECT_EQ(everything(), before);
  EXPECT_FALSE(refuses(right));
}

TEST_F(RedisScript, without_a_time_the_servers_clock_decides_but_never_runs_backwards) {
  open();
  const auto now = [] { return std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1); };
  const auto before = now();
  const auto first = commit({test::creation()}, redis::CommitTerms{});
  const auto after = now();
  ASSERT_TRUE(first.has_value());
  const std::int64_t time = std::get<Accepted>(first->verdicts[0].value()).assignment.time.ms;
  EXPECT_LE(before, time);
  EXPECT_LE(time, after);
  const Instant future{after + 1'000'000};
  ASSERT_TRUE(commit({test::proposal(participated(user(1)))}, future).has_value());
  const auto last = commit({test::proposal(participated(user(2)))}, redis::CommitTerms{});
  EXPECT_EQ(std::get<Accepted>(last->verdicts[0].value()).assignment.time, future);
}

TEST_F(RedisScript, own_bits_of_a_user_stand_beside_each_other) {
  create();
  ASSERT_EQ(one(test::proposal(Visited{.user = user(1), .tickets = 2})), "accepted 1 2 1750388400000 [] [] ");
  ASSERT_EQ(one(test::proposal(InviteIssued{.user = user(1)})), "accepted 1 3 1750388400000 [] [] ");
  for (const auto& [set, there] :
       {std::pair{keys::visited(kFirstPartition, user(1)), 1}, std::pair{keys::issued(kFirstPartition, user(1)), 1},
        std::pair{keys::credited(kFirstPartition, user(1)), 0},
        std::pair{keys::visited(kFirstPartition, user(2)), 0}}) {
    EXPECT_EQ(value(MemberOf{.set = set, .member = 0}), there);
    EXPECT_EQ(value(SizeOf{set}), there);
  }
  EXPECT_EQ(value(keys::tickets(kFirstPartition, user(1))), 2);
}

TEST_F(RedisScript, a_promotion_keeps_its_number_and_the_next_one_gets_the_next) {
  const auto number = [](const std::string& id) {
    return redis::read_register_reply(server_->call(redis::register_call(id))).value().value;
  };
  EXPECT_EQ(number("a"), 1U);
  EXPECT_EQ(number("b"), 2U);
  EXPECT_EQ(number("a"), 1U);
  EXPECT_EQ(number("windfall"), 3U);
}

TEST_F(RedisScript, opening_what_is_open_tells_what_is_there) {
  create();
  redis::Place other = place_;
  other.epoch = Epoch{7};
  const auto header = redis::read_open_reply(server_->call(redis::open_call(other, other.header(), Instant{5})));
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->epoch, kFirstEpoch);
  EXPECT_EQ(header->sequence, Sequence{1});
  EXPECT_EQ(header->buckets, 4U);
}

TEST_F(RedisScript, a_filled_epoch_goes_on_where_the_one_before_was) {
  create();
  Proposal keyed = test::proposal(participated(user(1)));
  keyed.command = command(4);
  ASSERT_EQ(one(keyed), "accepted 1 2 1750388400000 [] [] ");

  // Filled from the outbox, under another number of buckets.
  redis::Place next = place_;
  next.epoch = Epoch{2};
  next.buckets = 9;
  ASSERT_TRUE(redis::read_open_reply(server_->call(redis::open_call(next, next.filled_header()))).has_value());
  std::vector<Recorded> events;
  for (const redis::Reply& raw : server_->call({"XRANGE", place_.outbox(), "-", "+"}).items) {
    const auto entry = redis::read_outbox_entry(raw, kFirstPartition);
    ASSERT_TRUE(entry.has_value());
    for (const redis::OutboxEntry::Kept& kept : entry->events) events.push_back(kept.recorded);
  }
  redis::PartitionFill fill(next, kFirstPartition);
  const auto write = [&] {
    while (const auto call = fill.next(true).value()) {
      ASSERT_EQ(server_->call(*call).items.at(0).text, "filled");
      EXPECT_EQ(server_->call(*call).items.at(0).text, "fenced") << "a call takes effect once";
    }
  };
  for (const Recorded& recorded : events) ASSERT_TRUE(fill.take(recorded).has_value());
  write();

  ASSERT_EQ(one(test::proposal(participated(user(2)))), "accepted 1 3 1750388400000 [] [] ");
  Recorded third = events.back();
  third.sequence = Sequence{3};
  third.event = participated(user(2));
  third.command.reset();
  ASSERT_TRUE(fill.take(third).has_value());
  write();
  for (const redis::Arguments& call : redis::unlink_calls(place_)) {
    EXPECT_EQ(server_->call(call).items.at(0).text, "fenced") << "what is in force is not given back";
  }
  // As store/fence.hpp's force(), which takes care that nothing is lost by it.
  EXPECT_EQ(server_->call({"RENAME", next.filled_header(), next.header()}).text, "OK");

  EXPECT_EQ(outcome({.seen = {}, .now = kNoon}), CommitReply::Outcome::fenced) << "of the old epoch";
  const redis::Place old = std::exchange(place_, next);
  EXPECT_EQ(one(keyed), describe(Repeated{{.hash = keyed.command->hash,
                                           .fingerprint = keyed.command->fingerprint,
                                           .sequence = Sequence{2},
                                           .time = kNoon,
                                           .shown = {test::kFirst.days, 500}}}));
  EXPECT_EQ(one(test::proposal(participated(user(3)))), "accepted 2 4 1750388400000 [] [] ");
  EXPECT_EQ(value(keys::taken(kFirstPartition)), 3);
  for (const redis::Arguments& call : redis::unlink_calls(old)) {
    EXPECT_EQ(server_->call(call).items.at(0).text, "unlinked");
  }
  for (const redis::Reply& key : server_->call({"KEYS", old.prefix + ":1:*"}).items) ADD_FAILURE() << key.text;
  EXPECT_EQ(server_->call(redis::definition_call(place_)).text, "first");
  EXPECT_EQ(value(MemberOf{.set = test::days_of(user(2)), .member = 0}), 1);
}

TEST_F(RedisScript, a_fill_that_does_not_add_up_is_an_error_that_writes_nothing) {
  open();
  const std::string header = server_->call({"GET", place_.header()}).text;
  const std::string key = place_.bucket(0);
  const std::string definition = place_.definition();
  const std::string before = everything();
  const auto fill = [&](std::vector<std::string> words) {
    std::vector<std::string> call{"FCALL", "fill_5", "3", place_.header(), key, definition, header, "anything"};
    call.insert(call.end(), words.begin(), words.end());
    return server_->call(call);
  };
  const std::vector<std::vector<std::string>> wrong{{},
                                                    {"2", "field", "1"},
                                                    {"2", "field", "1", "="},
                                                    {"2", "field", "1", "=", "text", "more"},
                                                    {"1", "field", "=", "text"},
                                                    {"3", "field", "1", "more", "=", "text"},
                                                    {"0", "=", "text"},
                                                    {"-2", "=", "text"},
                                                    {"1.5", "field", "=", "text"},
                                                    {"x", "field", "1", "=", "text"},
                                                    {"2", "field", "1", "4", "text", "more"}};
  for (const std::vector<std::string>& words : wrong) {
    EXPECT_EQ(fill(words).type, redis::Reply::Type::error) << fmt::format("{}", fmt::join(words, " "));
  }
  EXPECT_EQ(everything(), before);
  EXPECT_EQ(fill({"2", "field", "1", "=", "text"}).items.at(0).text, "filled");
  EXPECT_EQ(server_->call({"HGET", key, "field"}).text, "1");
  EXPECT_EQ(server_->call({"GET", definition}).text, "text");
  const redis::Reply again = fill({"-", "-"});
  EXPECT_EQ(again.items.at(0).text, "fenced");
  EXPECT_EQ(again.items.at(1).text, "anything");
  EXPECT_EQ(server_->call({"HGET", key, "field"}).text, "1");
}

TEST_F(RedisScript, reading_says_when_there_is_no_header_or_another_epoch) {
  const std::vector<Look> looks{keys::taken(kFirstPartition)};
  const auto read = [&] {
    const auto call = redis::LookCall::make(place_, kFirstPartition, looks);
    const auto values = call->read(server_->call_all(call->commands()));
    return values ? "read" : std::string(values.error().code == FailureCode::not_found ? "missing" : "another epoch");
  };
  EXPECT_EQ(read(), "missing");
  create();
  EXPECT_EQ(read(), "read");
  place_.epoch = Epoch{2};
  EXPECT_EQ(read(), "another epoch");
  const auto replies = server_->call_all(redis::accepted_call(place_, command(1).hash));
  EXPECT_EQ(redis::read_accepted(place_, command(1).hash, kNoon, replies).error().code, FailureCode::conflict);
}

TEST_F(RedisScript, a_library_that_is_loaded_again_reads_what_stands_there) {
  create();
  ASSERT_EQ(one(test::proposal(participated(user(1)))), "accepted 1 2 1750388400000 [] [] ");
  server_->call({"FUNCTION", "LOAD", "REPLACE", std::string(redis::library_text())});
  ASSERT_EQ(one(test::proposal(participated(user(2)))), "accepted 1 3 1750388400000 [] [] ");
  EXPECT_EQ(value(keys::taken(kFirstPartition)), 2);
}

}  // namespace
}  // namespace windfall::model

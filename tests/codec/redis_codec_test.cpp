// Proposals as plans and calls, replies and outbox entries as values; and everything that such a reply must not be.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "adapters/redis/commit_call.hpp"
#include "adapters/redis/commit_reply.hpp"
#include "adapters/redis/epoch_call.hpp"
#include "adapters/redis/layout.hpp"
#include "adapters/redis/outbox_entry.hpp"
#include "adapters/redis/partition_fill.hpp"
#include "adapters/redis/read_call.hpp"
#include "domain/builders.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::redis {
namespace {

using test::kFirstPartition;
using test::kNoon;
using test::participated;
using test::proposal;
using test::user;

Reply bulk(std::string text) { return {.type = Reply::Type::bulk, .text = std::move(text)}; }
Reply list(std::vector<Reply> items) { return {.type = Reply::Type::array, .items = std::move(items)}; }
Reply error(std::string text) { return {.type = Reply::Type::error, .text = std::move(text)}; }

Place place() { return {.prefix = key_prefix("summer-1"), .epoch = Epoch{3}, .buckets = 100}; }

Proposal a_join(std::uint64_t who) {
  Proposal made = proposal(participated(user(who), 2));
  made.guards = {Below{.counter = keys::taken(kFirstPartition), .limit = 50},
                 Absent{.set = test::days_of(user(who)), .member = 2}};
  made.looks = {MemberOf{.set = test::days_of(user(who)), .member = 2}};
  return made;
}

std::string plan_text(const Proposal& of) {
  const auto plan = plan_of(of);
  return plan ? plan->text : plan.error().message;
}

// --- layout

TEST(RedisLayout, KeysOfAPartitionShareASlotAndEpochsShareNoKeyButHeaderAndOutbox) {
  const Place at = place();
  EXPECT_EQ(at.header(), "{summer-1}:h");
  EXPECT_EQ(at.outbox(), "{summer-1}:o");
  EXPECT_EQ(at.filled_header(), "{summer-1}:3:h");
  EXPECT_EQ(at.definition(), "{summer-1}:3:d");
  EXPECT_EQ(at.counters(), "{summer-1}:3:c");
  EXPECT_EQ(at.commands(0), "{summer-1}:3:k0");
  EXPECT_EQ(at.commands(1), "{summer-1}:3:k1");
  EXPECT_EQ(at.bucket(7), "{summer-1}:3:7");
}

TEST(RedisLayout, APromotionNamedLikeTheProductIsNotTheSystemPartition) {
  EXPECT_EQ(key_prefix(""), "{windfall}:system");
  EXPECT_EQ(key_prefix("windfall"), "{windfall}");
}

TEST(RedisLayout, UsersSpreadEvenlyOverAnyNumberOfBuckets) {
  constexpr std::uint64_t kUsers = 57'000;
  Place at = place();
  at.buckets = buckets_for(kUsers);
  EXPECT_EQ(at.buckets, 1018U);
  std::vector<std::uint64_t> sizes(at.buckets);
  for (std::uint64_t n = 0; n < kUsers; ++n) ++sizes.at(bucket_of(user(n), at.buckets));
  EXPECT_GT(*std::ranges::min_element(sizes), 20U);
  EXPECT_LE(*std::ranges::max_element(sizes), 128U) << "beyond, Redis keeps a hash in the large form";
  EXPECT_EQ(buckets_for(0), 1U);
  EXPECT_EQ(buckets_for(UINT64_MAX), kMaxBuckets);
}

TEST(RedisLayout, EveryValueOfAUserHasATagOfItsOwn) {
  std::set<std::string> tags;
  std::size_t made = 0;
  const auto add = [&](std::string tag) {
    tags.insert(std::move(tag));
    ++made;
  };
  for (std::uint32_t word = 0; word < kDenseWords; ++word) add(word_tag(word));
  add(own_bits_tag());
  for (int kind = 0; kind <= kMaxTaggedKind; ++kind) {
    for (const std::int32_t index : {0, 1, 7, 255, 256, 257, 65'535, 65'536, INT32_MAX, -1, INT32_MIN}) {
      add(counter_tag(static_cast<std::uint8_t>(kind), index));
    }
  }
  EXPECT_EQ(tags.size(), made);
}

// --- plans

TEST(RedisPlan, IsTheSameForEveryUserOfAPromotionAndDay) {
  EXPECT_EQ(plan_text(a_join(1)), plan_text(a_join(2)));
  EXPECT_EQ(plan_of(a_join(1))->columns.size(), 1U);
  EXPECT_EQ(plan_of(a_join(1))->columns[0].user, user(1));
  EXPECT_EQ(
      plan_text(a_join(1)),
      "1 - - 1 1 4 h 0.0 u 00 1 h 1.2 h 2.0 2 B 1 50 N 2 2 0 1 M 2 2 4 B 1 1 B 3 1 B 4 500 A 2 2 2 N 20261 N 500");
}

TEST(RedisPlan, ShowsATakeAndAConstantWhereTheAnswerDoes) {
  Proposal draw = proposal(Drew{.user = user(1), .segment = 9, .number = 300});
  draw.takes = {{.counter = keys::serials(kFirstPartition, 9)}};
  const std::string plan = plan_text(draw);
  EXPECT_NE(plan.find("c 10.9"), std::string::npos) << "a counter by segment does not stand in the header: " << plan;
  EXPECT_NE(plan.find(fmt::format(" 2 T 0 {} C ", coded_draw(9, 0))), std::string::npos) << plan;
}

TEST(RedisPlan, AFriendAndAnInviterHaveAColumnEach) {
  const auto plan = plan_of(
      proposal(InviteOpened{.invited = user(1), .inviter = user(2), .friend_tickets = 1, .inviter_tickets = 3}));
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->columns.size(), 2U);
}

TEST(RedisPlan, WhatItCannotSayIsRefusedByName) {
  Proposal elsewhere = a_join(1);
  elsewhere.guards.emplace_back(Equals{.counter = keys::paused_all(), .value = 0});
  EXPECT_EQ(plan_text(elsewhere), "proposal: partition 0 is named in a proposal to partition 1");
  Proposal large = a_join(1);
  large.guards.emplace_back(Below{.counter = keys::taken(kFirstPartition), .limit = kMaxExact + 1});
  EXPECT_EQ(plan_text(large), "proposal: 9007199254740992 is not exact in a double");
  Proposal far = a_join(1);
  far.guards.emplace_back(Absent{.set = test::days_of(user(1)), .member = kMaxDenseMember + 1});
  EXPECT_EQ(plan_text(far), "proposal: no place for the member 768");
  Proposal other = a_join(1);
  other.looks.emplace_back(SizeOf{{.partition = kFirstPartition, .kind = 16, .user = user(1)}});
  EXPECT_EQ(plan_text(other), "proposal: no own bit for the kind 16");
  Proposal kind = a_join(1);
  kind.looks.emplace_back(test::counter(224, 0, user(1)));
  EXPECT_EQ(plan_text(kind), "proposal: no tag for the kind 224");
  Proposal nothing = a_join(1);
  nothing.events.clear();
  EXPECT_EQ(plan_text(nothing), "proposal: no event");
}

// --- calls

TEST(RedisCommitCall, SendsEveryPlanOnceAndEveryProposalByColumns) {
  std::vector<Submission> made;
  for (const std::uint64_t who : {1U, 2U, 1U}) {
    Proposal join = a_join(who);
    if (who == 2) join.command = test::command(5);
    made.push_back(prepare(join, fmt::format("payload {}", who)).value());
  }
  const Submission* all[] = {&made[0], &made[1], &made[2]};
  const Arguments call = commit_call(place(), all, {.seen = Sequence{8}, .now = kNoon, .outbox_limit = 9});
  const std::vector<std::string> head{"FCALL",
                                      "commit_5",
                                      "8",
                                      place().header(),
                                      place().outbox(),
                                      place().counters(),
                                      place().commands(0),
                                      place().commands(1),
                                      place().bucket(user(1)),
                                      place().bucket(user(2)),
                                      place().bucket(user(1)),
                                      "3",
                                      "8",
                                      "1750388400000",
                                      "9",
                                      "1",
                                      "3",
                                      "1",
                                      made[0].plan.text,
                                      "1",
                                      "1",
                                      "1"};
  ASSERT_EQ(call.size(), head.size() + 3 + 3 + 3 + 3);
  EXPECT_TRUE(std::equal(head.begin(), head.end(), call.begin()));
  const auto rest = [&](std::size_t i) { return call[head.size() + i]; };
  EXPECT_EQ(rest(0), "");
  EXPECT_EQ(rest(1), bytes_of(test::command(5).hash));
  EXPECT_EQ(rest(4), std::string("\5\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(rest(7), "payload 2");
  EXPECT_EQ(rest(10), bytes_of(user(2)));
}

TEST(RedisCommitCall, WithoutAnyCommandSendsNoColumnsForThem) {
  const Submission join = prepare(a_join(1), "payload").value();
  const Submission* all[] = {&join};
  const Arguments call = commit_call(place(), all, {.seen = {}, .now = std::nullopt});
  EXPECT_EQ(call.back(), bytes_of(user(1)));
  EXPECT_EQ(*(call.end() - 2), "payload");
  EXPECT_EQ(*(call.end() - 3), "1");
  EXPECT_EQ(*(call.end() - 5), "0");
}

// --- a rebuild

Recorded in_log(std::uint64_t sequence, Event event, std::vector<std::int64_t> taken = {}, Instant at = kNoon) {
  return {.partition = kFirstPartition,
          .epoch = Epoch{2},
          .sequence = Sequence{sequence},
          .time = at,
          .revision = {},
          .command = {},
          .event = std::move(event),
          .taken = std::move(taken)};
}
Recorded creation_in_log() { return in_log(1, DefinitionChanged{.id = "1", .definition = "first", .audit = {}}); }

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

TEST(RedisFill, EventsHaveToFollowEachOther) {
  PartitionFill fill(place(), kFirstPartition);
  EXPECT_FALSE(fill.take(in_log(2, participated(user(1)))).has_value());
  EXPECT_TRUE(fill.take(creation_in_log()).has_value());
  EXPECT_FALSE(fill.take(creation_in_log()).has_value());
  EXPECT_FALSE(fill.take(in_log(2, participated(user(1)), {1})).has_value()) << "a join takes nothing";
  Recorded elsewhere = in_log(2, participated(user(1)));
  elsewhere.partition = PartitionNo{9};
  EXPECT_FALSE(fill.take(elsewhere).has_value());
  EXPECT_TRUE(fill.take(in_log(2, participated(user(1)))).has_value());
}

TEST(RedisFill, OneCallWritesASmallPartitionAndTheHeaderThatTellsOfIt) {
  PartitionFill fill(place(), kFirstPartition);
  ASSERT_TRUE(fill.take(creation_in_log()).has_value());
  Recorded join = in_log(2, participated(user(1), 9, 500));
  join.command = test::command(5);
  ASSERT_TRUE(fill.take(join).has_value());
  EXPECT_FALSE(fill.next(false).value().has_value()) << "there may come more";
  const Arguments call = fill.next(true).value().value();
  const std::int64_t day = kNoon.ms / 86'400'000;
  const std::string commands = place().commands(day % 2 == 0 ? 0 : 1);
  const std::string days = day % 2 == 0 ? fmt::format("{} -", day) : fmt::format("- {}", day);
  const std::string record = bytes_of_fingerprint(join.command->fingerprint) + "2 1750388400000 20268 500 2";
  const Arguments expected{"FCALL",
                           "fill_5",
                           "5",
                           place().filled_header(),
                           commands,
                           place().bucket(user(1)),
                           place().counters(),
                           place().definition(),
                           "3 0 0 - - - - - 100",
                           "3 2 1 1750388400000 1750388400000 1750388400000 " + days + " 100 0.0 1 2.0 500",
                           "2",
                           bytes_of(join.command->hash),
                           record,
                           "2",
                           word_tag(0) + bytes_of(user(1)),
                           "512",
                           "2",
                           "1.9",
                           "1",
                           "=",
                           "first"};
  EXPECT_EQ(call.size(), expected.size());
  for (std::size_t i = 0; i < std::min(call.size(), expected.size()); ++i) {
    EXPECT_EQ(hex(call[i]), hex(expected[i])) << "argument " << i << ": " << call[i];
  }
  EXPECT_FALSE(fill.next(true).value().has_value());
}

TEST(RedisFill, AnEmptyLogNeedsNoCall) {
  PartitionFill fill(place(), kFirstPartition);
  EXPECT_FALSE(fill.next(true).value().has_value());
}

/// The header that a call has to find, and the one that it leaves.
std::pair<std::string, std::string> headers_of(const Arguments& call) {
  const std::size_t keys = std::stoul(call[2]);
  return {call[3 + keys], call[4 + keys]};
}

TEST(RedisFill, CallsFollowEachOtherByTheHeaderAndOnlyTheLastTellsOfAllEvents) {
  PartitionFill fill(place(), kFirstPartition);
  ASSERT_TRUE(fill.take(creation_in_log()).has_value());
  constexpr std::uint64_t kJoins = 20'000;
  std::string before = "3 0 0 - - - - - 100";
  std::size_t calls = 0;
  const auto make = [&](bool end) {
    while (const auto call = fill.next(end).value()) {
      EXPECT_EQ(headers_of(*call).first, before);
      before = headers_of(*call).second;
      ++calls;
      EXPECT_LE(call->size(), 6 + (4 * kMaxFieldsPerCall)) << "a hash or more, and all their fields";
    }
  };
  for (std::uint64_t i = 0; i < kJoins; ++i) {
    Recorded join = in_log(2 + i, participated(user(i)));
    join.command = test::command(i);
    ASSERT_TRUE(fill.take(join).has_value());
    make(false);
  }
  EXPECT_EQ(calls, kJoins / kMaxFieldsPerCall) << "commands are written as they come";
  EXPECT_EQ(before, "3 2 0 - - - - - 100");
  make(true);
  EXPECT_EQ(calls, 5U) << "as many fields of users";
  EXPECT_EQ(read_header(before).value().sequence, Sequence{kJoins + 1});

  // The ledger has gone on: what has changed is written once more, and nothing else.
  ASSERT_TRUE(fill.take(in_log(kJoins + 2, participated(user(7), 1))).has_value());
  const Arguments more = fill.next(true).value().value();
  EXPECT_EQ(headers_of(more).first, before);
  EXPECT_EQ(read_header(headers_of(more).second).value().sequence, Sequence{kJoins + 2});
  EXPECT_EQ(std::ranges::count(more, word_tag(0) + bytes_of(user(7))), 1);
  EXPECT_LT(more.size(), 25U);
  EXPECT_FALSE(fill.next(true).value().has_value());
}

TEST(RedisFill, CommandsOfADayThatIsOverAreGivenBack) {
  PartitionFill fill(place(), kFirstPartition);
  ASSERT_TRUE(fill.take(creation_in_log()).has_value());
  constexpr std::int64_t kDay = 86'400'000;
  std::uint64_t sequence = 2;
  const auto join = [&](std::int64_t days) {
    Recorded one = in_log(sequence, participated(user(sequence)), {}, Instant{kNoon.ms + (days * kDay)});
    one.command = test::command(sequence++);
    ASSERT_TRUE(fill.take(one).has_value());
  };
  for (std::size_t i = 0; i < kMaxFieldsPerCall; ++i) join(0);
  ASSERT_TRUE(fill.next(false).value().has_value());
  join(0);
  join(1);
  join(2);
  const Arguments call = fill.next(true).value().value();
  const std::int64_t today = kNoon.ms / kDay;
  const auto odd = static_cast<std::size_t>(today % 2);
  const auto key = [&](const std::string& name) { return std::ranges::count(call, name); };
  EXPECT_EQ(key(place().commands(odd)), 2) << "given back, and written anew";
  EXPECT_EQ(key(place().commands(1 - odd)), 1);
  EXPECT_EQ(key("-"), 1);
  EXPECT_EQ(key(bytes_of(test::command(sequence - 1).hash)), 1);
  EXPECT_EQ(key(bytes_of(test::command(sequence - 2).hash)), 1);
  EXPECT_EQ(key(bytes_of(test::command(sequence - 3).hash)), 0)
      << "the day is over: its place is that of the third day";
}

TEST(RedisFill, CommandsThatAreRepeatedNoMoreAreLeftOut) {
  constexpr std::int64_t kDay = 86'400'000;
  PartitionFill fill(place(), kFirstPartition, Instant{kNoon.ms + kDay});
  ASSERT_TRUE(fill.take(creation_in_log()).has_value());
  for (std::uint64_t i = 0; i < 3; ++i) {
    Recorded join = in_log(2 + i, participated(user(i)), {}, Instant{kNoon.ms + static_cast<std::int64_t>(i)});
    join.command = test::command(i);
    ASSERT_TRUE(fill.take(join).has_value());
  }
  const Arguments call = fill.next(true).value().value();
  EXPECT_EQ(std::ranges::count(call, bytes_of(test::command(0).hash)), 0) << "a day before the last event";
  EXPECT_EQ(std::ranges::count(call, bytes_of(test::command(1).hash)), 1);
  EXPECT_EQ(std::ranges::count(call, bytes_of(test::command(2).hash)), 1);
  EXPECT_EQ(std::ranges::count(call, word_tag(0) + bytes_of(user(0))), 1);
}

TEST(RedisFill, ANumberThatADoubleDoesNotHoldIsDamage) {
  PartitionFill fill(place(), kFirstPartition);
  ASSERT_TRUE(fill.take(creation_in_log()).has_value());
  ASSERT_TRUE(fill.take(in_log(2, participated(user(1), 0, kMaxExact))).has_value());
  ASSERT_TRUE(fill.take(in_log(3, participated(user(2), 0, 1))).has_value());
  const auto call = fill.next(true);
  ASSERT_FALSE(call.has_value());
  EXPECT_EQ(call.error().code, FailureCode::damaged);
}

// --- replies

const std::string kHeader = "3 12 2 1750388400000 1750000000000 1750000000001 20259 - 100 0.0 7 2.0 -3";

TEST(RedisHeader, IsReadWithItsCounters) {
  const Header header = read_header(kHeader).value();
  EXPECT_EQ(header.epoch, Epoch{3});
  EXPECT_EQ(header.sequence, Sequence{12});
  EXPECT_EQ(header.revision, Revision{2});
  EXPECT_EQ(header.time, kNoon);
  EXPECT_EQ(header.created, Instant{1'750'000'000'000});
  EXPECT_EQ(header.modified, Instant{1'750'000'000'001});
  EXPECT_EQ(header.buckets, 100U);
  EXPECT_EQ(header.counter(keys::taken(kFirstPartition)), 7);
  EXPECT_EQ(header.counter(keys::spent(kFirstPartition)), -3);
  EXPECT_EQ(header.counter(keys::taken_on(kFirstPartition, 1)), 0);
  EXPECT_EQ(read_header("1 0 0 - - - - - 4").value().time, std::nullopt);
  EXPECT_FALSE(read_header(Reply{}).value().has_value());
}

TEST(RedisHeader, WhatIsNoHeaderIsDamaged) {
  for (const char* text :
       {"", "3", "3 12 2 1750388400000 - - - -", "3 12 2 x - - - - 100", "-1 12 2 - - - - - 100", "3 12 2 - - - - - 0",
        "3 12 2 - - - - - 100 0.0", "3 12 2 - - - - - 100 0.0 1.5", "3  12 2 - - - - - 100"}) {
    const auto header = read_header(std::string_view(text));
    ASSERT_FALSE(header.has_value()) << text;
    EXPECT_EQ(header.error().code, FailureCode::damaged);
  }
  EXPECT_EQ(read_header(error("LOADING")).error().code, FailureCode::unavailable);
}

class RedisCommitReply : public ::testing::Test {
 protected:
  RedisCommitReply() {
    Proposal draw = proposal(Drew{.user = user(1), .segment = 1, .number = 0});
    draw.takes = {{.counter = keys::serials(kFirstPartition, 1)}};
    draw.command = test::command(5);
    made_ = {prepare(a_join(1), "").value(), prepare(draw, "").value()};
    all_ = {made_.data(), made_.data() + 1};
  }
  Result<CommitReply> read(std::vector<std::string> verdicts, const std::string& before = "10") {
    std::vector<Reply> items{bulk("decided"), bulk(kHeader), bulk(before), bulk("1750388400000")};
    for (std::string& verdict : verdicts) items.push_back(bulk(std::move(verdict)));
    return read_commit_reply(list(std::move(items)), all_);
  }
  std::vector<Submission> made_;
  std::vector<const Submission*> all_;
};

TEST_F(RedisCommitReply, VerdictsGetTheirSequencesInOrder) {
  const auto reply = read({"a 1", "a 41"});
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  const auto& join = std::get<Accepted>(reply->verdicts[0].value());
  EXPECT_EQ(join.assignment.sequence, Sequence{11});
  EXPECT_EQ(join.assignment.epoch, Epoch{3});
  EXPECT_EQ(join.assignment.time, kNoon);
  EXPECT_EQ(join.looks, std::vector<std::int64_t>{1});
  const auto& draw = std::get<Accepted>(reply->verdicts[1].value());
  EXPECT_EQ(draw.assignment.sequence, Sequence{12});
  EXPECT_EQ(draw.assignment.taken, std::vector<std::int64_t>{41});
}

TEST_F(RedisCommitReply, RefusedStaleRepeatedAndTooLargeAreTold) {
  const auto reply = read({"r 1 0", "s 4"}, "12");
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(std::get<Refused>(reply->verdicts[0].value()).guard, 1U);
  EXPECT_EQ(std::get<Refused>(reply->verdicts[0].value()).looks, std::vector<std::int64_t>{0});
  EXPECT_EQ(std::get<Stale>(reply->verdicts[1].value()).revision, Revision{4});
  const auto others = read({"x RANGE", std::string("p\7\0\0\0\0\0\0\0", 9) + "9 1750000000000 -5 6 3"}, "12");
  ASSERT_TRUE(others.has_value()) << others.error().message;
  EXPECT_EQ(others->verdicts[0].error().code, FailureCode::invalid);
  const CommandRecord& record = std::get<Repeated>(others->verdicts[1].value()).record;
  EXPECT_EQ(record.hash, test::command(5).hash);
  EXPECT_EQ(record.fingerprint, 7U);
  EXPECT_EQ(record.sequence, Sequence{9});
  EXPECT_EQ(record.time, Instant{1'750'000'000'000});
  EXPECT_EQ(record.shown, (std::array<std::int64_t, 2>{-5, 6}));
  EXPECT_EQ(record.epoch, Epoch{3});
}

TEST_F(RedisCommitReply, FencedAndOverloadedCarryNoVerdict) {
  const auto fenced = read_commit_reply(list({bulk("fenced"), bulk("")}), all_);
  ASSERT_TRUE(fenced.has_value());
  EXPECT_EQ(fenced->outcome, CommitReply::Outcome::fenced);
  EXPECT_FALSE(fenced->header.has_value());
  EXPECT_TRUE(fenced->verdicts.empty());
  EXPECT_EQ(read_commit_reply(list({bulk("overloaded"), bulk(kHeader)}), all_)->outcome,
            CommitReply::Outcome::overloaded);
}

TEST_F(RedisCommitReply, WhatTheScriptDoesNotMakeIsDamaged) {
  EXPECT_EQ(read_commit_reply(error("ERR user_function"), all_).error().code, FailureCode::unavailable);
  for (const Reply& reply : {Reply{}, bulk("decided"), list({}), list({bulk("decided"), bulk(kHeader)}),
                             list({bulk("fenced"), bulk("nonsense")}), list({bulk("who"), bulk(kHeader)})}) {
    EXPECT_FALSE(read_commit_reply(reply, all_).has_value());
  }
  EXPECT_FALSE(read({"a 1"}).has_value()) << "a verdict is missing";
  EXPECT_FALSE(read({"a 1", "a 41"}, "11").has_value()) << "sequences do not add up";
  EXPECT_FALSE(read({"a 1", "a 41"}, "x").has_value());
  for (const char* verdict : {"", "a", "a 1 2", "a x", "b 1", "r", "r x 1", "r 0", "s", "s 1 2", "p", "p1234567"}) {
    const auto reply = read({verdict, "a 41"}, "11");
    EXPECT_TRUE(!reply.has_value() || !reply->verdicts[0].has_value()) << verdict;
  }
}

// --- outbox

Reply entry_of(const std::string& id, const std::string& begin,
               const std::vector<std::pair<std::string, std::string>>& kept) {
  std::vector<Reply> fields{bulk("b"), bulk(begin)};
  for (const auto& [note, payload] : kept) {
    fields.push_back(bulk(note));
    fields.push_back(bulk(payload));
  }
  return list({bulk(id), list(std::move(fields))});
}

TEST(RedisOutbox, AnEntryBecomesTheEventsOfTheLogWithTheirIdentities) {
  Proposal join = a_join(1);
  join.command = test::command(5);
  Proposal draw = proposal(Drew{.user = user(2), .segment = 1, .number = 0});
  Proposal two = proposal(DefinitionChanged{.id = "1", .definition = "second", .audit = {.actor = "me"}});
  two.events.emplace_back(Audited{.audit = {}, .subject = "it"});
  const Reply raw = entry_of("3-14", "10 1750388400000",
                             {{"2", outbox_payload(join, {.user = user(1), .id = "user one"})},
                              {"2 41", outbox_payload(draw, {})},
                              {"2", outbox_payload(two, {})}});
  const auto entry = read_outbox_entry(raw, PartitionNo{8});
  ASSERT_TRUE(entry.has_value()) << entry.error().message;
  EXPECT_EQ(entry->epoch, Epoch{3});
  ASSERT_EQ(entry->events.size(), 4U);
  const Recorded expected{.partition = PartitionNo{8},
                          .epoch = Epoch{3},
                          .sequence = Sequence{11},
                          .time = kNoon,
                          .revision = Revision{2},
                          .command = join.command,
                          .event = join.events[0],
                          .taken = {}};
  EXPECT_EQ(entry->events[0].recorded, expected);
  EXPECT_EQ(entry->events[0].identity->id, "user one");
  EXPECT_EQ(entry->events[0].identity->user, user(1));
  EXPECT_EQ(entry->events[1].recorded.taken, std::vector<std::int64_t>{41});
  EXPECT_FALSE(entry->events[1].identity.has_value());
  EXPECT_EQ(entry->events[2].recorded.revision, Revision{3}) << "a definition names itself";
  EXPECT_EQ(entry->events[3].recorded.revision, Revision{2});
  EXPECT_EQ(entry->events[3].recorded.sequence, Sequence{14});
}

TEST(RedisOutbox, WhatIsNoEntryIsDamaged) {
  const std::string payload = outbox_payload(a_join(1), {.user = user(1), .id = "user"});
  const std::string begin = "10 1750388400000";
  ASSERT_TRUE(read_outbox_entry(entry_of("3-11", begin, {{"2", payload}}), kFirstPartition).has_value());
  const auto damaged = [](const Reply& raw) {
    const auto entry = read_outbox_entry(raw, kFirstPartition);
    return !entry.has_value() && entry.error().code == FailureCode::damaged;
  };
  EXPECT_TRUE(damaged(Reply{}));
  EXPECT_TRUE(damaged(entry_of("3-12", begin, {{"2", payload}}))) << "an event is missing";
  EXPECT_TRUE(damaged(entry_of("3", begin, {{"2", payload}})));
  EXPECT_TRUE(damaged(entry_of("x-11", begin, {{"2", payload}})));
  EXPECT_TRUE(damaged(entry_of("3-11", "10", {{"2", payload}})));
  EXPECT_TRUE(damaged(entry_of("3-11", begin, {{"", payload}})));
  EXPECT_TRUE(damaged(entry_of("3-11", begin, {})));
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_TRUE(damaged(entry_of("3-11", begin, {{"2", payload.substr(0, size)}}))) << size;
  }
  std::string other = payload;
  other[0] = 2;
  EXPECT_TRUE(damaged(entry_of("3-11", begin, {{"2", other}}))) << "of another version";
  const std::string draw = outbox_payload(proposal(Drew{.user = user(2), .segment = 1, .number = 0}), {});
  EXPECT_TRUE(damaged(entry_of("3-11", begin, {{"2", draw}}))) << "what it took is missing";
}

// --- reading

TEST(RedisLookCall, AsksEachBucketOnceAndTheHeaderAlways) {
  const std::vector<Look> looks{keys::taken(kFirstPartition), keys::tickets(kFirstPartition, user(1)),
                                keys::drawn(kFirstPartition, user(1)), keys::serials(kFirstPartition, 30),
                                MemberOf{.set = keys::visited(kFirstPartition, user(1))}};
  const LookCall call = LookCall::make(place(), kFirstPartition, looks).value();
  ASSERT_EQ(call.commands().size(), 3U);
  EXPECT_EQ(call.commands()[0], (Arguments{"GET", "{summer-1}:h"}));
  EXPECT_EQ(call.commands()[1].size(), 5U);
  EXPECT_EQ(call.commands()[2], (Arguments{"HMGET", "{summer-1}:3:c", "10.30"}));
  const Reply user_fields = list({bulk("9"), Reply{}, bulk("2")});
  const std::vector<Reply> replies{bulk(kHeader), user_fields, list({bulk("77")})};
  const auto values = call.read(replies);
  ASSERT_TRUE(values.has_value()) << values.error().message;
  EXPECT_EQ(values->values, (std::vector<std::int64_t>{7, 9, 0, 77, 1}));
  EXPECT_EQ(values->header.sequence, Sequence{12});
}

TEST(RedisLookCall, RepliesThatAreNotItsOwnAreFailures) {
  const std::vector<Look> looks{keys::tickets(kFirstPartition, user(1))};
  const LookCall call = LookCall::make(place(), kFirstPartition, looks).value();
  const auto code = [&call](const std::vector<Reply>& replies) { return call.read(replies).error().code; };
  EXPECT_EQ(code({bulk(kHeader)}), FailureCode::damaged);
  EXPECT_EQ(code({bulk(kHeader), error("MOVED 1 127.0.0.1:1")}), FailureCode::unavailable);
  EXPECT_EQ(code({bulk(kHeader), list({})}), FailureCode::damaged);
  EXPECT_EQ(code({bulk(kHeader), list({bulk("nine")})}), FailureCode::damaged);
  EXPECT_EQ(code({Reply{}, list({Reply{}})}), FailureCode::not_found);
  EXPECT_EQ(code({bulk("4" + kHeader.substr(1)), list({Reply{}})}), FailureCode::conflict);
  EXPECT_FALSE(LookCall::make(place(), PartitionNo{2}, looks).has_value());
}

TEST(RedisAccepted, ARecordIsForgottenAfterADayByThePartitionsTime) {
  const std::string record = std::string("\7\0\0\0\0\0\0\0", 8) + "9 1750388400000 1 2 1";
  const std::vector<Reply> replies{bulk(kHeader), Reply{}, bulk(record)};
  const CommandHash hash = test::command(1).hash;
  EXPECT_EQ(read_accepted(place(), hash, Instant{0}, replies).value()->sequence, Sequence{9});
  EXPECT_TRUE(read_accepted(place(), hash, test::later(kNoon, test::kDay - 1), replies).value().has_value());
  EXPECT_FALSE(read_accepted(place(), hash, test::later(kNoon, test::kDay), replies).value().has_value());
}

TEST(RedisRegistry, OnlyANumberOfAPromotionIsRead) {
  EXPECT_EQ(read_register_reply(bulk("12")).value(), PartitionNo{12});
  for (const Reply& reply : {Reply{}, bulk(""), bulk("0"), bulk("1x"), bulk("-1"), error("12")}) {
    EXPECT_FALSE(read_register_reply(reply).has_value());
  }
}

}  // namespace
}  // namespace windfall::redis

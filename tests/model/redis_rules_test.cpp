// The rules of joins, tickets, draws and coupons through the script, in calls whose proposals were all made before the
// first was decided, as requests of one turn are: the verdicts are those of State, what was joined and held is what a
// naive oracle says, and the outbox folds back into the same state, in memory and in a filled epoch of Redis.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <memory>
#include <set>
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
#include "domain/lottery/coupons.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/keys.hpp"
#include "model/closed_set.hpp"
#include "model/dice.hpp"
#include "model/redis_model.hpp"
#include "model/redis_server.hpp"

namespace windfall::model {
namespace {

using test::kDay;
using test::kHour;
using test::kNoon;
using test::later;
using test::user;

constexpr int kCalls = 700;
constexpr std::uint64_t kUsers = 14;
constexpr std::uint64_t kMostPerCall = 10;
constexpr PartitionNo kDaily{1};
constexpr PartitionNo kLottery{2};
constexpr std::int64_t kTotal = 200;
constexpr std::int64_t kPerDay = 8;
constexpr std::int64_t kPerUser = 18;
constexpr std::uint32_t kSegmentMinutes = 720;

Definition daily() {
  Promotion promotion = test::promotion();
  promotion.limit_join_count = kTotal;
  promotion.daily_limit_join_count = kPerDay;
  promotion.end = LocalDay{test::kFirst.days + 99};  // more days than one word of a set holds
  promotion.join_types = {DupLimit{kPerUser}};
  return test::definition(promotion, kDaily);
}

Definition lottery() {
  Promotion promotion = test::promotion();
  promotion.id = "2";
  promotion.limit_join_count = 0;
  promotion.end = LocalDay{test::kFirst.days + 99};
  Lottery terms;
  terms.grants = {VisitGrant{.tickets = 2},
                  InviteGrant{.inviter_tickets = 3, .friend_tickets = 1, .inviter_limit_per_day = 2}};
  terms.segment_minutes = kSegmentMinutes;
  terms.prizes = {{.id = "p", .name = "P", .kind = PrizeKind::points, .value = 5, .count = 40}};
  promotion.lottery = terms;
  return test::definition(promotion, kLottery);
}

/// What the contract says of joins and tickets, with maps and sets.
struct Oracle {
  std::int64_t taken = 0;
  std::map<std::int32_t, std::int64_t> taken_on;
  std::map<std::uint64_t, std::set<std::int32_t>> days;
  std::map<std::uint64_t, std::int64_t> tickets;
  std::set<std::uint64_t> visited;

  bool join(std::uint64_t who, std::int32_t day) {
    if (taken >= kTotal || taken_on[day] >= kPerDay) return false;
    if (std::ssize(days[who]) >= kPerUser || days[who].contains(day)) return false;
    ++taken;
    ++taken_on[day];
    days[who].insert(day);
    return true;
  }
};

/// A wish, as a proposal, and what the oracle says when its turn comes.
struct Wish {
  Proposal proposal;
  std::uint64_t who = 0;
  enum class Kind : std::uint8_t { join, visit, adjust, draw, open, other } kind = Kind::other;
  std::int64_t amount = 0;
};

class RulesRun {
 public:
  RulesRun(RedisServer& server, std::uint64_t seed) : server_(server), dice_(seed) {
    for (const PartitionNo partition : {kDaily, kLottery}) {
      server_.call(redis::open_call(place(partition), place(partition).header()));
    }
    commit(kDaily, {{.proposal = test::creation(kDaily, "1")}});
    commit(kLottery, {{.proposal = test::creation(kLottery, "2")}});
  }

  void call() {
    if (dice_.percent(12)) now_ = later(now_, dice_.between(0, 20) * kHour);
    if (dice_.percent(3)) now_ = later(now_, -dice_.between(0, 20) * kHour);
    const bool joins = dice_.percent(40);
    if (!joins) open_segment();
    std::vector<Wish> wishes;
    for (std::uint64_t i = 1 + dice_.below(kMostPerCall); i > 0; --i) {
      std::optional<Wish> wish = joins ? join() : ticket();
      if (!wish) continue;
      // A quarter of the keyed ones come twice, in this call or a later one.
      if (wish->kind != Wish::Kind::other && dice_.percent(40)) {
        wish->proposal.command = test::command(dice_.percent(25) ? dice_.below(60) + commands_ : ++commands_ + 60);
      }
      const bool twice = dice_.percent(8);
      wishes.push_back(*wish);
      if (twice) wishes.push_back(*wish);
    }
    if (!wishes.empty()) commit(joins ? kDaily : kLottery, wishes);
  }

  /// The log that the outbox holds, of both partitions.
  std::vector<Recorded> log() {
    std::vector<Recorded> all;
    for (const PartitionNo partition : {kDaily, kLottery}) {
      for (const redis::Reply& raw : server_.call({"XRANGE", place(partition).outbox(), "-", "+"}).items) {
        const auto entry = redis::read_outbox_entry(raw, partition);
        EXPECT_TRUE(entry.has_value());
        for (const redis::OutboxEntry::Kept& kept : entry->events) all.push_back(kept.recorded);
      }
    }
    return all;
  }

  void fold() {
    State again;
    for (const Recorded& recorded : log()) again.apply(recorded);
    EXPECT_EQ(again.digest(), state_.digest());
  }

  /// Fills epoch 2 with other buckets, puts it into force and compares everything there.
  void rebuild() {
    for (const PartitionNo partition : {kDaily, kLottery}) {
      redis::Place next = place(partition);
      next.epoch = Epoch{2};
      next.buckets = 5;
      server_.call(redis::open_call(next, next.filled_header()));
      redis::PartitionFill fill(next, partition);
      const auto write = [&](bool end) {
        while (const auto call = fill.next(end).value()) {
          const redis::Reply reply = server_.call(*call);
          ASSERT_EQ(reply.type, redis::Reply::Type::array) << reply.text;
          ASSERT_EQ(reply.items.at(0).text, "filled");
        }
      };
      for (const Recorded& recorded : log()) {
        if (recorded.partition != partition) continue;
        const auto taken = fill.take(recorded);
        ASSERT_TRUE(taken.has_value()) << taken.error().message;
        // As if the ledger had gone on after its end had been reached, now and then.
        write(dice_.percent(5));
      }
      write(true);
      ASSERT_EQ(server_.call({"RENAME", next.filled_header(), next.header()}).text, "OK");
      compare(next, partition);
      const auto header = redis::read_header(server_.call(redis::header_call(next.prefix))).value();
      EXPECT_EQ(header->sequence, state_.header(partition).sequence);
      EXPECT_EQ(header->time, state_.header(partition).time);
      EXPECT_EQ(header->revision, state_.header(partition).revision);
      for (std::uint64_t n = 0; n < commands_ + 61; ++n) {
        const CommandHash hash = test::command(n).hash;
        const Instant time = state_.time_at(partition, now_);
        const auto theirs = redis::read_accepted(next, hash, now_, server_.call_all(redis::accepted_call(next, hash)));
        const auto mine = state_.accepted(partition, hash, time);
        ASSERT_EQ(theirs.value() ? describe(Repeated{**theirs}) : "", mine ? describe(Repeated{*mine}) : "");
      }
    }
  }

  void compare(const redis::Place& at, PartitionNo partition) {
    std::vector<Look> looks(looked_.begin(), looked_.end());
    std::erase_if(looks, [&](const Look& look) { return std::get<CounterKey>(look).partition != partition; });
    for (std::uint64_t n = 0; n < kUsers; ++n) {
      for (std::uint8_t kind = kDenseSet; kind <= kMaxBitSet; ++kind) {
        looks.emplace_back(SizeOf{{.partition = partition, .kind = kind, .user = user(n)}});
      }
    }
    const auto read = redis::LookCall::make(at, partition, looks);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    const auto values = read->read(server_.call_all(read->commands()));
    ASSERT_TRUE(values.has_value()) << values.error().message;
    for (std::size_t i = 0; i < looks.size(); ++i) ASSERT_EQ(values->values[i], state_.look(looks[i])) << "look " << i;
  }
  void compare() {
    for (const PartitionNo partition : {kDaily, kLottery}) compare(place(partition), partition);
    EXPECT_EQ(state_.look(keys::taken(kDaily)), oracle_.taken);
    for (std::uint64_t n = 0; n < kUsers; ++n) {
      EXPECT_EQ(state_.look(keys::tickets(kLottery, user(n))), oracle_.tickets[n]) << "user " << n;
      EXPECT_EQ(state_.look(SizeOf{keys::joined_days(kDaily, user(n))}), std::ssize(oracle_.days[n])) << "user " << n;
    }
  }

  [[nodiscard]] const std::map<std::string, int>& met() const { return met_; }

 private:
  static redis::Place place(PartitionNo partition) {
    return {.prefix = redis::key_prefix(std::to_string(partition.value)), .epoch = Epoch{1}, .buckets = 3};
  }
  std::uint64_t someone() { return dice_.below(kUsers); }

  std::optional<Wish> join() {
    Wish wish{.who = someone(), .kind = Wish::Kind::join};
    const JoinRequest request{.user = user(wish.who), .segments = {}, .now = state_.time_at(kDaily, now_)};
    JoinDecision decision = propose_join(daily_, request, {});
    auto* plan = std::get_if<JoinPlan>(&decision);
    if (plan == nullptr) return std::nullopt;
    wish.proposal = std::move(plan->proposal);
    if (dice_.percent(3)) ++wish.proposal.revision.value;
    return wish;
  }

  std::optional<Wish> planned(LotteryDecision decision, Wish::Kind kind, std::uint64_t who, std::int64_t amount) {
    auto* plan = std::get_if<LotteryPlan>(&decision);
    if (plan == nullptr) return std::nullopt;
    return Wish{.proposal = std::move(plan->proposal), .who = who, .kind = kind, .amount = amount};
  }

  std::optional<Wish> ticket() {
    const std::uint64_t who = someone();
    const LotteryRequest request{.user = user(who), .command = {}, .now = state_.time_at(kLottery, now_)};
    switch (dice_.below(10)) {
      case 0:
        return planned(propose_visit(lottery_, request), Wish::Kind::visit, who, 2);
      case 1: {
        const std::uint64_t inviter = (who + 1 + dice_.below(kUsers - 1)) % kUsers;
        // amount: who invited, or that nobody is credited
        const bool credited = dice_.percent(70);
        return planned(propose_open(lottery_, request, user(inviter), credited), Wish::Kind::open, who,
                       credited ? static_cast<std::int64_t>(inviter) : -1);
      }
      case 2: {
        const std::uint64_t inviter = someone();
        return Wish{.proposal = propose_open_not_granted(lottery_, user(who), user(inviter), OpenReason::own_link)};
      }
      case 3: {
        const std::int64_t tickets = dice_.percent(60) ? dice_.between(1, 3) : -dice_.between(1, 4);
        return Wish{.proposal = propose_adjustment(lottery_, user(who), tickets, Audit{}),
                    .who = who,
                    .kind = Wish::Kind::adjust,
                    .amount = tickets};
      }
      case 4:
        return coupon(who);
      case 5: {
        Wish wish{.proposal = test::proposal(InviteShared{.user = user(who)}, kLottery)};
        if (dice_.percent(50)) {
          wish.proposal = test::proposal(InviteIssued{.user = user(who)}, kLottery);
          wish.proposal.guards = {Absent{.set = keys::issued(kLottery, user(who))}};
        }
        return wish;
      }
      default: {
        const auto draws = static_cast<std::uint32_t>(state_.look(keys::drawn(kLottery, user(who))));
        const DrawFacts facts{.draws = draws, .wins = dice_.percent(5) ? 1 : 0, .segment = segment_};
        return planned(propose_draw(lottery_, request, facts), Wish::Kind::draw, who, facts.wins);
      }
    }
  }

  std::optional<Wish> coupon(std::uint64_t who) {
    const auto count = [this](const CounterKey& key) { return state_.look(key); };
    const std::int64_t imported = count(keys::imported(kLottery, 0));
    const CouponFacts facts{
        .user = user(who),
        .win = {.segment = static_cast<std::uint32_t>(dice_.below(3)), .serial = dice_.between(0, 4)},
        .prize = 0,
        .issue = 0};
    CouponFacts known = facts;
    known.issue = static_cast<std::uint32_t>(count(keys::reissued(kLottery, facts.win)));
    switch (dice_.below(5)) {
      case 0:
        return Wish{.proposal = propose_import(lottery_, 0, imported, 3, Audit{}).proposal};
      case 1:
        return Wish{.proposal = propose_use(lottery_, known, later(now_, dice_.between(-1, 5) * kHour)).proposal};
      case 2:
        return Wish{.proposal = propose_reissue(lottery_, known, imported, Audit{}).proposal};
      case 3:
        if (dice_.percent(10))
          return Wish{.proposal = propose_void(lottery_, known.user, known.win, 0, Audit{}).proposal};
        [[fallthrough]];
      default:
        return Wish{.proposal = propose_assignment(lottery_, known, imported).proposal};
    }
  }

  void open_segment() {
    const Instant now = state_.time_at(kLottery, now_);
    const SegmentNo wanted = segment_at(lottery_, now);
    const std::int64_t open = state_.look(keys::segment(kLottery));
    if (open > std::int64_t{wanted.value}) return;
    OpenSegment last;
    if (open > 0) {
      const SegmentNo before{static_cast<std::uint32_t>(open - 1)};
      last = {.segment = before, .serials = state_.look(keys::serials(kLottery, before.value))};
    }
    segment_ = wanted;
    const DeckTerms terms{.segment = wanted, .quota = 3, .length = 50, .first_item = 1};
    // Some by a clock that is an hour off: refused here and there.
    const Instant by_clock = dice_.percent(20) ? later(now, dice_.percent(50) ? kHour : -kHour) : now;
    commit(kLottery, {{.proposal = propose_segment(lottery_, last, terms, by_clock)}});
  }

  void commit(PartitionNo partition, std::vector<Wish> wishes) {
    std::vector<redis::Submission> submissions;
    std::vector<const redis::Submission*> list;
    std::vector<Verdict> verdicts;
    submissions.reserve(wishes.size());
    for (Wish& wish : wishes) {
      // The store asks its mirror of the system partition.
      std::erase_if(wish.proposal.guards, [](const Guard& guard) {
        const auto* equals = std::get_if<Equals>(&guard);
        return equals != nullptr && equals->counter.partition == kSystemPartition;
      });
      verdicts.push_back(state_.commit(wish.proposal, now_));
      state_.forget_undo();
      judge(wish, verdicts.back());
      remember_counters(wish.proposal);
      auto submission = redis::prepare(wish.proposal,
                                       redis::outbox_payload(wish.proposal, {.user = user(wish.who), .id = "someone"}));
      ASSERT_TRUE(submission.has_value()) << submission.error().message;
      submissions.push_back(std::move(*submission));
      list.push_back(&submissions.back());
    }
    const auto call = redis::commit_call(place(partition), list, {.seen = seen_[partition.value], .now = now_});
    const auto reply = redis::read_commit_reply(server_.call(call), list);
    ASSERT_TRUE(reply.has_value()) << reply.error().message;
    ASSERT_EQ(reply->outcome, redis::CommitReply::Outcome::decided);
    seen_[partition.value] = reply->header->sequence;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      ASSERT_TRUE(reply->verdicts[i].has_value()) << reply->verdicts[i].error().message;
      ASSERT_EQ(describe(*reply->verdicts[i]), describe(verdicts[i])) << "proposal " << i << " of " << verdicts.size();
    }
  }

  /// What the oracle says about what State decided.
  void judge(const Wish& wish, const Verdict& verdict) {
    const bool accepted = std::holds_alternative<Accepted>(verdict);
    static const std::map<std::size_t, std::string> names{
        {0, "accepted"}, {1, "refused"}, {2, "stale"}, {3, "repeated"}};
    ++met_[fmt::format("{} {}", static_cast<int>(wish.kind), names.at(verdict.index()))];
    if (std::holds_alternative<Stale>(verdict) || std::holds_alternative<Repeated>(verdict)) return;
    std::int64_t& held = oracle_.tickets[wish.who];
    switch (wish.kind) {
      case Wish::Kind::join:
        EXPECT_EQ(oracle_.join(wish.who, daily_.zone.day_at(state_.header(kDaily).time).days), accepted);
        break;
      case Wish::Kind::visit:
        EXPECT_EQ(oracle_.visited.insert(wish.who).second, accepted);
        held += accepted ? wish.amount : 0;
        break;
      case Wish::Kind::adjust:
        EXPECT_EQ(held + wish.amount >= 0 || wish.amount > 0, accepted);
        held += accepted ? wish.amount : 0;
        break;
      case Wish::Kind::draw:
        if (accepted) {
          EXPECT_GE(held, 1);
          EXPECT_EQ(wish.amount, 0);
        }
        held -= accepted ? 1 : 0;
        break;
      case Wish::Kind::open:
        held += accepted ? 1 : 0;
        if (accepted && wish.amount >= 0) oracle_.tickets[static_cast<std::uint64_t>(wish.amount)] += 3;
        break;
      case Wish::Kind::other:
        break;
    }
  }

  void remember_counters(const Proposal& proposal) {
    for (const Take& take : proposal.takes) looked_.insert(take.counter);
    for (const Event& event : proposal.events) {
      for (const Change& change : changes(proposal.partition, event)) {
        if (const auto* bump = std::get_if<Bump>(&change)) looked_.insert(bump->counter);
        if (const auto* by_taken = std::get_if<BumpByTaken>(&change)) looked_.insert(by_taken->counter);
      }
    }
  }

  RedisServer& server_;
  Dice dice_;
  Definition daily_ = daily();
  Definition lottery_ = lottery();
  State state_;
  Oracle oracle_;
  Instant now_ = kNoon;
  SegmentNo segment_;
  std::uint64_t commands_ = 0;
  std::map<std::uint32_t, Sequence> seen_;
  std::set<CounterKey> looked_;
  std::map<std::string, int> met_;
};

TEST(RedisRules, CallsOfManyWishesDecideAsStateAndTheContractDo) {
  RedisServer server;
  ASSERT_EQ(server.start(), "");
  ASSERT_EQ(load(server, std::string(redis::library_text())), "");
  const std::uint64_t seed = seed_or(20'251'121);
  SCOPED_TRACE(fmt::format("WINDFALL_SEED={}", seed));
  RulesRun run(server, seed);
  for (int i = 0; i < kCalls && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(fmt::format("call {}", i));
    run.call();
    if (i % 10 == 9) run.compare();
  }
  run.compare();
  run.fold();
  run.rebuild();
  for (const auto& [what, times] : run.met()) std::cout << what << ": " << times << "\n";
  for (const char* what :
       {"0 accepted", "0 refused", "0 stale", "0 repeated", "1 accepted", "1 refused", "2 accepted", "2 refused",
        "3 accepted", "3 refused", "3 repeated", "4 accepted", "4 refused", "5 accepted", "5 refused"}) {
    EXPECT_GT(run.met().contains(what) ? run.met().at(what) : 0, 0) << what << " never happened";
  }
}

}  // namespace
}  // namespace windfall::model

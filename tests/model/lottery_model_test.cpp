// The rules of tickets and draws against a naive oracle written from the API's contract: random visits, opens, draws,
// adjustments, blocks and days; equal answers after every step, and a fold of the log that gives the same state.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "domain/builders.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/keys.hpp"
#include "domain/lottery/outcomes.hpp"
#include "model/dice.hpp"

namespace windfall::model {
namespace {

using test::kDay;
using test::kFirstPartition;
using test::kNoon;
using test::later;
using test::user;

constexpr std::uint64_t kUsers = 6;
constexpr int kSteps = 4'000;
constexpr std::int64_t kInviterLimit = 2;
constexpr std::uint32_t kDays = 10;

/// What the contract says, with maps and sets.
struct Oracle {
  struct Person {
    std::int64_t granted = 0;
    std::int64_t drawn = 0;
    std::int64_t revoked = 0;
    bool visited = false;
    bool credited = false;
    bool blocked = false;
    std::int64_t wins = 0;
    std::map<std::int64_t, std::int64_t> invited;  ///< by day
    [[nodiscard]] std::int64_t held() const { return granted - drawn - revoked; }
  };
  std::map<std::uint64_t, Person> people;

  std::string visit(std::uint64_t who) {
    Person& p = people[who];
    if (p.blocked) return "BLOCKED";
    if (p.visited) return "already";
    p.visited = true;
    p.granted += 2;
    return "granted 2";
  }
  std::string open(std::uint64_t who, std::uint64_t inviter, std::int64_t day) {
    Person& p = people[who];
    Person& i = people[inviter];
    if (p.blocked) return "BLOCKED";
    if (p.credited) return "ALREADY_CREDITED";
    if (p.visited) return "NOT_FIRST_VISIT";
    p.credited = true;
    p.granted += 1;
    if (i.blocked || i.invited[day] >= kInviterLimit) return "INVITER_LIMIT";
    ++i.invited[day];
    i.granted += 3;
    return "both";
  }
  std::string adjust(std::uint64_t who, std::int64_t tickets) {
    Person& p = people[who];
    if (p.held() + tickets < 0) return "NO_TICKET";
    (tickets > 0 ? p.granted : p.revoked) += tickets > 0 ? tickets : -tickets;
    return "adjusted";
  }
  /// `wins` comes from the published function of the serial; everything else is judged here.
  std::string draw(std::uint64_t who, bool wins) {
    Person& p = people[who];
    if (p.blocked) return "BLOCKED";
    if (p.wins >= 1) return "ALREADY_WON";
    if (p.held() < 1) return "NO_TICKET";
    ++p.drawn;
    p.wins += wins ? 1 : 0;
    return wins ? "WIN" : "LOSE";
  }
};

Definition dice_promotion() {
  Promotion promotion = test::promotion();
  promotion.reward_amount = 0;
  promotion.limit_join_count = 0;
  Lottery lottery;
  lottery.grants = {VisitGrant{.tickets = 2},
                    InviteGrant{.inviter_tickets = 3, .friend_tickets = 1, .inviter_limit_per_day = kInviterLimit}};
  lottery.segment_minutes = 720;
  lottery.win_rate = {.min = 100, .max = 500};
  lottery.prizes = {{.id = "p", .name = "P", .kind = PrizeKind::points, .value = 5, .count = 40}};
  promotion.lottery = lottery;
  promotion.secrets.plan_end = promotion.end;
  return test::definition(promotion);
}

/// The system under test: rules, the hot state and its log.
class World {
 public:
  World() {
    state_.commit(test::creation(), later(kNoon, -kDay));
    log_.push_back({.partition = kFirstPartition,
                    .epoch = {},
                    .sequence = Sequence{1},
                    .time = later(kNoon, -kDay),
                    .revision = Revision{1},
                    .command = {},
                    .event = DefinitionChanged{.id = "1", .definition = "first", .audit = {}}});
  }

  void to(Instant now) { now_ = now; }
  [[nodiscard]] std::uint32_t day() const { return definition_.promotion.day_index(definition_.zone.day_at(now_)); }

  std::string block(std::uint64_t who, bool blocked) {
    if (state_.look(keys::blocked(user(who))) == (blocked ? 1 : 0)) return "same";
    Proposal p = test::proposal(UserBlocked{.user = user(who), .blocked = blocked, .audit = {}}, kSystemPartition);
    commit(p);
    return "changed";
  }
  std::string visit(std::uint64_t who) {
    return decide(
        propose_visit(definition_, request(who)),
        [](LotteryRule rule) { return rule == LotteryRule::first_visit ? "already" : nullptr; }, "granted 2");
  }
  std::string open(std::uint64_t who, std::uint64_t inviter) {
    const auto meaning = [](LotteryRule rule) -> const char* {
      if (rule == LotteryRule::not_credited) return "ALREADY_CREDITED";
      if (rule == LotteryRule::not_visited) return "NOT_FIRST_VISIT";
      return rule == LotteryRule::inviter_admitted ? "again" : nullptr;
    };
    const std::string both = decide(propose_open(definition_, request(who), user(inviter), true), meaning, "both");
    if (both != "again") return both;
    return decide(propose_open(definition_, request(who), user(inviter), false), meaning, "INVITER_LIMIT");
  }
  std::string adjust(std::uint64_t who, std::int64_t tickets) {
    const Verdict verdict = commit(propose_adjustment(definition_, user(who), tickets, Audit{}));
    return test::is_accepted(verdict) ? "adjusted" : "NO_TICKET";
  }
  std::string draw(std::uint64_t who) {
    const SegmentNo segment = open_segment();
    DrawFacts facts{.draws = static_cast<std::uint32_t>(state_.look(keys::drawn(kFirstPartition, user(who)))),
                    .segment = segment};
    for (std::uint32_t i = 0; i < facts.draws; ++i) {
      if (prize_of(state_.look(keys::draw_at(kFirstPartition, user(who), i)))) ++facts.wins;
    }
    const std::string outcome =
        decide(propose_draw(definition_, request(who), facts), [](LotteryRule) { return nullptr; }, "drawn");
    if (outcome != "drawn") return outcome;
    return last_draw_wins(who, facts.draws) ? "WIN" : "LOSE";
  }
  /// Whether the next draw would win: the public function of the next serial.
  bool next_wins() {
    const SegmentNo segment = open_segment();
    return prize_of(coded_draw(segment.value, state_.look(keys::serials(kFirstPartition, segment.value)))).has_value();
  }
  [[nodiscard]] std::int64_t held(std::uint64_t who) const {
    return state_.look(keys::tickets(kFirstPartition, user(who)));
  }
  [[nodiscard]] std::uint64_t folded() const {
    State again;
    for (const Recorded& r : log_) again.apply(r);
    return again.digest();
  }
  [[nodiscard]] const State& state() const { return state_; }
  std::int64_t wins = 0;

 private:
  LotteryRequest request(std::uint64_t who) const { return {.user = user(who), .command = {}, .now = now_}; }

  Verdict commit(Proposal p) {
    const std::size_t mark = state_.undo_mark();
    Verdict verdict = state_.commit(p, now_);
    // What could not be stored is taken back, and decided again alike.
    const std::uint64_t decided = state_.digest();
    state_.undo_to(mark);
    verdict = state_.commit(p, now_);
    EXPECT_EQ(state_.digest(), decided);
    state_.forget_undo();
    if (const auto* accepted = std::get_if<Accepted>(&verdict)) {
      Recorded r = test::recorded(p, *accepted);
      if (keeps_taken(r.event)) r.taken = accepted->assignment.taken;
      log_.push_back(r);
    }
    return verdict;
  }

  template <class Meaning>
  std::string decide(LotteryDecision decision, Meaning meaning, const char* accepted) {
    if (const auto* refusal = std::get_if<LotteryRefusal>(&decision)) return code_of(*refusal);
    const LotteryPlan& plan = std::get<LotteryPlan>(decision);
    const Verdict verdict = commit(plan.proposal);
    if (test::is_accepted(verdict)) return accepted;
    const auto* refused = std::get_if<Refused>(&verdict);
    if (refused == nullptr) return "stale";
    const LotteryRule rule = plan.rules.at(refused->guard);
    if (const char* meant = meaning(rule)) return meant;
    const auto refusal = refusal_of(rule);
    return refusal ? code_of(*refusal) : "look again";
  }

  DeckTerms terms(SegmentNo segment) const {
    const auto look = [&](CounterKey key) { return static_cast<std::uint32_t>(state_.look(key)); };
    return {.segment = segment,
            .quota = look(keys::quota(kFirstPartition, segment.value)),
            .length = look(keys::length(kFirstPartition, segment.value)),
            .first_item = look(keys::first_item(kFirstPartition, segment.value))};
  }
  std::optional<std::uint32_t> prize_of(std::int64_t coded) {
    const WinPlace place = decoded_draw(coded);
    return outcomes_.prize_at(terms(SegmentNo{place.segment}), place.serial);
  }
  bool last_draw_wins(std::uint64_t who, std::uint32_t number) {
    const bool won = prize_of(state_.look(keys::draw_at(kFirstPartition, user(who), number))).has_value();
    wins += won ? 1 : 0;
    return won;
  }
  SegmentNo open_segment() {
    const SegmentNo wanted = segment_at(definition_, now_);
    const std::int64_t open = state_.look(keys::segment(kFirstPartition));
    if (open > std::int64_t{wanted.value}) return SegmentNo{static_cast<std::uint32_t>(open - 1)};
    OpenSegment last;
    std::uint32_t won = 0;
    if (open > 0) {
      last = {.segment = SegmentNo{static_cast<std::uint32_t>(open - 1)},
              .serials = state_.look(keys::serials(kFirstPartition, static_cast<std::uint32_t>(open - 1)))};
      const DeckTerms before = terms(*last.segment);
      won = before.first_item + outcomes_.deck(before).wins(static_cast<std::uint64_t>(last.serials));
    }
    const std::uint32_t quota = schedule_.items_until(wanted) - won;
    const DeckTerms next{.segment = wanted,
                         .quota = quota,
                         .length = schedule_.deck_length(wanted, quota, std::nullopt),
                         .first_item = won};
    EXPECT_TRUE(test::is_accepted(commit(propose_segment(definition_, last, next, now_))));
    return wanted;
  }

  Definition definition_ = dice_promotion();
  Outcomes outcomes_{Seed{{7}}, "1", *definition_.promotion.lottery};
  Schedule schedule_{plan_of(definition_.promotion)};
  State state_;
  Instant now_ = kNoon;
  std::vector<Recorded> log_;
};

TEST(LotteryModel, AnswersAsTheContractDoes) {
  const std::uint64_t seed = seed_or(20'240'708);
  SCOPED_TRACE("seed " + std::to_string(seed));
  Dice dice(seed);
  World world;
  Oracle oracle;
  Instant now = kNoon;
  std::map<std::string, int> seen;
  for (int step = 0; step < kSteps; ++step) {
    if (dice.percent(3)) now = later(now, dice.between(0, 8) * test::kHour);
    const Instant last = later(kNoon, (kDays - 1) * kDay);
    now = std::min(now, last);
    world.to(now);
    // Early on hardly anybody is known; later strangers keep coming.
    const std::uint64_t crowd = kUsers + (static_cast<std::uint64_t>(step) / 40);
    const std::uint64_t who = dice.below(crowd);
    std::string expected;
    std::string answer;
    switch (dice.below(8)) {
      case 0:
        if (dice.percent(20)) {
          const bool blocked = dice.percent(40);
          world.block(who, blocked);
          oracle.people[who].blocked = blocked;
          continue;
        }
        [[fallthrough]];
      case 1:
        expected = oracle.visit(who);
        answer = world.visit(who);
        break;
      case 2:
      case 3: {
        const std::uint64_t inviter = (who + 1 + dice.below(crowd - 1)) % crowd;
        expected = oracle.open(who, inviter, world.day());
        answer = world.open(who, inviter);
        break;
      }
      case 4: {
        const std::int64_t tickets = dice.percent(50) ? dice.between(1, 3) : -dice.between(1, 4);
        expected = oracle.adjust(who, tickets);
        answer = world.adjust(who, tickets);
        break;
      }
      default:
        expected = oracle.draw(who, world.next_wins());
        answer = world.draw(who);
    }
    ASSERT_EQ(answer, expected) << "step " << step;
    ASSERT_EQ(world.held(who), oracle.people[who].held()) << "step " << step;
    ++seen[answer];
  }
  for (const char* answer : {"granted 2", "already", "both", "INVITER_LIMIT", "ALREADY_CREDITED", "NOT_FIRST_VISIT",
                             "BLOCKED", "adjusted", "NO_TICKET", "WIN", "LOSE", "ALREADY_WON"}) {
    EXPECT_GT(seen[answer], 0) << answer << " never happened";
  }
  EXPECT_LE(world.wins, 40);
  EXPECT_EQ(world.folded(), world.state().digest());
}

}  // namespace
}  // namespace windfall::model

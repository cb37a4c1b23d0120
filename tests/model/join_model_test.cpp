// The rules of joining and State together against the oracle: random promotions, users, clocks (backwards too), changes
// of definitions, the red button, blocks, repetitions, and batches that could not be stored. After every step both say
// the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "domain/kernel/state.hpp"
#include "domain/promotion/join.hpp"
#include "domain/promotion/keys.hpp"
#include "model/dice.hpp"
#include "model/oracle.hpp"

namespace windfall::model {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kFirstDay = 20'240;  // 2025-06-01
constexpr std::size_t kPromotions = 9;
constexpr int kSteps = 8'000;
constexpr int kSeeds = 6;

std::int64_t local_midnight(std::int64_t day, std::int64_t offset_minutes) {
  return day * kDay - offset_minutes * kMinute;
}

/// Seoul; a zone whose clocks go back at midnight to 23:00 of the same date and forward over midnight, in both cases
/// within the run; one that changes at 02:00; one that skips a date altogether, as Samoa did.
const std::map<std::string, Oracle::Offsets>& zones() {
  constexpr std::int64_t at = kFirstDay;
  static const std::map<std::string, Oracle::Offsets> all{
      {"Asia/Seoul", {{0, 540}}},
      {"Test/Midnight", {{0, -120}, {local_midnight(at + 8, -120), -180}, {local_midnight(at + 16, -180), -120}}},
      {"Test/Two",
       {{0, 60},
        {local_midnight(at + 5, 60) + 120 * kMinute, 120},
        {local_midnight(at + 20, 120) + 180 * kMinute, 60}}},
      {"Test/Skip", {{0, -660}, {local_midnight(at + 10, -660), 780}}}};
  return all;
}

Zone zone_of(const std::string& name) {
  Zone zone{.name = name, .transitions = {}};
  for (const auto& [from, minutes] : zones().at(name)) {
    zone.transitions.push_back({.from = Instant{from}, .offset_seconds = static_cast<std::int32_t>(minutes * 60)});
  }
  return zone;
}

std::uint64_t hashed(const std::string& text, std::uint64_t salt) {
  Dice dice(salt);
  std::uint64_t sum = dice.next();
  for (const char c : text) sum = Dice(sum ^ static_cast<unsigned char>(c)).next();
  return sum;
}

UserRef ref(const std::string& user) { return {.hi = hashed(user, 1), .lo = hashed(user, 2)}; }

JoinType join_type(const OracleRule& rule) {
  if (rule.type == "N_DUP_LIMIT") return DupLimit{rule.number};
  if (rule.type == "FIRST_TIME") return FirstTime{};
  if (rule.type == "MIN_JOIN_COUNT") return MinJoinCount{rule.number};
  if (rule.type == "SEGMENT") return InSegment{rule.names};
  return Leading{.promotions = rule.names, .match = rule.any ? Leading::Match::any : Leading::Match::all};
}

Promotion promotion_from(const OraclePromotion& from) {
  static const std::map<std::string, Lifecycle> lifecycles{{"DRAFT", Lifecycle::draft},
                                                           {"OPEN", Lifecycle::open},
                                                           {"PAUSED", Lifecycle::paused},
                                                           {"ENDED", Lifecycle::ended}};
  Promotion to;
  to.id = from.id;
  to.timezone = from.zone;
  to.mode = from.mode == "TEST" ? Mode::test : Mode::live;
  to.lifecycle = lifecycles.at(from.status);
  to.start = LocalDay{static_cast<std::int32_t>(from.start)};
  to.end = LocalDay{static_cast<std::int32_t>(from.end)};
  to.reward_amount = from.reward;
  to.limit_join_count = from.limit;
  to.daily_limit_join_count = from.daily;
  for (const OracleRule& rule : from.rules) to.join_types.push_back(join_type(rule));
  return to;
}

OracleAnswer answer_from(const JoinRefusal& refusal) {
  OracleAnswer answer{.code = code_of(refusal)};
  if (const auto* sold_out = std::get_if<SoldOut>(&refusal)) {
    answer.scope = sold_out->scope == SoldOut::Scope::total ? "TOTAL" : "DAY";
    if (sold_out->retry_at) answer.retry_at = sold_out->retry_at->ms;
    answer.already = sold_out->already_participated;
  }
  if (const auto* condition = std::get_if<ConditionNotMet>(&refusal)) answer.condition = condition->condition;
  if (const auto* joined = std::get_if<AlreadyParticipated>(&refusal)) answer.day = joined->day.days;
  return answer;
}

/// Everything beside State, as a value: a batch that is taken back takes all of it back.
struct World {
  Oracle oracle{zones()};
  std::int64_t clock = kFirstDay * kDay;
  std::vector<std::string> ids;
  std::map<std::string, OraclePromotion> now;      ///< definitions in force
  std::map<std::string, OraclePromotion> earlier;  ///< and those before them, as a slow cache would have them
  std::map<std::string, PartitionNo> partitions;
  std::vector<std::string> used_keys;  ///< "user promotion key"
  std::vector<Recorded> log;
  bool all_paused = false;
  std::set<std::string> blocked;
};

class JoinRun {
 public:
  explicit JoinRun(std::uint64_t seed) : dice_(seed) { world_.oracle.set_clock(world_.clock); }

  void step() {
    if (dice_.percent(4)) finish_batch();
    move_clock();
    if (world_.ids.size() < kPromotions && (world_.ids.empty() || dice_.percent(2))) return create();
    const std::uint64_t what = dice_.below(100);
    if (what < 88) {
      join();
    } else if (what < 95) {
      patch();
    } else if (what < 97) {
      pause_all();
    } else {
      block();
    }
    compare_counts();
  }

  void replay() const {
    State again;
    for (const Recorded& recorded : world_.log) again.apply(recorded);
    ASSERT_EQ(again.digest(), state_.digest());
  }

  [[nodiscard]] const std::map<std::string, int>& met() const { return met_; }

 private:
  /// Stored, or (sometimes) not: then everything is as it was before the batch.
  void finish_batch() {
    if (dice_.percent(25)) {
      state_.undo_to(batch_.mark);
      world_ = batch_.world;
      ++met_["batch taken back"];
      ASSERT_EQ(state_.digest(), batch_.digest);
    }
    state_.forget_undo();
    batch_ = {.mark = state_.undo_mark(), .digest = state_.digest(), .world = world_};
  }

  void set_clock(std::int64_t to) {
    world_.clock = to;
    world_.oracle.set_clock(to);
  }

  void move_clock() {
    const std::uint64_t how = dice_.below(1000);
    if (how < 5) return set_clock(world_.clock - dice_.between(1, 3 * kDay));
    if (how < 10) return set_clock(world_.clock + dice_.between(1, 3 * kDay));
    if (how < 20 && !world_.ids.empty()) {  // to a local midnight, or one millisecond beside it
      const std::string zone = world_.now.at(dice_.pick(world_.ids)).zone;
      std::int64_t at = (world_.clock / kMinute) * kMinute;
      const std::int64_t day = world_.oracle.day_at(zone, at);
      while (world_.oracle.day_at(zone, at) == day) at += kMinute;
      return set_clock(at + dice_.between(-1, 1));
    }
    set_clock(world_.clock + dice_.between(0, 8 * kMinute));
  }

  std::vector<OracleRule> rules() {
    std::vector<OracleRule> made;
    for (std::uint64_t i = dice_.percent(60) ? 1 + dice_.below(2) : 0; i > 0; --i) {
      switch (dice_.below(5)) {
        case 0:
          made.push_back({.type = "N_DUP_LIMIT", .number = dice_.between(1, 3), .names = {}});
          break;
        case 1:
          made.push_back({.type = "FIRST_TIME", .names = {}});
          break;
        case 2:
          made.push_back({.type = "MIN_JOIN_COUNT", .number = dice_.between(1, 4), .names = {}});
          break;
        case 3:
          made.push_back({.type = "SEGMENT", .names = {"vip", "new"}});
          break;
        default: {
          OracleRule leading{.type = "LEADING", .names = {}, .any = dice_.percent(50)};
          for (std::uint64_t n = 1 + dice_.below(2); n > 0; --n)
            leading.names.push_back("p" + std::to_string(dice_.below(kPromotions)));
          made.push_back(leading);
        }
      }
    }
    return made;
  }

  void create() {
    static const std::vector<std::string> zone_names{"Asia/Seoul", "Test/Midnight", "Test/Two", "Test/Skip"};
    OraclePromotion p;
    p.id = "p" + std::to_string(world_.ids.size());
    p.zone = dice_.pick(zone_names);
    p.mode = dice_.percent(25) ? "TEST" : "LIVE";
    p.status = dice_.percent(10) ? "DRAFT" : "OPEN";
    p.start = world_.clock / kDay + dice_.between(-3, 2);
    p.end = p.start + (dice_.percent(50) ? dice_.between(50, 120) : dice_.between(0, 30));
    p.reward = dice_.between(0, 3) * 500;
    p.limit = dice_.percent(50) ? dice_.between(1, 20) : dice_.between(50, 400);
    if (dice_.percent(50)) p.daily = dice_.between(1, 5);
    p.rules = rules();
    const PartitionNo partition{static_cast<std::uint32_t>(state_.partitions())};
    const Verdict verdict = commit(definition_change(p, partition, Revision{}, {}));
    ASSERT_TRUE(std::holds_alternative<Accepted>(verdict));
    world_.ids.push_back(p.id);
    world_.partitions[p.id] = partition;
    world_.now[p.id] = p;
    world_.earlier[p.id] = p;
    world_.oracle.create(p);
  }

  static Proposal definition_change(const OraclePromotion& p, PartitionNo partition, Revision revision,
                                    std::vector<Guard> guards) {
    Proposal proposal;
    proposal.partition = partition;
    proposal.revision = revision;
    proposal.guards = std::move(guards);
    proposal.events.emplace_back(
        DefinitionChanged{.id = p.id, .definition = std::to_string(revision.value + 1) + p.status, .audit = {}});
    return proposal;
  }

  /// As the contract has it: `title …` may change at any time, and of what the rules see: status, both limits, the
  /// reward and the end.
  void patch() {
    const OraclePromotion& before = world_.now.at(dice_.pick(world_.ids));
    OraclePromotion p = before;
    const PartitionNo partition = world_.partitions.at(p.id);
    const std::int64_t today = world_.oracle.today(p.id);
    std::vector<Guard> guards;
    switch (dice_.below(6)) {
      case 0:
        p.limit = std::max<std::int64_t>(1, world_.oracle.joins_of(p.id) + dice_.between(-2, 10));
        if (p.limit < before.limit) guards.emplace_back(Below{.counter = keys::taken(partition), .limit = p.limit + 1});
        break;
      case 1: {
        if (today < p.start || today > p.end) return;
        p.daily = dice_.between(1, 5);
        const auto index = static_cast<std::uint32_t>(today - p.start);
        if (!before.daily || *p.daily < *before.daily) {
          guards.emplace_back(Below{.counter = keys::taken_on(partition, index), .limit = *p.daily + 1});
        }
        break;
      }
      case 2:
        p.reward = dice_.between(0, 5) * 100;
        break;
      case 3:
        p.end = std::max(today, p.start) + dice_.between(0, 20);
        break;
      default:
        if (p.status == "ENDED" || (p.status == "OPEN" && dice_.percent(75))) return;
        p.status = p.status == "OPEN" ? "PAUSED" : "OPEN";
        if (dice_.percent(2)) p.status = "ENDED";
    }
    const Verdict verdict = commit(definition_change(p, partition, state_.header(partition).revision, guards));
    const std::string answer = world_.oracle.patch(p);
    ASSERT_EQ(std::holds_alternative<Accepted>(verdict) ? "200" : "422", answer);
    ++met_["PATCH " + answer];
    if (answer != "200") return;
    world_.earlier[p.id] = world_.now[p.id];
    world_.now[p.id] = p;
  }

  /// A switch in the system partition: pressed twice it stays as it is, which the guard sees to.
  void turn(const CounterKey& counter, bool on, const Event& event, bool was) {
    Proposal proposal;
    proposal.partition = kSystemPartition;
    proposal.guards = {Equals{.counter = counter, .value = on ? 0 : 1}};
    proposal.events = {event};
    ASSERT_EQ(std::holds_alternative<Accepted>(commit(proposal)), on != was);
  }

  void pause_all() {
    const bool on = dice_.percent(15);
    turn(keys::paused_all(), on, PausedAll{.paused = on, .audit = {}}, world_.all_paused);
    world_.all_paused = on;
    world_.oracle.pause_all(on);
  }

  void block() {
    const std::string user = some_user();
    const bool on = dice_.percent(15);
    turn(keys::blocked(ref(user)), on, UserBlocked{.user = ref(user), .blocked = on, .audit = {}},
         world_.blocked.contains(user));
    world_.blocked.erase(user);
    if (on) world_.blocked.insert(user);
    world_.oracle.block(user, on);
  }

  std::string some_user() { return "user-" + std::to_string(dice_.below(30)); }

  void join() {
    std::string user = some_user();
    std::string id = dice_.pick(world_.ids);
    std::string key = dice_.percent(30) ? "key-" + std::to_string(dice_.next()) : "";
    if (!world_.used_keys.empty() && dice_.percent(10)) {
      const std::string& used =
          world_
              .used_keys[world_.used_keys.size() - 1 - dice_.below(std::min<std::size_t>(world_.used_keys.size(), 30))];
      const std::size_t first = used.find(' ');
      const std::size_t second = used.find(' ', first + 1);
      user = used.substr(0, first);
      id = used.substr(first + 1, second - first - 1);
      key = used.substr(second + 1);
    }
    static const std::vector<std::vector<std::string>> all_segments{{}, {"vip"}, {"old"}, {"old", "new"}};
    const std::vector<std::string>& segments = dice_.pick(all_segments);

    const OracleAnswer mine = decide(user, segments, id, key);
    const OracleAnswer theirs = world_.oracle.join(user, segments, id, key);
    ASSERT_EQ(mine.text(), theirs.text()) << user << " joins " << id << " with key '" << key << "'";
    ++met_[theirs.code + theirs.scope + theirs.condition + (theirs.replayed ? " replayed" : "")];
    if (!key.empty() && theirs.code == "CREATED") world_.used_keys.push_back(user + " " + id + " " + key);
  }

  /// The way of a participation through a use case, in small: repeat? propose, commit, at most once again.
  OracleAnswer decide(const std::string& user, const std::vector<std::string>& segments, const std::string& id,
                      const std::string& key) {
    if (world_.now.at(id).status == "DRAFT") return {.code = "PROMOTION_NOT_FOUND"};
    const PartitionNo partition = world_.partitions.at(id);
    JoinRequest request{.user = ref(user), .segments = segments, .command = {}, .now = now_in(partition)};
    if (!key.empty()) {
      const std::string scope = user + "|" + id + "|" + key;
      request.command =
          Command{.hash = {.hi = hashed(scope, 3), .lo = hashed(scope, 4)}, .fingerprint = hashed(scope, 5)};
      if (const auto record = state_.accepted(partition, request.command->hash, request.now))
        return answer_from(*record);
    }
    bool outdated = dice_.percent(15);
    for (int tries = 0; tries < 2; ++tries) {
      const Definition definition = definition_of(id, outdated);
      const JoinDecision decision = propose_join(definition, request, facts_for(definition, user));
      if (const auto* refusal = std::get_if<JoinRefusal>(&decision)) {
        if (definition.revision == state_.header(partition).revision) return answer_from(*refusal);
        outdated = false;
        tries = -1;
        continue;
      }
      const auto& plan = std::get<JoinPlan>(decision);
      EXPECT_EQ(plan.steps.size(), plan.proposal.guards.size());
      if (tries == 0 && dice_.percent(10)) move_clock();  // a slow client, or a midnight in between
      const Verdict verdict = commit(plan.proposal);
      if (const auto* refused = std::get_if<Refused>(&verdict))
        return answer_from(conclude_join(definition, plan, *refused));
      if (const auto* repeated = std::get_if<Repeated>(&verdict)) return answer_from(repeated->record);
      if (const auto* accepted = std::get_if<Accepted>(&verdict)) {
        EXPECT_EQ(accepted->looks, std::vector<std::int64_t>{1});
        return {.day = plan.day.days, .amount = definition.promotion.reward_amount, .at = accepted->assignment.time.ms};
      }
      ++met_["stale"];
      request.now = std::get<Stale>(verdict).now;
      outdated = false;
    }
    return {.code = "stale twice"};
  }

  static OracleAnswer answer_from(const JoinRefusal& refusal) { return model::answer_from(refusal); }
  static OracleAnswer answer_from(const CommandRecord& record) {
    return {.replayed = true, .day = record.shown[0], .amount = record.shown[1], .at = record.time.ms};
  }

  [[nodiscard]] Instant now_in(PartitionNo partition) const {
    return std::max(Instant{world_.clock}, state_.header(partition).time);
  }

  [[nodiscard]] Definition definition_of(const std::string& id, bool outdated) const {
    const PartitionNo partition = world_.partitions.at(id);
    const PartitionHeader& header = state_.header(partition);
    const bool older = outdated && header.revision.value > 1;
    const OraclePromotion& p = older ? world_.earlier.at(id) : world_.now.at(id);
    return {.partition = partition,
            .revision = Revision{header.revision.value - (older ? 1 : 0)},
            .created = header.created,
            .modified = header.modified,
            .promotion = promotion_from(p),
            .zone = zone_of(p.zone)};
  }

  [[nodiscard]] JoinFacts facts_for(const Definition& definition, const std::string& user) const {
    const auto leading = named_promotions(definition.promotion);
    JoinFacts facts;
    for (const std::string& id : world_.ids) {
      if (!needs_all_promotions(definition.promotion) && std::ranges::find(leading, id) == leading.end()) continue;
      const PartitionNo partition = world_.partitions.at(id);
      facts.others.push_back({.id = id,
                              .partition = partition,
                              .mode = world_.now.at(id).mode == "TEST" ? Mode::test : Mode::live,
                              .joins = state_.look(SizeOf{keys::joined_days(partition, ref(user))})});
    }
    return facts;
  }

  Verdict commit(const Proposal& proposal) {
    Verdict verdict = state_.commit(proposal, Instant{world_.clock});
    if (const auto* accepted = std::get_if<Accepted>(&verdict)) {
      world_.log.push_back({.partition = proposal.partition,
                            .epoch = accepted->assignment.epoch,
                            .sequence = accepted->assignment.sequence,
                            .time = accepted->assignment.time,
                            .revision = proposal.revision,
                            .command = proposal.command,
                            .event = proposal.events.front()});
    }
    return verdict;
  }

  void compare_counts() {
    const std::string& id = dice_.pick(world_.ids);
    const PartitionNo partition = world_.partitions.at(id);
    const OraclePromotion& p = world_.now.at(id);
    const std::string user = some_user();
    ASSERT_EQ(state_.look(keys::taken(partition)), world_.oracle.joins_of(id));
    ASSERT_EQ(state_.look(keys::spent(partition)), world_.oracle.spent(id));
    ASSERT_EQ(state_.look(SizeOf{keys::joined_days(partition, ref(user))}), world_.oracle.joins_by(user, id));
    ASSERT_EQ(state_.unknown(partition, ref(user)), world_.oracle.joins_by(user, id) == 0);
    const std::int64_t today = world_.oracle.today(id);
    if (today < p.start || today > p.end) return;
    const auto index = static_cast<std::uint32_t>(today - p.start);
    ASSERT_EQ(state_.look(keys::taken_on(partition, index)), world_.oracle.joins_on(id, today));
  }

  struct Batch {
    std::size_t mark = 0;
    std::uint64_t digest = State().digest();
    World world;
  };

  Dice dice_;
  State state_;
  World world_;
  Batch batch_;
  std::map<std::string, int> met_;
};

TEST(JoinModel, rules_and_state_say_what_the_contract_says) {
  std::map<std::string, int> met;
  for (std::uint64_t i = 0; i < kSeeds; ++i) {
    const std::uint64_t seed = seed_or(20'250'620) + i;
    JoinRun run(seed);
    for (int step = 0; step < kSteps; ++step) {
      run.step();
      if (HasFatalFailure() || HasNonfatalFailure())
        FAIL() << "step " << step << ", WINDFALL_SEED=" << seed << " repeats it";
    }
    run.replay();
    if (HasFatalFailure()) FAIL() << "replay, WINDFALL_SEED=" << seed << " repeats it";
    for (const auto& [what, times] : run.met()) met[what] += times;
  }
  for (const auto& [what, times] : met) std::cout << what << ": " << times << "\n";
  // A run that never met one of these would have proved nothing about it.
  for (const char* what :
       {"CREATED", "CREATED replayed", "OUTSIDE_PERIOD", "PROMOTION_PAUSED", "BLOCKED", "SOLD_OUTTOTAL", "SOLD_OUTDAY",
        "ALREADY_PARTICIPATED", "PROMOTION_NOT_FOUND", "CONDITION_NOT_METN_DUP_LIMIT", "CONDITION_NOT_METLEADING",
        "CONDITION_NOT_METFIRST_TIME", "CONDITION_NOT_METMIN_JOIN_COUNT", "CONDITION_NOT_METSEGMENT", "PATCH 200",
        "PATCH 422", "stale", "batch taken back"}) {
    EXPECT_GE(met[what], 10) << what;
  }
}

}  // namespace
}  // namespace windfall::model

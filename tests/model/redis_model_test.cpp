// State against commit.lua: whatever the closed set can say, both interpreters say the same. And planted bugs, to know
// that this would notice.
#include "model/redis_model.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "model/dice.hpp"
#include "model/redis_server.hpp"

namespace windfall::model {
namespace {

constexpr int kSteps = 10'000;
constexpr int kSeeds = 2;
/// Enough for every mutant below several times over; a mutant is usually caught within a few hundred.
constexpr int kMutantSteps = 4'000;

class RedisModel : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<RedisServer>();
    problem_ = server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    ASSERT_EQ(problem_, "");
    ASSERT_EQ(load(*server_, commit_lua()), "");
  }

  /// FCALL commit_1 on partition {t} with everything but the given parts empty.
  Reply commit(const std::string& now, const std::vector<std::string>& counts_and_items,
               const std::string& command = "", const std::string& revision = "0", const std::string& epoch = "1",
               const std::string& seen = "0") {
    std::vector<std::string> words{"FCALL", "commit_1", "7",      "{t}:h", "{t}:c",
                                   "{t}:u", "{t}:k0",   "{t}:k1", "{t}:o", "{t}:d"};
    words.insert(words.end(), {epoch, seen, now, revision, "", "", command, "print", "shown"});
    words.insert(words.end(), counts_and_items.begin(), counts_and_items.end());
    return server_->call(words);
  }
  void open() { ASSERT_EQ(server_->call({"FCALL", "open_1", "1", "{t}:h", "1", ""}).items().at(0).text(), "opened"); }
  static std::string first(const Reply& reply) {
    return reply.error() != nullptr ? reply.error()->message : reply.items().at(0).text();
  }

  static inline std::unique_ptr<RedisServer> server_;
  static inline std::string problem_;
};

TEST_F(RedisModel, decides_every_proposal_as_state_does) {
  Met met;
  for (std::uint64_t i = 0; i < kSeeds; ++i) {
    const std::uint64_t seed = seed_or(20'250'620) + i;
    ASSERT_EQ(load(*server_, commit_lua()), "");
    const auto difference = run_against_state(*server_, seed, kSteps, met);
    ASSERT_FALSE(difference.has_value()) << *difference << "\nWINDFALL_SEED=" << seed << " repeats it";
    std::cout << "seed " << seed << ": accepted " << met.accepted << ", refused " << met.refused << ", stale "
              << met.stale << ", repeated " << met.repeated << " so far\n";
  }
  // Each verdict at least once in fifty, so that none is tested by accident only.
  for (const std::uint64_t times : {met.accepted, met.refused, met.stale, met.repeated}) {
    EXPECT_GE(times * 50, static_cast<std::uint64_t>(kSteps) * kSeeds);
  }
}

TEST_F(RedisModel, own_bits_of_a_user_stand_beside_each_other_and_beside_the_dense_words) {
  open();
  EXPECT_EQ(first(commit("5", {"1", "0", "3", "2", "1", "N", "u", "3", "0", "M", "u", "3", "0",  "M", "u",
                               "4", "0", "S", "u", "d", "",  "A", "u", "3", "0", "A", "u", "15", "0", "e"})),
            "accepted");
  EXPECT_EQ(server_->call({"HGET", "{t}:u", "u:own"}).text(), std::to_string((1 << 3) | (1 << 15)));
  const Reply refused = commit("5", {"2", "0", "3", "0", "1", "N", "u", "4", "0", "N", "u", "15", "0",
                                     "M", "u", "3", "0", "M", "u", "4", "0", "S", "u", "3", "",   "e"});
  EXPECT_EQ(first(refused), "refused");
  EXPECT_EQ(refused.items().at(1).text(), "1");
  EXPECT_EQ(refused.items().at(3).items().at(0).text(), "1");
  EXPECT_EQ(refused.items().at(3).items().at(1).text(), "0");
  EXPECT_EQ(refused.items().at(3).items().at(2).text(), "1");
}

TEST_F(RedisModel, counters_are_exact_to_the_last_exact_integer_and_an_error_beyond_it_writes_nothing) {
  open();
  const std::string last = "9007199254740991";
  EXPECT_EQ(first(commit("5", {"0", "0", "0", "2", "1", "B", "k", "", last, "B", "n", "", "-" + last, "e"})),
            "accepted");
  EXPECT_EQ(server_->call({"HGET", "{t}:c", "k"}).text(), last);
  EXPECT_EQ(server_->call({"HGET", "{t}:c", "n"}).text(), "-" + last);
  const std::vector<std::string> tables{"{t}:h", "{t}:c", "{t}:u", "{t}:k0", "{t}:k1"};
  std::vector<std::string> before;
  for (const std::string& key : tables) before.push_back(server_->call({"DUMP", key}).text());
  EXPECT_NE(
      first(commit("6", {"0", "0", "0", "3", "1", "A", "u", "d", "1", "B", "other", "", "1", "B", "k", "", "1", "e"},
                   "cmd"))
          .find("RANGE"),
      std::string::npos);
  EXPECT_NE(first(commit("6", {"0", "1", "0", "0", "1", "k", "e"})).find("RANGE"), std::string::npos);
  for (std::size_t i = 0; i < tables.size(); ++i)
    EXPECT_EQ(server_->call({"DUMP", tables[i]}).text(), before[i]) << tables[i];
  EXPECT_EQ(server_->call({"XLEN", "{t}:o"}).text(), "1");
}

TEST_F(RedisModel, an_outbox_that_will_not_take_the_entry_leaves_everything_as_it_was) {
  open();
  server_->call({"XADD", "{t}:o", "1-1000", "e", "from nowhere"});
  EXPECT_NE(commit("6", {"0", "1", "0", "1", "1", "k", "A", "u", "d", "1", "e"}, "cmd").error(), nullptr);
  EXPECT_EQ(server_->call({"EXISTS", "{t}:c", "{t}:u", "{t}:k0", "{t}:k1"}).text(), "0");
  EXPECT_EQ(server_->call({"HGET", "{t}:h", "s"}).text(), "0");
}

TEST_F(RedisModel, a_header_that_is_missing_of_another_epoch_or_behind_fences) {
  const std::vector<std::string> nothing{"0", "0", "0", "0", "1", "e"};
  EXPECT_EQ(first(commit("5", nothing)), "fenced");
  open();
  EXPECT_EQ(first(commit("5", nothing, "", "0", "2")), "fenced");
  EXPECT_EQ(first(commit("5", nothing, "", "0", "1", "1")), "fenced");
  EXPECT_EQ(first(commit("5", nothing)), "accepted");
  EXPECT_EQ(first(commit("5", nothing, "", "0", "1", "1")), "accepted");
  EXPECT_EQ(server_->call({"FCALL", "open_1", "1", "{t}:h", "9", ""}).items().at(0).text(), "exists");
  EXPECT_EQ(server_->call({"HGET", "{t}:h", "e"}).text(), "1");
}

TEST_F(RedisModel, without_a_time_the_servers_clock_decides_but_never_runs_backwards) {
  open();
  const auto before = std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
  const std::string time = commit("", {"0", "0", "0", "0", "1", "e"}).items().at(3).text();
  const auto after = std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
  EXPECT_LE(before, std::stoll(time));
  EXPECT_LE(std::stoll(time), after);
  const std::string future = std::to_string(after + 1'000'000);
  EXPECT_EQ(commit(future, {"0", "0", "0", "0", "1", "e"}).items().at(3).text(), future);
  EXPECT_EQ(commit("", {"0", "0", "0", "0", "1", "e"}).items().at(3).text(), future);
}

TEST_F(RedisModel, arguments_that_do_not_add_up_are_an_error) {
  open();
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"0", "0", "0", "0", "0"},                            // no event
                                             {"1", "0", "0", "0", "1", "e"},                       // a guard is missing
                                             {"0", "0", "0", "0", "1", "e", "e"},                  // one event too many
                                             {"1", "0", "0", "0", "1", "X", "k", "", "1", "e"},    // no such guard
                                             {"1", "0", "0", "0", "1", "B", "k", "", "1.5", "e"},  // not an integer
                                             {"1", "0", "0", "0", "1", "N", "u", "d", "768", "e"},    // no such member
                                             {"0", "0", "0", "1", "1", "A", "u", "16", "0", "e"}}) {  // no such own bit
    EXPECT_NE(commit("5", wrong).error(), nullptr) << ::testing::PrintToString(wrong);
  }
  EXPECT_EQ(server_->call({"EXISTS", "{t}:c", "{t}:u", "{t}:k0", "{t}:k1", "{t}:o"}).text(), "0");
}

/// A bug somebody could write: one piece of the library's text replaced by another.
struct Mutant {
  const char* name;
  const char* right;
  const char* wrong;
};

const std::vector<Mutant> kMutants{
    {"Below lets one too many in", "counter) < integer(limit)", "counter) <= integer(limit)"},
    {"AtLeast asks for one more", "counter) >= integer(amount)", "counter) > integer(amount)"},
    {"Equals is satisfied by more", "counter) == integer(value)", "counter) >= integer(value)"},
    {"Absent is not checked", "return not contains(p.sets, set, code, member) end", "return true end"},
    {"Fewer lets one too many in", "code) < integer(than)", "code) <= integer(than)"},
    {"the last guard is not checked", "for i = 0, p.guards.count - 1 do", "for i = 0, p.guards.count - 2 do"},
    {"the refused guard is counted from one", "{'refused', text(i)", "{'refused', text(i + 1)"},
    {"population count misses the last word", "for word = 0, WORDS - 1 do", "for word = 0, WORDS - 2 do"},
    {"population count stops at the first gap", "bits = math.floor(bits / 2)",
     "bits = bits % 2 == 1 and math.floor(bits / 2) or 0"},
    {"words are one bit too wide", "MEMBERS_PER_WORD = 48", "MEMBERS_PER_WORD = 49"},
    {"a member is added twice", "if contains(sets, set, code, member) then return end", ""},
    {"time runs backwards", "math.max(tonumber(last), now)", "now"},
    {"the window includes its end", "p.time >= integer(args[6])", "p.time > integer(args[6])"},
    {"the window excludes its start", "p.time < integer(args[5])", "p.time <= integer(args[5])"},
    {"the revision is not checked", "p.revision ~= integer(args[4]) or early", "early"},
    {"stale goes before repeated", "if repeated then return repeated end",
     "if repeated and p.revision == integer(args[4]) then return repeated end"},
    {"a command lives a millisecond too long", "tonumber(at) < DAY_MS", "tonumber(at) <= DAY_MS"},
    {"only today's commands are known", "for bucket = 4, 5 do",
     "for bucket = 4 + math.floor(time / DAY_MS) % 2, 4 + math.floor(time / DAY_MS) % 2 do"},
    {"commands are not kept", "if args[7] ~= '' then remember(", "if false then remember("},
    {"a take tells the number after", "taken[i] = text(p.taken[i])", "taken[i] = text(p.taken[i] + 1)"},
    {"a bump by a take forgets the take", "integer(by) + value)", "integer(by))"},
    {"a bump by a take uses another one", "p.taken[integer(take) + 1]", "p.taken[#p.taken]"},
    {"a take takes nothing", "add(p.counters, counter, 1)", "add(p.counters, counter, 0)"},
    {"a bump is always one", "counter, integer(by)) end", "counter, 1) end"},
    {"looks are read before the changes", "local seen = looks(p, args)",
     "local seen = looks({counters = table_of(keys[2]), sets = table_of(keys[3]), looks = p.looks}, args)"},
    {"a definition does not raise the revision", "p.revision = definition, p.time, p.revision + 1",
     "p.revision = definition, p.time, p.revision"},
    {"created moves with every definition", "if p.revision == 0 then p.created = p.time end", "p.created = p.time"},
    {"takes are kept although a guard fails", "      return {'refused'",
     "      for t = 1, p.takes.count do redis.call('HINCRBY', keys[2], args[p.takes.first + t - 1], 1) end\n"
     "      return {'refused'"},
    {"changes are written before the guards are checked", "  for i = 0, p.guards.count - 1 do\n",
     "  for i = 0, p.changes.count - 1 do call(CHANGES, p, args, p.changes.first + i * ITEM) end\n"
     "  flush(p.counters)\n"
     "  p.counters, p.sets, p.definition, p.revision = table_of(keys[2]), table_of(keys[3]), nil, tonumber(header[3])\n"
     "  for i = 0, p.guards.count - 1 do\n"},
    {"a refusal moves the time", "      return {'refused'",
     "      redis.call('HSET', keys[1], 't', text(p.time))\n      return {'refused'"},
    {"a proposal counts as one event", "'s', text(p.sequence + p.events.count)", "'s', text(p.sequence + 1)"},
    {"large numbers turn into powers of ten", "string.format('%.0f', number)", "tostring(number)"},
    {"an event is lost on the way to the outbox", "p.events.first + p.events.count - 1 do",
     "p.events.first + math.min(p.events.count, 2) - 1 do"},
};

class RedisMutants : public RedisModel, public ::testing::WithParamInterface<Mutant> {};

TEST_P(RedisMutants, are_noticed) {
  const Mutant& mutant = GetParam();
  std::string library = commit_lua();
  const std::size_t at = library.find(mutant.right);
  ASSERT_NE(at, std::string::npos) << "the text to replace is gone from commit.lua: " << mutant.right;
  ASSERT_EQ(library.find(mutant.right, at + 1), std::string::npos) << "not unique in commit.lua: " << mutant.right;
  library.replace(at, std::string(mutant.right).size(), mutant.wrong);
  ASSERT_EQ(load(*server_, library), "");
  Met met;
  const auto difference = run_against_state(*server_, seed_or(20'250'620), kMutantSteps, met);
  ASSERT_TRUE(difference.has_value()) << "nobody noticed: " << mutant.name;
  std::cout << mutant.name << " -> " << difference->substr(0, 160) << "\n";
}

INSTANTIATE_TEST_SUITE_P(planted, RedisMutants, ::testing::ValuesIn(kMutants), [](const auto& tested) {
  std::string name = tested.param.name;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
});

}  // namespace
}  // namespace windfall::model

// State against the script: whatever the closed set can say, in calls of one or many proposals, both interpreters say
// the same. And planted bugs, to know that this would notice.
#include "model/redis_model.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "adapters/redis/library.hpp"
#include "model/dice.hpp"
#include "model/redis_server.hpp"

namespace windfall::model {
namespace {

constexpr int kCalls = 2'000;
constexpr int kSeeds = 2;
/// Enough for every mutant below several times over; a mutant is usually caught within a hundred.
constexpr int kMutantCalls = 1'000;

class RedisModel : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<RedisServer>();
    problem_ = server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override { ASSERT_EQ(problem_, ""); }

  static inline std::unique_ptr<RedisServer> server_;
  static inline std::string problem_;
};

TEST_F(RedisModel, decides_every_proposal_of_every_call_as_state_does) {
  Met met;
  for (std::uint64_t i = 0; i < kSeeds; ++i) {
    const std::uint64_t seed = seed_or(20'250'620) + i;
    ASSERT_EQ(load(*server_, std::string(redis::library_text())), "");
    const auto difference = run_against_state(*server_, seed, kCalls, met);
    ASSERT_FALSE(difference.has_value()) << *difference << "\nWINDFALL_SEED=" << seed << " repeats it";
    std::cout << "seed " << seed << ": accepted " << met.accepted << ", refused " << met.refused << ", stale "
              << met.stale << ", repeated " << met.repeated << " (" << met.repeated_in_call
              << " of a command of the same call) so far\n";
  }
  // Each verdict at least once in ten calls, so that none is tested by accident only.
  for (const std::uint64_t times : {met.accepted, met.refused, met.stale, met.repeated}) {
    EXPECT_GE(times * 10, static_cast<std::uint64_t>(kCalls) * kSeeds);
  }
  EXPECT_GE(met.repeated_in_call, 50U);
}

/// A bug somebody could write: one piece of the library's text replaced by another.
struct Mutant {
  const char* name;
  const char* right;
  const char* wrong;
};

const std::vector<Mutant> kMutants{
    {"Below lets one too many in", "holds = values[at] < guard[3]", "holds = values[at] <= guard[3]"},
    {"AtLeast asks for one more", "holds = values[at] >= guard[3]", "holds = values[at] > guard[3]"},
    {"Equals is satisfied by more", "holds = values[at] == guard[3]", "holds = values[at] >= guard[3]"},
    {"Absent is not checked", "holds = not has(values[at], guard[3])", "holds = true"},
    {"Fewer lets one too many in", "holds = size(values, at) < guard[3]", "holds = size(values, at) <= guard[3]"},
    {"Fewer of an own bit counts wrong", "and 1 or 0) < guard[4]", "and 1 or 0) <= guard[4]"},
    {"the last guard is not checked", "for i = 1, #guards do", "for i = 1, #guards - 1 do"},
    {"the refused guard is counted from one", "if not holds then return i - 1 end", "if not holds then return i end"},
    {"a set's size misses the later words", "values[slots[1]] < MORE_WORDS and 1 or WORDS", "1"},
    {"a set's size misses the last word", "MORE_WORDS and 1 or WORDS", "MORE_WORDS and 1 or WORDS - 1"},
    {"a set's size counts the mark of later words", "values[slots[i]] % MORE_WORDS", "values[slots[i]]"},
    {"later words are never looked up", "if first < MORE_WORDS then", "if true then"},
    {"a member is added twice", "if not has(value, bit) then values[slot]", "if true then values[slot]"},
    {"time runs backwards", "return last and last > now and last or now", "return now"},
    {"the window includes its end", "time >= plan.till", "time > plan.till"},
    {"the window excludes its start", "time < plan.from", "time <= plan.from"},
    {"the revision is not checked", "if plan.revision ~= header.revision or plan.from", "if plan.from"},
    {"stale goes before repeated", "    if record then return 'p' .. record end",
     "    if record and plan.revision == c.header.revision then return 'p' .. record end"},
    {"a command lives a millisecond too long", "return c.time - accepted_at(record) < DAY_MS and record",
     "return c.time - accepted_at(record) <= DAY_MS and record"},
    {"only even days' commands are known", "for bucket = 0, 1 do\n    local day",
     "for bucket = 0, 0 do\n    local day"},
    {"commands are not kept", "    if count > 0 then", "    if false then"},
    {"a repeat within the call is decided again", "  c.commands[hash] = record\n  local odd", "  local odd"},
    {"yesterday's yesterday is not dropped", "if c.dropped[bucket] then call('UNLINK', keys[4 + bucket]) end", ""},
    {"a drop forgets what the call has kept since", "    c.kept_count[odd] = 0\n  end\n",
     "  end\n  c.kept_count[odd] = 0\n"},
    {"shown counters are one off", "value = values[value]", "value = values[value] + 1"},
    {"a shown take lacks its constant", "value = taken[value + 1] + item[3]", "value = taken[value + 1]"},
    {"a take tells the number after", "answer = answer .. ' ' .. text(taken[i]) end\n  c.entry",
     "answer = answer .. ' ' .. text(taken[i] + 1) end\n  c.entry"},
    {"a bump by a take forgets the take", "(item[4] + taken[item[3] + 1])", "item[4]"},
    {"a bump by a take uses the last one", "(item[4] + taken[item[3] + 1])", "(item[4] + taken[#taken])"},
    {"a take takes nothing", "values[slot] = taken[i] + 1", "values[slot] = taken[i]"},
    {"a bump is always one", "local value = values[slot] + item[3]", "local value = values[slot] + 1"},
    {"looks are read before the changes", "  local taken = change(plan, values)\n",
     "  c.values = {unpack(values, 1, #plan.kinds)}\n  local taken = change(plan, c.values)\n"},
    {"a definition does not raise the revision", "header.revision = header.revision + 1",
     "header.revision = header.revision"},
    {"created moves with every definition", "if header.revision == 0 then header.words[5]",
     "if true then header.words[5]"},
    {"what a proposal has changed is not seen by the next", "    users[field] = values[slot]\n", ""},
    {"users are read once and never again", "if not users[wanted[i]] then users", "if true then users"},
    {"a counter of the hash is not written", "c.sparse_changed[name] = true", ""},
    {"a counter of the header is not written", "    words[at] = text(header.counters[name])",
     "    words[at] = at < 12 and text(header.counters[name]) or '0'"},
    {"a refused proposal leaves its takes", "  if guard then return looked_at(plan, values, 'r ' .. text(guard)) end",
     "  if guard then change(plan, values) publish(c, plan, base) return looked_at(plan, values, 'r ' .. "
     "text(guard)) end"},
    {"a refusal moves the time", "  local guard = failing(plan, values)\n",
     "  local guard = failing(plan, values)\n  if guard then header.time = time + 1 end\n"},
    {"a proposal counts as one event", "header.sequence = header.sequence + plan.events\n  return looked_at",
     "header.sequence = header.sequence + 1\n  return looked_at"},
    {"large numbers turn into powers of ten", "format('%d', number)", "tostring(number)"},
    {"a proposal is lost on the way to the outbox", "  c.entries = entries + 2\n",
     "  c.entries = entries > 4 and entries or entries + 2\n"},
    {"the outbox has what an earlier call has left", "unpack(c.entry, 1, c.entries)", "unpack(c.entry)"},
    {"users have what an earlier call has left", "while i <= count and keys[i] == key", "while keys[i] == key"},
    {"commands of an earlier call are kept again", "unpack(c.kept[bucket], 1, count)", "unpack(c.kept[bucket])"},
    {"references are off by one proposal", "    base = base + plan.columns\n  end\n  if header.sequence > before",
     "    base = base + (hash and 0 or plan.columns)\n  end\n  if header.sequence > before"},
};

class RedisMutants : public RedisModel, public ::testing::WithParamInterface<Mutant> {};

TEST_P(RedisMutants, are_noticed) {
  const Mutant& mutant = GetParam();
  std::string library(redis::library_text());
  const std::size_t at = library.find(mutant.right);
  ASSERT_NE(at, std::string::npos) << "the text to replace is gone from the script: " << mutant.right;
  ASSERT_EQ(library.find(mutant.right, at + 1), std::string::npos) << "not unique in the script: " << mutant.right;
  library.replace(at, std::string(mutant.right).size(), mutant.wrong);
  ASSERT_EQ(load(*server_, library), "");
  Met met;
  const auto difference = run_against_state(*server_, seed_or(20'250'620), kMutantCalls, met);
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

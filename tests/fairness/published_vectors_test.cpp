// docs/fairness/vectors.json is what this code computes, docs/fairness/verify.py computes the same, and
// docs/fairness.md shows values of it. To write the file anew: WINDFALL_WRITE_VECTORS=docs/fairness/vectors.json
// fairness_test
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "adapters/codec/json_out.hpp"
#include "domain/deck/lotteries.hpp"
#include "domain/lottery/choices.hpp"
#include "domain/lottery/deck.hpp"
#include "domain/lottery/second_chance.hpp"
#include "fairness/verifiers.hpp"

namespace windfall::fairness {
namespace {

using codec::append_json_array;
using codec::append_json_integer;
using codec::ObjectWriter;

constexpr UserRef kUser{.hi = 0x0011223344556677, .lo = 0x8899aabbccddeeff};

Seed counting_seed() {
  Seed seed;
  for (std::size_t i = 0; i < seed.bytes.size(); ++i) seed.bytes[i] = static_cast<std::uint8_t>(i);
  return seed;
}

Plan small_plan() {
  Lottery lottery;
  lottery.prizes = {test::coupon("americano", 40), test::points("grand", 3)};
  lottery.segment_minutes = 360;
  lottery.traffic_curve = TrafficCurve{1, 1, 0, 0, 0, 0, 1, 2, 3, 3, 3, 4, 5, 4, 3, 3, 3, 3, 4, 5, 6, 6, 4, 2};
  return make_plan("example", test::period_of(2), lottery);
}

class Vectors {
 public:
  std::string text() {
    out_ = "{\n\"seed\":\"" + hex_of(seed_.bytes) + "\"";
    const std::string plan = plan_text(plan_);
    codec::append_json_string(member("plan"), plan);
    codec::append_json_string(member("commitment"), commitment_of(seed_, plan));
    choices();
    codec::append_json_string(member("prizesKey"), hex_of(key_for(seed_, kPrizesLabel)));
    append_json_array(member("itemOrder"), item_order(seed_, plan_.prizes),
                      [&](std::uint16_t prize) { codec::append_json_string(out_, plan_.prizes[prize].id); });
    std::vector<std::uint32_t> until;
    for (std::uint32_t i = 0; i < 9; ++i) until.push_back(schedule_.items_until({i}));
    numbers(member("itemsUntil"), until);
    append_json_array(member("lengths"),
                      std::vector<DeckTerms>{{.segment = {0}, .quota = 1},
                                             {.segment = {1}, .quota = 5},
                                             {.segment = {5}, .quota = 9, .length = 333},
                                             {.segment = {5}, .quota = 9, .length = 3},
                                             {.segment = {5}, .quota = 0, .length = 30},
                                             {.segment = {8}, .quota = 4}},
                      [&](const DeckTerms& terms) { length(terms); });
    append_json_array(member("decks"),
                      std::vector<DeckTerms>{{.segment = {0}, .quota = 1, .length = 8},
                                             {.segment = {1}, .quota = 5, .length = 50, .first_item = 1},
                                             {.segment = {7}, .quota = 12, .length = 40, .first_item = 31},
                                             {.segment = {8}, .quota = 3, .length = 4'000'000'000, .first_item = 40},
                                             {.segment = {9}, .quota = 0, .length = 0, .first_item = 43}},
                      [&](const DeckTerms& terms) { deck(terms); });
    second();
    ObjectWriter pseudonym(member("pseudonym"));
    pseudonym.text("reference", "00112233445566778899aabbccddeeff").text("text", to_text(Pseudonyms(seed_).of(kUser)));
    pseudonym.close();
    return out_ + "\n}\n";
  }

 private:
  std::string& member(std::string_view name) { return (out_ += ",\n\"").append(name).append("\":"); }
  template <class Numbers>
  void numbers(std::string& out, const Numbers& values) {
    append_json_array(out, values, [&](auto value) { append_json_integer(out, static_cast<std::int64_t>(value)); });
  }

  void choices() {
    const std::vector<std::uint32_t> bounds{1,          2,          3,          6,          10,         100,
                                            1000,       65536,      3221225472, 3221225472, 3221225472, 3221225472,
                                            3221225472, 3221225472, 3221225472, 3221225472, 4294967295, 7};
    const Digest key = sha256(bytes_of_text("choices"));
    Choices from(key);
    std::vector<std::uint32_t> values;
    for (const std::uint32_t bound : bounds) values.push_back(from.below(bound));
    ObjectWriter writer(member("choices"));
    writer.text("key", hex_of(key));
    numbers(writer.name("bounds"), bounds);
    numbers(writer.name("values"), values);
    writer.close();
  }
  /// terms.length stands for the draws of an earlier day.
  void length(const DeckTerms& terms) {
    const auto earlier = terms.length == 0 ? std::nullopt : std::optional<std::int64_t>(terms.length);
    out_ += "\n";
    ObjectWriter writer(out_);
    writer.integer("segment", terms.segment.value)
        .integer("quota", terms.quota)
        .integer_or_null("earlierDraws", earlier)
        .integer("length", schedule_.deck_length(terms.segment, terms.quota, earlier));
    writer.close();
  }
  void deck(const DeckTerms& terms) {
    const Deck deck = make_deck(seed_, plan_.promotion, terms);
    out_ += "\n";
    ObjectWriter writer(out_);
    writer.integer("segment", terms.segment.value)
        .integer("quota", terms.quota)
        .integer("length", terms.length)
        .text("key", hex_of(deck_key(seed_, plan_.promotion, terms)));
    numbers(writer.name("winningSerials"), deck.winning_serials());
    writer.close();
  }
  void second() {
    std::vector<std::uint32_t> places;
    const auto items = items_left({2}, 34, 43);
    for (const SecondWin& win : second_chance(seed_, 100, items)) places.push_back(win.place);
    ObjectWriter writer(member("secondChance"));
    writer.text("key", hex_of(key_for(seed_, kSecondChanceLabel)))
        .integer("pool", 100)
        .integer("items", static_cast<std::int64_t>(items.size()));
    numbers(writer.name("places"), places);
    writer.close();
  }

  Seed seed_ = counting_seed();
  Plan plan_ = small_plan();
  Schedule schedule_{plan_};
  std::string out_;
};

std::string file_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

constexpr const char* kVectors = WINDFALL_FAIRNESS_DOCS "/fairness/vectors.json";

TEST(PublishedVectors, are_what_this_code_computes) {
  const std::string text = Vectors().text();
  if (const char* path = std::getenv("WINDFALL_WRITE_VECTORS")) std::ofstream(path, std::ios::binary) << text;
  EXPECT_EQ(file_text(kVectors), text);
}

TEST(PublishedVectors, are_what_the_script_computes) {
  const ScriptRun run = run_script(std::string("--vectors '") + kVectors + "'");
  EXPECT_EQ(run.exit_code, 0);
  ASSERT_EQ(run.lines.size(), 1U) << run.lines.front();
  EXPECT_EQ(run.lines[0], "23 vectors, 0 wrong");
}

TEST(PublishedVectors, are_quoted_rightly_on_the_page) {
  const std::string page = file_text(WINDFALL_FAIRNESS_DOCS "/fairness.md");
  const Seed seed = counting_seed();
  const Plan plan = small_plan();
  EXPECT_NE(page.find(plan_text(plan)), std::string::npos);
  const Deck deck = make_deck(seed, plan.promotion, {.segment = {1}, .quota = 5, .length = 50});
  std::string serials;
  for (const std::uint32_t serial : deck.winning_serials())
    serials += (serials.empty() ? "" : ", ") + std::to_string(serial);
  for (const std::string& value :
       {hex_of(seed.bytes), commitment_of(seed, plan_text(plan)), hex_of(key_for(seed, kPrizesLabel)),
        hex_of(deck_key(seed, plan.promotion, {.segment = {1}, .quota = 5, .length = 50})), serials,
        to_text(Pseudonyms(seed).of(kUser))}) {
    EXPECT_NE(page.find("`" + value + "`"), std::string::npos) << value;
  }
}

}  // namespace
}  // namespace windfall::fairness

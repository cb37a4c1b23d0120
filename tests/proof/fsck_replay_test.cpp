// What fsck says of the replay (I14) where the journal is whole and every other rule is kept: an event that the hot
// state has no place for, and a hot state that is not what an independent fold makes of the same events.
#include <gtest/gtest.h>

#include <vector>

#include "adapters/codec/event_codec.hpp"
#include "adapters/journal/journal.hpp"
#include "app/proof/log_check.hpp"
#include "domain/kernel/state.hpp"
#include "proof/lottery_story.hpp"

namespace windfall::proof {
namespace {

constexpr std::uint32_t kSegments = kMaxLotteryDays * kMinutesPerDay;

TEST(FsckOfTheReplay, finds_an_event_that_the_hot_state_does_not_accept) {
  Story story;
  LotteryStory dice(story);
  dice.open();
  dice.visit("ann");
  story.event(dice.partition, SegmentPaused{.segment = kSegments});
  expect_only(story.judged(), Invariant::i14, "holds events that the hot state does not accept");
}

TEST(FsckOfTheReplay, accepts_the_last_segment_that_there_can_be) {
  Story story;
  LotteryStory dice(story);
  dice.open();
  dice.visit("ann");
  story.event(dice.partition, SegmentPaused{.segment = kSegments - 1});
  const Report report = story.judged();
  EXPECT_TRUE(report.ok()) << report.as_text();
  EXPECT_GT(report.checks_of(Invariant::i14), 0);
}

/// Everything that the two folds count.
void live(LotteryStory& dice) {
  dice.open();
  dice.visit("ann");
  dice.invite("cat", "ann");
  dice.adjust("ann", 3);
  dice.adjust("ann", -1);
  dice.lose();
  dice.story.later(kDayMs / 4);
  dice.open();
  dice.lose();
  dice.go_to_the_end();
  dice.close();
  dice.run_second_chance();
}

std::vector<Recorded> events_of(const Story& story) {
  const auto record = journal::decode_lineage(read_file(story.directory() + "/lineage"), "lineage").value();
  std::vector<Recorded> events;
  const auto visit = [&](const journal::Frame& frame) -> Result<void> {
    for (std::string_view body = frame.view.body; !body.empty();) events.push_back(codec::decode(body).value());
    return {};
  };
  EXPECT_TRUE(
      journal::survey(journal::real_file_system(), story.directory(), record.lineage, visit, journal::OnDamage::stop));
  return events;
}

/// What is wrong in the hot state: `plant` changes the first event that it can, after the other fold has seen it.
struct WrongState {
  const char* name;
  const char* words;
  bool (*plant)(Recorded&);
};

Report judged(const std::vector<Recorded>& events, bool (*plant)(Recorded&), bool* planted) {
  Report report;
  LogCheck log(report, {}, 0);
  State state;
  std::uint64_t frame = 0;
  for (Recorded event : events) {
    log.take(++frame, event);
    *planted = *planted || (plant != nullptr && plant(event));
    if (*planted) plant = nullptr;
    state.apply(event);
  }
  EXPECT_TRUE(report.ok()) << report.as_text();
  log.lotteries().compare([&state](const CounterKey& counter) { return state.look(counter); });
  return report;
}

/// Changes an event of that kind, if it is one.
template <class E>
bool change(Recorded& recorded, void (*edit)(Recorded&, E&)) {
  auto* event = std::get_if<E>(&recorded.event);
  if (event != nullptr) edit(recorded, *event);
  return event != nullptr;
}

const std::vector<WrongState> kWrong{
    {"tickets_of_a_visit", "tickets granted of the hot state: 9, of an independent fold: 8",
     [](Recorded& r) { return change<Visited>(r, [](Recorded&, Visited& e) { ++e.tickets; }); }},
    {"tickets_taken_away", "tickets revoked of the hot state: 2",
     [](Recorded& r) {
       const auto* e = std::get_if<TicketsAdjusted>(&r.event);
       return e != nullptr && e->tickets < 0 &&
              change<TicketsAdjusted>(r, [](Recorded&, TicketsAdjusted& a) { --a.tickets; });
     }},
    {"who_drew", "tickets held by user",
     [](Recorded& r) { return change<Drew>(r, [](Recorded&, Drew& e) { e.user = Story::ref("ann"); }); }},
    {"the_next_serial", "the next serial of segment",
     [](Recorded& r) { return change<Drew>(r, [](Recorded& drew, Drew&) { ++drew.taken.front(); }); }},
    {"the_open_segment", "the open segment of the hot state",
     [](Recorded& r) { return change<SegmentOpened>(r, [](Recorded&, SegmentOpened& e) { ++e.segment; }); }},
    {"the_second_chance", "wins of the second chance of the hot state",
     [](Recorded& r) {
       if (!std::holds_alternative<SecondChanceWon>(r.event)) return false;
       r.event = Audited{.audit = Story::audit("nothing"), .subject = "dice"};
       return true;
     }},
};

class FsckOfAWrongState : public testing::TestWithParam<WrongState> {};

TEST_P(FsckOfAWrongState, finds_what_an_independent_fold_counts_differently) {
  Story story;
  LotteryStory dice(story);
  live(dice);
  story.save();
  const std::vector<Recorded> events = events_of(story);
  bool planted = false;
  expect_only(judged(events, GetParam().plant, &planted), Invariant::i14, GetParam().words);
  EXPECT_TRUE(planted);
  planted = false;
  EXPECT_TRUE(judged(events, nullptr, &planted).ok());
}

INSTANTIATE_TEST_SUITE_P(Numbers, FsckOfAWrongState, testing::ValuesIn(kWrong),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace windfall::proof

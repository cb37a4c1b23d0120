// A checker that never found anything proves nothing: each is shown one commit that was corrupted.
#include <gtest/gtest.h>

#include <set>

#include "app/simulate/simulation.hpp"

namespace windfall::simulate {
namespace {

struct Bug {
  const char* name;
  const char* caught_by;
  /// Corrupts the event if it can; true once it has.
  bool (*plant)(Recorded&);
};

/// The user of an earlier event of a kind.
UserRef earlier_user;

template <class E>
bool remember(const Recorded& recorded) {
  const auto* event = std::get_if<E>(&recorded.event);
  if (event == nullptr || earlier_user != UserRef{}) return false;
  earlier_user = event->user;
  return true;
}

const Bug kBugs[] = {
    {"ticket counted twice", "I5",
     [](Recorded& r) {
       auto* e = std::get_if<Visited>(&r.event);
       return e != nullptr && ++e->tickets > 0;
     }},
    {"ticket counted twice, by cause", "TICKETS",
     [](Recorded& r) {
       auto* e = std::get_if<Visited>(&r.event);
       return e != nullptr && ++e->tickets > 0;
     }},
    {"second first visit", "I6",
     [](Recorded& r) {
       auto* e = std::get_if<Visited>(&r.event);
       if (e == nullptr || remember<Visited>(r)) return false;
       e->user = earlier_user;
       return true;
     }},
    {"draw of somebody without a ticket", "I7",
     [](Recorded& r) {
       auto* e = std::get_if<Drew>(&r.event);
       if (e == nullptr) return false;
       e->user = {.hi = 1, .lo = 2};
       return true;
     }},
    {"serial left out", "SERIALS",
     [](Recorded& r) {
       if (!std::holds_alternative<Drew>(r.event)) return false;
       ++r.taken.front();
       return true;
     }},
    {"prize in two decks", "I8",
     [](Recorded& r) {
       auto* e = std::get_if<SegmentOpened>(&r.event);
       if (e == nullptr || e->first_item == 0) return false;
       --e->first_item;
       return true;
     }},
    {"second chance for a person twice", "WINS",
     [](Recorded& r) {
       auto* e = std::get_if<SecondChanceWon>(&r.event);
       if (e == nullptr || remember<SecondChanceWon>(r)) return false;
       e->user = earlier_user;
       return true;
     }},
    {"wrong shortfall", "TOTAL",
     [](Recorded& r) {
       auto* e = std::get_if<SecondChanceEnded>(&r.event);
       return e != nullptr && ++e->shortfall > 0;
     }},
    {"prize lost in the second chance", "TOTAL",
     [](Recorded& r) {
       auto* e = std::get_if<SecondChanceStarted>(&r.event);
       return e != nullptr && e->prizes-- > 0;
     }},
    {"revision of an event not replayed", "I14",
     [](Recorded& r) {
       auto* e = std::get_if<InviteOpened>(&r.event);
       if (e == nullptr) return false;
       ++r.time.ms;
       e->day_index += 100;
       return true;
     }},
};

class PlantedBug : public testing::TestWithParam<Bug> {};
INSTANTIATE_TEST_SUITE_P(Invariants, PlantedBug, testing::ValuesIn(kBugs));

TEST_P(PlantedBug, IsCaught) {
  earlier_user = {};
  Campaign campaign;
  campaign.users = 600;
  campaign.days = 2;
  campaign.prizes = 400;  // so few draws leave some of them to the second chance
  campaign.seed = 1;
  campaign.demand = 0.3;
  campaign.curve = usual_curve(2);
  bool planted = false;
  Simulation simulation(campaign, {.progress = {}, .corrupt = [&planted](Recorded& recorded) {
                                     if (!planted) planted = GetParam().plant(recorded);
                                   }});
  const Result<SimulationResult> result = simulation.run();
  ASSERT_TRUE(planted);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_FALSE(result->ok());
  std::set<std::string> caught;
  for (const InvariantResult& invariant : result->invariants) {
    if (invariant.violations > 0) caught.insert(invariant.id);
  }
  EXPECT_TRUE(caught.contains(GetParam().caught_by)) << GetParam().name;
}

}  // namespace
}  // namespace windfall::simulate

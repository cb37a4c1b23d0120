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
/// Of earlier codes: the win, the ordinal, and how many there were.
WinPlace earlier_win;
std::int64_t earlier_ordinal = 0;
int codes_given = 0;

/// The code that is assigned, but for the first few, whose wins and ordinals are remembered.
CodeAssigned* later_code(Recorded& recorded) {
  constexpr int kFew = 20;
  auto* event = std::get_if<CodeAssigned>(&recorded.event);
  if (event == nullptr || ++codes_given > kFew) return event;
  earlier_win = event->win;
  earlier_ordinal = recorded.taken.front();
  return nullptr;
}

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
    {"code given out twice", "I9",
     [](Recorded& r) {
       if (later_code(r) == nullptr) return false;
       r.taken.front() = earlier_ordinal;
       return true;
     }},
    {"two codes to a win", "I9",
     [](Recorded& r) {
       CodeAssigned* e = later_code(r);
       if (e == nullptr) return false;
       e->win = earlier_win;
       return true;
     }},
    {"code of a draw that did not win", "I9",
     [](Recorded& r) {
       CodeAssigned* e = later_code(r);
       if (e == nullptr) return false;
       e->win.serial += 1'000'000;
       return true;
     }},
    {"code to somebody else", "I9",
     [](Recorded& r) {
       CodeAssigned* e = later_code(r);
       if (e == nullptr) return false;
       e->user = {.hi = 1, .lo = 2};
       return true;
     }},
    {"code given out before it came in", "I9",
     [](Recorded& r) {
       if (later_code(r) == nullptr) return false;
       r.taken.front() += 1'000'000;
       return true;
     }},
    {"win for which a code was promised twice", "I9",
     [](Recorded& r) {
       CodeAssigned* e = later_code(r);
       return e != nullptr && ++e->issue > 0;
     }},
    {"import that announces more codes than came in", "I9",
     [](Recorded& r) {
       auto* e = std::get_if<CodesImported>(&r.event);
       return e != nullptr && ++e->count > 0;
     }},
};

class PlantedBug : public testing::TestWithParam<Bug> {};
INSTANTIATE_TEST_SUITE_P(Invariants, PlantedBug, testing::ValuesIn(kBugs));

TEST_P(PlantedBug, IsCaught) {
  earlier_user = {};
  codes_given = 0;
  Campaign campaign;
  campaign.users = 600;
  campaign.days = 2;
  campaign.prizes = 400;  // so few draws leave some of them to the second chance
  campaign.seed = 1;
  campaign.demand = 0.3;
  campaign.curve = usual_curve(2);
  bool planted = false;
  Simulation simulation(campaign, {.progress = {},
                                   .corrupt =
                                       [&planted](Recorded& recorded) {
                                         if (!planted) planted = GetParam().plant(recorded);
                                       },
                                   .corrupt_due = {},
                                   .corrupt_code = {}});
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

/// What happens to an effect on its way to the partner.
struct PartnerBug {
  const char* name;
  const char* caught_by;
  void (*plant)(DueEffect&);
};
const PartnerBug kPartnerBugs[] = {
    {"an unknown accrual is sent again without being asked for", "I4", [](DueEffect& e) { e.unknown = false; }},
    {"an accrual of more than was won", "I4",
     [](DueEffect& e) {
       if (e.kind == EffectKind::accrual) ++e.amount;
     }},
    {"an accrual for somebody else", "I4",
     [](DueEffect& e) {
       if (e.kind == EffectKind::accrual) e.user_id += "0";
     }},
    {"an accrual under another key", "I4",
     [](DueEffect& e) {
       if (e.kind == EffectKind::accrual) e.id[0] ^= 1U;
     }},
    {"a notice to somebody else", "I10",
     [](DueEffect& e) {
       if (e.kind != EffectKind::accrual) e.user_id += "0";
     }},
    {"a notice under another key", "I17",
     [](DueEffect& e) {
       if (e.kind != EffectKind::accrual) e.id[0] ^= 1U;
     }},
};
class PlantedPartnerBug : public testing::TestWithParam<PartnerBug> {};
INSTANTIATE_TEST_SUITE_P(Invariants, PlantedPartnerBug, testing::ValuesIn(kPartnerBugs));

TEST_P(PlantedPartnerBug, IsCaught) {
  Campaign campaign;
  campaign.users = 600;
  campaign.days = 2;
  campaign.prizes = 400;
  campaign.partner_faults = 0.6;
  campaign.curve = usual_curve(2);
  Simulation simulation(campaign, {.progress = {}, .corrupt = {}, .corrupt_due = GetParam().plant, .corrupt_code = {}});
  const Result<SimulationResult> result = simulation.run();
  ASSERT_TRUE(result) << result.error().message;
  std::set<std::string> caught;
  for (const InvariantResult& invariant : result->invariants) {
    if (invariant.violations > 0) caught.insert(invariant.id);
  }
  EXPECT_TRUE(caught.contains(GetParam().caught_by)) << GetParam().name;
}

TEST(PlantedVaultBug, IsCaught) {
  Campaign campaign;
  campaign.users = 600;
  campaign.days = 2;
  campaign.prizes = 400;
  campaign.curve = usual_curve(2);
  int looks = 0;
  Simulation simulation(campaign,
                        {.progress = {}, .corrupt = {}, .corrupt_due = {}, .corrupt_code = [&looks](std::string& code) {
                           if (++looks == 3) code.back() = code.back() == '0' ? '1' : '0';
                         }});
  const Result<SimulationResult> result = simulation.run();
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_GE(looks, 3);
  for (const InvariantResult& invariant : result->invariants) {
    EXPECT_EQ(invariant.violations, invariant.id == "I9" ? 1 : 0) << invariant.id << ": " << invariant.first;
  }
}

}  // namespace
}  // namespace windfall::simulate

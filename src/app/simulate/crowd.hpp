// The people of a simulated campaign: they arrive by a curve, invite friends, visit, and draw what they have; some of
// them cheat. Each step is a call of a real use case, at its moment of virtual time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include "adapters/codec/user_ref.hpp"
#include "app/simulate/campaign.hpp"
#include "app/simulate/world.hpp"

namespace windfall::simulate {

/// How often what was refused or granted nothing, by its name in the API; "ALREADY_VISITED" for visits that came again.
using RefusalCounts = std::map<std::string, std::int64_t, std::less<>>;

class Crowd {
 public:
  Crowd(World& world, const Campaign& campaign, DefinitionPtr definition);
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// The moment of the next step; kEndOfTime when everyone is done.
  [[nodiscard]] Instant next() const;
  /// Begins the next step; it ends when the world settles.
  void step();

  [[nodiscard]] const RefusalCounts& refusals() const { return refusals_; }
  /// Something that no person can cause; empty if all went well.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }

 private:
  enum class Act : std::uint8_t { arrive, draw, visit_again, open_own, open_again, flood };
  struct Step {
    std::int64_t at = 0;
    std::uint32_t person = 0;
    std::uint32_t other = 0;
    Act act = Act::arrive;
    std::uint8_t left = 0;  ///< repetitions that follow
    bool operator>(const Step& other_step) const { return at > other_step.at; }
  };
  enum class Habit : std::uint8_t { person, visitor, self_inviter, ring, collector, made_up_friend, flooder };
  static constexpr std::uint32_t kNobody = UINT32_MAX;

  struct Arrival {
    std::int64_t at = 0;
    std::uint32_t inviter = kNobody;
    Habit habit = Habit::person;
  };

  std::uint64_t random();
  double chance();
  std::uint32_t below(std::uint32_t bound);
  std::int64_t pause(double mean_ms);
  [[nodiscard]] LotteryCommand command_of(const std::string& id, std::uint32_t person) const;
  static std::string id_of(std::uint32_t person);

  void make_arrivals(const Campaign& campaign);
  void choose_inviters(const Campaign& campaign, std::size_t people);
  void make_bots(const Campaign& campaign, std::size_t people);
  void later(std::int64_t at, Act act, std::uint32_t person, std::uint32_t other = kNobody, std::uint8_t left = 0);
  void count(std::string_view what) { ++refusals_.try_emplace(std::string(what), 0).first->second; }
  void failed(const Failure& why);
  /// Has a person draw those of their new tickets that they want to use.
  void want_draws(std::uint32_t person, std::int64_t at, std::int64_t tickets);

  Detached arrive(std::uint32_t person, std::int64_t at);
  Detached open(std::uint32_t person, std::uint32_t inviter, std::int64_t at);
  Detached visit_again(std::uint32_t person);
  Detached draw(std::uint32_t person, std::int64_t at, bool flood);

  World& world_;
  DefinitionPtr definition_;
  codec::UserHasher hasher_;
  double share_drawn_;
  std::int64_t friend_tickets_ = 0;
  std::int64_t inviter_tickets_ = 0;
  std::uint64_t random_;
  std::vector<Arrival> arrivals_;  ///< in order of time; a person is known by the place in it
  std::size_t arrived_ = 0;
  std::size_t people_ = 0;  ///< those before are people, those from here on are bots
  std::vector<UserRef> refs_;
  struct Wish {
    std::uint16_t draws = 0;  ///< wanted and not drawn yet
    bool drawing = false;     ///< the next one is on the agenda
    bool won = false;
  };
  std::vector<Wish> wishes_;
  std::priority_queue<Step, std::vector<Step>, std::greater<>> agenda_;
  RefusalCounts refusals_;
  std::string failure_;
  std::int64_t steps_ = 0;
};

}  // namespace windfall::simulate

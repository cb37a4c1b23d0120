#include "app/demo/crowd.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "app/load/crowd_order.hpp"

namespace windfall::demo {

std::vector<load::Visit> plan_visits(std::uint32_t users, std::uint64_t seed) {
  // In shares of the whole time. The way from the last lead to promotion A is long enough for its answer to be there.
  constexpr double kArriving = 0.75;
  constexpr double kBetweenLeads = 0.02;
  constexpr double kToMain = 0.12;
  constexpr double kHesitation = 0.08;
  constexpr double kSecondTry = 0.03;
  constexpr double kSkipsLead = 0.05;
  constexpr double kAsksTwice = 0.1;

  struct Timed {
    double at;
    load::Visit visit;
  };
  load::Dice dice(seed);
  std::vector<Timed> timed;
  const auto comes = [&](double at, std::uint32_t promotion, std::uint32_t user) {
    timed.push_back({.at = at, .visit = {.path = promotion, .user = user}});
    if (dice.chance(kAsksTwice)) {
      timed.push_back({.at = at + kSecondTry, .visit = {.path = promotion, .user = user}});
    }
  };
  for (std::uint32_t user = 0; user < users; ++user) {
    double at = kArriving * user / users;
    for (std::uint32_t lead = kMain + 1; lead < kPromotions; ++lead) {
      if (!dice.chance(kSkipsLead)) comes(at, lead, user);
      at += kBetweenLeads;
    }
    comes(at + kToMain + kHesitation * dice.unit(), kMain, user);
  }
  std::ranges::sort(timed, {}, [](const Timed& one) { return std::tuple(one.at, one.visit.user, one.visit.path); });
  std::vector<load::Visit> visits;
  visits.reserve(timed.size());
  for (const Timed& one : timed) visits.push_back(one.visit);
  return visits;
}

Crowd::Crowd(load::Plan plan, std::vector<load::Visit> visits, double seconds) : visits_(std::move(visits)) {
  plan.rate = static_cast<double>(visits_.size()) / seconds;
  plan.stop = &stop_;
  plan.next = [this]() -> std::optional<load::Visit> {
    return next_ < visits_.size() ? std::optional(visits_[next_++]) : std::nullopt;
  };
  plan.on_arrived = [this](const load::Arrived& arrived) { answers_.add(arrived); };
  thread_ = std::thread([this, given = std::move(plan)]() mutable {
    report_ = load::Generator(std::move(given)).run();
    done_ = true;
  });
}

Crowd::~Crowd() {
  stop();
  join();
}

void Crowd::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace windfall::demo

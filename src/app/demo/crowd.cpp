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

namespace {

constexpr int kUnavailable = 503;
constexpr int kCreated = 201;
/// A member of the refusal SOLD_OUT.
constexpr std::string_view kNotJoined = R"("alreadyParticipated":false)";
/// Between being told 503 and coming again.
constexpr std::chrono::seconds kPause{1};
/// After the last of the crowd has come for the first time.
constexpr std::chrono::seconds kPatience{30};

}  // namespace

std::optional<load::Visit> ComingAgain::next(bool others_are_through) {
  const Clock::time_point now = Clock::now();
  if (waiting_.empty() || now >= last_ || (waiting_.front().first > now && !others_are_through)) return std::nullopt;
  const load::Visit visit = waiting_.front().second;
  waiting_.pop_front();
  return visit;
}

// Whoever is accepted now has not been before, and SOLD_OUT says so too.
bool ComingAgain::arrived(const load::Arrived& arrived) {
  const std::pair key(arrived.visit.path, arrived.visit.user);
  if (arrived.status == kUnavailable) {
    unanswered_.insert(key);
    waiting_.emplace_back(Clock::now() + kPause, arrived.visit);
    return false;
  }
  return unanswered_.erase(key) > 0 && arrived.status != kCreated &&
         arrived.body.find(kNotJoined) == std::string_view::npos;
}

Crowd::Crowd(load::Plan plan, std::vector<load::Visit> visits, double seconds, WhenAway when_away)
    : visits_(std::move(visits)) {
  if (when_away == WhenAway::comes_again) {
    const auto planned =
        std::chrono::duration_cast<ComingAgain::Clock::duration>(std::chrono::duration<double>(seconds));
    again_.emplace(ComingAgain::Clock::now() + planned + kPatience);
  }
  plan.rate = static_cast<double>(visits_.size()) / seconds;
  plan.stop = &stop_;
  plan.next = [this] { return next(); };
  plan.on_arrived = [this](const load::Arrived& arrived) { this->arrived(arrived); };
  thread_ = std::thread([this, given = std::move(plan)]() mutable {
    report_ = load::Generator(std::move(given)).run();
    if (again_) {
      for (const auto& [promotion, user] : again_->unanswered()) {
        answers_.add({.visit = {.path = promotion, .user = user}, .code = {}, .body = {}});
      }
    }
    done_ = true;
  });
}

std::optional<load::Visit> Crowd::next() {
  const bool through = next_ == visits_.size();
  if (again_) {
    if (const std::optional<load::Visit> one = again_->next(through)) return one;
  }
  return through ? std::nullopt : std::optional(visits_[next_++]);
}

void Crowd::arrived(const load::Arrived& arrived) {
  if (arrived.status == kUnavailable) ++away_.at(arrived.visit.path);
  if (again_ && again_->arrived(arrived)) answers_.add({.visit = arrived.visit, .code = {}, .body = {}});
  answers_.add(arrived);
}

Crowd::~Crowd() {
  stop();
  join();
}

void Crowd::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace windfall::demo

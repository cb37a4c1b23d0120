#include "app/demo/dice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "app/demo/columns.hpp"
#include "app/demo/crowd.hpp"
#include "app/fairness/verify_export.hpp"
#include "app/load/http_call.hpp"

namespace windfall::demo {

namespace {

using Clock = std::chrono::steady_clock;

/// 2024-07-08, midnight in Korea.
constexpr Instant kFirstMidnight{1'720'364'400'000};
constexpr std::int64_t kDays = 24;
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kHours = kDays * 24;
/// The clock goes by the hour; more steps than the eye sees would only be calls.
constexpr std::chrono::milliseconds kShortestStep{40};
/// One in three can win: a demo that hardly anybody wins shows little.
constexpr std::int64_t kPeoplePerPrize = 3;
/// After the last day: the second chance comes a minute later, and is given this long in real time.
constexpr std::int64_t kAfterTheEndMs = 61'000;
constexpr std::chrono::seconds kClosing{60};
/// On a cluster the ledger takes in what Kafka still has first, which may be most of the draws.
constexpr std::chrono::seconds kClosingOfCluster{300};
constexpr std::chrono::milliseconds kLook{200};
constexpr std::chrono::seconds kPatience{30};
constexpr const char* kUserPrefix = "dice-";
constexpr std::uint32_t kVisits = 0;
constexpr std::uint32_t kDraws = 1;

class Dice {
 public:
  Dice(const DiceScript& script, Stage& stage, Screen& screen, Signals& signals, const Words& words)
      : script_(script),
        stage_(stage),
        screen_(screen),
        signals_(signals),
        words_(words),
        id_(stage.prefix() + "dice"),
        path_("/v1/promotions/" + id_) {}

  Result<DiceVerdict> play();

 private:
  Result<void> open();
  Result<void> pass_the_days();
  Result<void> wait_for_the_close();
  Result<void> check_the_export();
  void look(std::int64_t hour);

  const DiceScript& script_;
  Stage& stage_;
  Screen& screen_;
  Signals& signals_;
  const Words& words_;
  const std::string id_;
  const std::string path_;
  DiceVerdict verdict_;
  std::string export_;
  std::atomic<std::int64_t> drawn_ = 0;
  std::atomic<std::int64_t> won_ = 0;
  std::atomic<std::int64_t> lost_answers_ = 0;
};

Result<DiceVerdict> Dice::play() {
  verdict_.planned = std::max<std::int64_t>(script_.people / kPeoplePerPrize, kDays);
  Result<void> played;
  for (const auto act : {&Dice::open, &Dice::pass_the_days, &Dice::wait_for_the_close, &Dice::check_the_export}) {
    played = (this->*act)();
    if (!played || signals_.came()) break;
  }
  // Whatever happened: others may use these servers afterwards.
  const Result<void> real = stage_.set_clock("null");
  if (!played) return tl::unexpected(played.error());
  if (!real) return tl::unexpected(real.error());
  return verdict_;
}

Result<void> Dice::open() {
  screen_.say(fmt::format(fmt::runtime(words_.dice_opens), fmt::format("{:g}", script_.seconds),
                          grouped(script_.people), grouped(verdict_.planned)));
  if (const auto set = stage_.set_clock('"' + codec::to_text(kFirstMidnight) + '"'); !set) return set;
  std::string body;
  codec::ObjectWriter promotion(body);
  promotion.text("id", id_)
      .text("title", words_.dice_title)
      .text("startDate", "2024-07-08")
      .text("endDate", "2024-07-31");
  codec::ObjectWriter lottery(promotion.name("lottery"));
  lottery.name("grants") += R"([{"cause":"VISIT"},{"cause":"INVITE"}])";
  lottery.integer("expectedDrawsPerDay", std::max<std::int64_t>(script_.people / kDays, 1));
  // Nobody is told of a demo's luck.
  lottery.name("notifications") += "[]";
  codec::ObjectWriter prize(lottery.name("prizes") += '[');
  prize.text("prizeId", "points").text("name", "100P").text("kind", "POINTS").integer("value", 100);
  prize.integer("count", verdict_.planned).close();
  body += ']';
  lottery.close();
  promotion.close();
  return stage_.register_promotion({.id = id_, .title = words_.dice_title, .stock = verdict_.planned, .body = body});
}

Result<void> Dice::pass_the_days() {
  std::vector<load::Visit> visits;
  visits.reserve(std::size_t{2} * script_.people);
  // Who visits draws a little later: by then the visit's ticket is there.
  const std::uint32_t behind = std::max<std::uint32_t>(script_.people / 100, 1);
  for (std::uint32_t user = 0; user < script_.people + behind; ++user) {
    if (user < script_.people) visits.push_back({.path = kVisits, .user = user});
    if (user >= behind) visits.push_back({.path = kDraws, .user = user - behind});
  }
  load::Plan plan = stage_.entrance();
  plan.paths = {path_ + "/visits", path_ + "/draws"};
  plan.user_prefix = kUserPrefix;
  plan.connections = 64;
  std::atomic<bool> stop = false;
  plan.stop = &stop;
  std::size_t next = 0;
  // Several processes get a new time one after the other, and refuse while they disagree.
  std::optional<ComingAgain> again;
  if (stage_.cluster() != nullptr) {
    const auto planned = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(script_.seconds));
    again.emplace(Clock::now() + planned + kClosing);
  }
  plan.next = [&]() -> std::optional<load::Visit> {
    if (again) {
      if (const std::optional<load::Visit> one = again->next(next == visits.size())) return one;
    }
    return next < visits.size() ? std::optional(visits[next++]) : std::nullopt;
  };
  plan.on_arrived = [this, &again](const load::Arrived& arrived) {
    if (arrived.status == 0 || (again && again->arrived(arrived))) ++lost_answers_;
    if (arrived.visit.path != kDraws || arrived.status != 201) return;
    ++drawn_;
    if (arrived.body.find(R"("outcome":"WIN")") != std::string_view::npos) ++won_;
  };
  // The crowd is through a little before the last midnight.
  constexpr double kShareOfTheTime = 0.97;
  plan.rate = static_cast<double>(visits.size()) / (script_.seconds * kShareOfTheTime);
  std::atomic<bool> done = false;
  std::thread crowd([&done, given = std::move(plan)]() mutable {
    load::Generator(std::move(given)).run();
    done = true;
  });

  const Clock::time_point start = Clock::now();
  Result<void> outcome;
  for (std::int64_t hour = 0; outcome && (hour < kHours || !done) && !signals_.came();) {
    const double passed = std::chrono::duration<double>(Clock::now() - start).count() / script_.seconds;
    // The last hour waits for whoever has not been answered.
    const std::int64_t now =
        std::min<std::int64_t>(static_cast<std::int64_t>(passed * kHours), done ? kHours : kHours - 1);
    if (now > hour) {
      hour = now;
      outcome = stage_.set_clock('"' + codec::to_text(Instant{kFirstMidnight.ms + hour * kHourMs}) + '"');
    }
    look(hour);
    signals_.wait(kShortestStep);
    if (!stage_.running()) outcome = fail(FailureCode::unavailable, "the server or the partner ended");
  }
  stop = true;
  crowd.join();
  verdict_.answered = drawn_;
  verdict_.told = won_;
  verdict_.unknown = lost_answers_;
  if (again) verdict_.unknown += static_cast<std::int64_t>(again->unanswered().size());
  return outcome;
}

void Dice::look(std::int64_t hour) {
  const std::int64_t plan = verdict_.planned * std::min(hour, kHours) / kHours;
  const LocalDay day{static_cast<std::int32_t>((kFirstMidnight.ms + 9 * kHourMs + hour * kHourMs) / (24 * kHourMs))};
  const double share = plan > 0 ? 100.0 * static_cast<double>(won_) / static_cast<double>(plan) : 0;
  screen_.show_bar(words_.dice_title, static_cast<double>(won_) / static_cast<double>(verdict_.planned),
                   fmt::format(fmt::runtime(words_.dice_bar), codec::to_text(day), grouped(won_), grouped(plan), share,
                               grouped(drawn_)));
}

Result<void> Dice::wait_for_the_close() {
  const Instant late{kFirstMidnight.ms + (kHours * kHourMs) + kAfterTheEndMs};
  if (const auto set = stage_.set_clock('"' + codec::to_text(Instant{late.ms - kAfterTheEndMs}) + '"'); !set)
    return set;
  if (const auto set = stage_.set_clock('"' + codec::to_text(late) + '"'); !set) return set;
  const std::chrono::seconds patience = stage_.cluster() != nullptr ? kClosingOfCluster : kClosing;
  const Clock::time_point start = Clock::now();
  while (Clock::now() < start + patience && !signals_.wait(kLook)) {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start).count();
    screen_.show_bar(words_.dice_title, 1, fmt::format(fmt::runtime(words_.dice_closing), waited));
    Result<load::HttpReply> reply = load::download(stage_.books().server, path_ + "/fairness/export", kPatience);
    if (!reply) return tl::unexpected(reply.error());
    if (reply->status == 200) {
      export_ = std::move(reply->body);
      return {};
    }
  }
  if (signals_.came()) return {};
  if (stage_.cluster() == nullptr) return fail(FailureCode::unavailable, "the lottery was not closed in time");
  return fail(FailureCode::unavailable,
              fmt::format("the lottery was not closed within {} s: that waits for a ledger that has every draw. A "
                          "listener's job look-at-ledger says how far it is; --dice-people makes the crowd smaller",
                          patience.count()));
}

Result<void> Dice::check_the_export() {
  const auto fairness = load::call_for_json(stage_.books().server, {.path = path_ + "/fairness"});
  if (!fairness) return tl::unexpected(fairness.error());
  fairness::ExportVerifier verifier(std::string(load::text_at(*fairness, {"commitment"})));
  std::string_view rest = export_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (!verifier.line(rest.substr(0, end))) break;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const fairness::Verdict verdict = verifier.finish();
  verdict_.wins = static_cast<std::int64_t>(verdict.wins);
  verdict_.second_chance = static_cast<std::int64_t>(verdict.second_wins);
  verdict_.shortfall = static_cast<std::int64_t>(verdict.shortfall);
  verdict_.draws = static_cast<std::int64_t>(verdict.draws);
  verdict_.problems = verdict.problems;
  screen_.keep();
  screen_.say(fmt::format(fmt::runtime(words_.dice_won), grouped(verdict_.wins), grouped(verdict_.second_chance),
                          grouped(verdict_.wins + verdict_.second_chance), grouped(verdict_.planned),
                          grouped(verdict_.shortfall)));
  screen_.say(fmt::format(fmt::runtime(verdict_.good() ? words_.dice_verified : words_.dice_wrong),
                          grouped(static_cast<std::int64_t>(verdict.lines)), grouped(verdict_.draws),
                          verdict.problems));
  return {};
}

}  // namespace

bool DiceVerdict::good() const {
  return problems == 0 && wins + second_chance + shortfall == planned && told <= wins && wins <= told + unknown &&
         answered <= draws && draws <= answered + unknown;
}

Result<DiceVerdict> play_dice(const DiceScript& script, Stage& stage, Screen& screen, Signals& signals,
                              const Words& words) {
  return Dice(script, stage, screen, signals, words).play();
}

}  // namespace windfall::demo

// The crowd of the demo: who comes when and wants what. Most earn their way over the three leads to promotion A; some
// skip one and are refused by the rule, some ask twice and are refused as repeats, the last find it sold out.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "app/load/audit.hpp"
#include "app/load/generator.hpp"

namespace windfall::demo {

/// Index 0 is the promotion that the others lead to.
inline constexpr std::uint32_t kMain = 0;
inline constexpr std::uint32_t kPromotions = 4;

/// All visits in the order they come; the same for the same seed.
[[nodiscard]] std::vector<load::Visit> plan_visits(std::uint32_t users, std::uint64_t seed);

/// Those who were told 503 of several servers, where that says nothing of what became of a request, and who come again
/// after a second. Not thread-safe.
class ComingAgain {
 public:
  using Clock = std::chrono::steady_clock;
  /// Nobody comes after that.
  explicit ComingAgain(Clock::time_point last) : last_(last) {}

  /// Whose time it is; of all who wait, once everybody else has come.
  std::optional<load::Visit> next(bool others_are_through);
  /// To be told of every answer. True if this one is the last, and it stays open whether one before it, of which 503
  /// was said, had been carried out.
  bool arrived(const load::Arrived& arrived);
  /// Path and user of those who have been told nothing but 503.
  [[nodiscard]] const std::set<std::pair<std::uint32_t, std::uint32_t>>& unanswered() const { return unanswered_; }

 private:
  Clock::time_point last_;
  std::deque<std::pair<Clock::time_point, load::Visit>> waiting_;  ///< and until when
  std::set<std::pair<std::uint32_t, std::uint32_t>> unanswered_;
};

/// What a person does who is told 503.
enum class WhenAway : std::uint8_t {
  gives_up,     ///< of one server: it has done nothing
  comes_again,  ///< of several
};

/// Drives the visits from a thread of its own.
class Crowd {
 public:
  /// `plan` as far as the crowd does not fill it: target, paths, headers, prefix, connections. The rate is such that
  /// all come within `seconds`, but for those who come again.
  Crowd(load::Plan plan, std::vector<load::Visit> visits, double seconds, WhenAway when_away = WhenAway::gives_up);
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd();

  [[nodiscard]] bool done() const { return done_; }
  /// Sends the rest of the crowd home.
  void stop() { stop_ = true; }
  /// How many answers were 503 so far, of one promotion.
  [[nodiscard]] std::int64_t away(std::size_t promotion) const { return away_.at(promotion); }
  /// Waits for the last answer. After that the other functions may be called.
  void join();

  [[nodiscard]] const load::Answers& answers() const { return answers_; }
  [[nodiscard]] const load::Report& report() const { return report_; }

 private:
  std::optional<load::Visit> next();
  void arrived(const load::Arrived& arrived);

  std::vector<load::Visit> visits_;
  std::size_t next_ = 0;
  std::optional<ComingAgain> again_;
  std::array<std::atomic<std::int64_t>, kPromotions> away_{};
  load::Answers answers_;
  load::Report report_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace windfall::demo

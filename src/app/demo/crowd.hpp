// The crowd of the demo: who comes when and wants what. Most earn their way over the three leads to promotion A; some
// skip one and are refused by the rule, some ask twice and are refused as repeats, the last find it sold out.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "app/load/audit.hpp"
#include "app/load/generator.hpp"

namespace windfall::demo {

/// Index 0 is the promotion that the others lead to.
inline constexpr std::uint32_t kMain = 0;
inline constexpr std::uint32_t kPromotions = 4;

/// All visits in the order they come; the same for the same seed.
[[nodiscard]] std::vector<load::Visit> plan_visits(std::uint32_t users, std::uint64_t seed);

/// Drives the visits from a thread of its own.
class Crowd {
 public:
  /// `plan` as far as the crowd does not fill it: target, paths, headers, prefix, connections. The rate is such that
  /// all come within `seconds`.
  Crowd(load::Plan plan, std::vector<load::Visit> visits, double seconds);
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd();

  [[nodiscard]] bool done() const { return done_; }
  /// Sends the rest of the crowd home.
  void stop() { stop_ = true; }
  /// Waits for the last answer. After that the other functions may be called.
  void join();

  [[nodiscard]] const load::Answers& answers() const { return answers_; }
  [[nodiscard]] const load::Report& report() const { return report_; }

 private:
  std::vector<load::Visit> visits_;
  std::size_t next_ = 0;
  load::Answers answers_;
  load::Report report_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace windfall::demo

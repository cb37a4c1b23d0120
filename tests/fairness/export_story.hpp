// A finished lottery, told as its export: made with the pure functions that draw, people included. Forgeries start from
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/codec/fairness_lines.hpp"
#include "domain/lottery/plan.hpp"

namespace windfall::fairness {

struct StoryTerms {
  std::uint64_t seed = 1;
  Lottery lottery;
  std::int32_t days = 3;
  std::uint32_t users = 400;
  std::uint32_t draws_per_segment = 40;
  std::uint32_t added_days = 0;     ///< the end was moved after activation
  std::uint32_t skipped_every = 0;  ///< every n-th segment is never opened; 0: none
  std::uint32_t paused_every = 0;   ///< every n-th segment has a pause; 0: none
  std::uint32_t voids_before = 0;   ///< before the close
  std::uint32_t voids_after = 0;    ///< of draws, after the second chance
  std::uint32_t second_voids = 0;
  bool second_chance = true;
};

struct Story {
  Plan plan;  ///< lines have views into it
  Seed seed;
  std::vector<codec::ExportLine> lines;

  Story() = default;
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  [[nodiscard]] std::string text() const;
};

/// Fills `story`.
void tell(Story& story, const StoryTerms& terms);

/// Three days, two prizes, carried items, a skipped and a paused segment, an added day, voids of every kind, a second
/// chance that leaves no shortfall but for the late voids.
[[nodiscard]] StoryTerms eventful();

}  // namespace windfall::fairness

// The definition of a promotion, as values; validated where it enters (adapters/codec), immutable afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/zone.hpp"
#include "domain/lottery/lottery.hpp"
#include "domain/promotion/join_types.hpp"

namespace windfall {

enum class Mode : std::uint8_t { live, test };

/// What an operator has decided; the dates decide the rest.
enum class Lifecycle : std::uint8_t { draft, open, paused, ended };

/// What a promotion is at a moment.
enum class Status : std::uint8_t { draft, scheduled, active, paused, ended };

/// What Windfall itself adds to a lottery's terms. A daily promotion has none of it but `ended`, and that only if it
/// was ended as a draft.
struct LotterySecrets {
  std::string sealed_seed;  ///< encrypted with a key outside the data directory; opaque here
  LocalDay plan_end;        ///< the last day that has prizes of its own; the end as it was when the promotion began
  std::optional<Instant> published;  ///< when it left the draft stage
  std::optional<Instant> ended;      ///< when an operator ended it, before its last day was over
  bool second_chance = false;        ///< that operator's wish for such an end
};

struct Promotion {
  std::string id;     ///< [A-Za-z0-9_-]{1,64}
  std::string title;  ///< 1..200 characters
  std::optional<std::string> content;
  std::optional<std::string> image_url;
  Amount reward_amount = 0;         ///< points per participation, 0..10^12; 0 for a lottery
  std::int64_t limit_join_count{};  ///< total stock, 1..10^12; 0 for a lottery
  std::optional<std::int64_t> daily_limit_join_count;
  LocalDay start;  ///< first day, inclusive
  LocalDay end;    ///< last day, inclusive
  std::string timezone;
  Lifecycle lifecycle = Lifecycle::open;
  Mode mode = Mode::live;
  std::vector<JoinType> join_types;
  std::optional<Lottery> lottery;  ///< tickets and draws take the place of joins
  LotterySecrets secrets;

  /// Days since the start; only for days within the period.
  [[nodiscard]] std::uint32_t day_index(LocalDay day) const {
    return static_cast<std::uint32_t>(day.days - start.days);
  }
};

/// Status by lifecycle and date; `paused_all` is the red button.
[[nodiscard]] Status status_at(const Promotion& promotion, LocalDay today, bool paused_all);

/// True if it has ever been published: to participants a draft does not exist, nor one that was ended as a draft.
[[nodiscard]] bool known_to_participants(const Promotion& promotion);

/// As written in the API: "ACTIVE", …
[[nodiscard]] const char* name_of(Status status);

/// A definition together with where it lives and what it was made from.
struct Definition {
  PartitionNo partition;
  Revision revision;
  Instant created;
  Instant modified;
  Promotion promotion;
  Zone zone;
};

}  // namespace windfall

// The definition of a promotion, as values; validated where it enters (adapters/codec), immutable afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/zone.hpp"
#include "domain/lottery/lottery.hpp"

namespace windfall {

// Who may join. All of a promotion's join types must hold, in the order listed; adding one is described in
// docs/architecture.md.

/// The user has joined this promotion fewer times than that.
struct DupLimit {
  std::int64_t limit = 1;
};
/// The user has joined those promotions at least once, ever.
struct Leading {
  std::vector<std::string> promotions;  ///< ids, 1..20
  enum class Match : std::uint8_t { all, any } match = Match::all;
};
/// The user has never joined any promotion.
struct FirstTime {};
/// The user has joined at least that many times over all promotions.
struct MinJoinCount {
  std::int64_t count = 1;
};
/// The caller's segments hold one of these.
struct InSegment {
  std::vector<std::string> segments;  ///< 1..20
};

using JoinType = std::variant<DupLimit, Leading, FirstTime, MinJoinCount, InSegment>;

/// As written in the API: "N_DUP_LIMIT", "LEADING", …
[[nodiscard]] const char* name_of(const JoinType& join_type);

enum class Mode : std::uint8_t { live, test };

/// What an operator has decided; the dates decide the rest.
enum class Lifecycle : std::uint8_t { draft, open, paused, ended };

/// What a promotion is at a moment.
enum class Status : std::uint8_t { draft, scheduled, active, paused, ended };

/// What Windfall itself adds to a lottery's terms.
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
  LotterySecrets secrets;          ///< of the lottery

  /// Days since the start; only for days within the period.
  [[nodiscard]] std::uint32_t day_index(LocalDay day) const {
    return static_cast<std::uint32_t>(day.days - start.days);
  }
};

/// Status by lifecycle and date; `paused_all` is the red button.
[[nodiscard]] Status status_at(const Promotion& promotion, LocalDay today, bool paused_all);

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

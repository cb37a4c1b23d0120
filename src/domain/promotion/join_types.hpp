// Who may join: one struct for each join type. All of a promotion's join types must hold, in the order listed; adding
// one is described in docs/architecture.md.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace windfall {

/// What a join type asks about the promotions beside its own; gathered before the proposal.
enum class AsksAbout : std::uint8_t {
  none,
  named,      ///< those in its member `promotions`
  everything  ///< all of them
};

/// The user has joined this promotion fewer times than that.
struct DupLimit {
  static constexpr const char* kName = "N_DUP_LIMIT";
  static constexpr AsksAbout kAsks = AsksAbout::none;
  std::int64_t limit = 1;
};
/// The user has joined those promotions at least once, ever.
struct Leading {
  static constexpr const char* kName = "LEADING";
  static constexpr AsksAbout kAsks = AsksAbout::named;
  std::vector<std::string> promotions;  ///< ids, 1..20
  enum class Match : std::uint8_t { all, any } match = Match::all;
};
/// The user has never joined any promotion.
struct FirstTime {
  static constexpr const char* kName = "FIRST_TIME";
  static constexpr AsksAbout kAsks = AsksAbout::everything;
};
/// The user has joined at least that many times over all promotions.
struct MinJoinCount {
  static constexpr const char* kName = "MIN_JOIN_COUNT";
  static constexpr AsksAbout kAsks = AsksAbout::everything;
  std::int64_t count = 1;
};
/// The caller's segments hold one of these.
struct InSegment {
  static constexpr const char* kName = "SEGMENT";
  static constexpr AsksAbout kAsks = AsksAbout::none;
  std::vector<std::string> segments;  ///< 1..20
};

using JoinType = std::variant<DupLimit, Leading, FirstTime, MinJoinCount, InSegment>;

/// As written in the API: "N_DUP_LIMIT", "LEADING", …
[[nodiscard]] inline const char* name_of(const JoinType& join_type) {
  return std::visit([](const auto& type) { return type.kName; }, join_type);
}

[[nodiscard]] inline AsksAbout asks_about(const JoinType& join_type) {
  return std::visit([](const auto& type) { return type.kAsks; }, join_type);
}

}  // namespace windfall

// Test data for the domain: each builder gives something valid, the test changes the one thing it is about.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "domain/kernel/state.hpp"
#include "domain/promotion/join.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall::test {

inline constexpr std::int64_t kHour = 3'600'000;
inline constexpr std::int64_t kDay = 24 * kHour;
/// 2025-06-20, the first day of the promotion below.
inline constexpr LocalDay kFirst{20'259};
/// Noon of that day in Seoul.
inline constexpr Instant kNoon{(20'259 * kDay) + (3 * kHour)};
inline constexpr PartitionNo kFirstPartition{1};

constexpr Instant later(Instant at, std::int64_t ms) { return Instant{at.ms + ms}; }

/// splitmix64: well spread, the same with every compiler.
constexpr std::uint64_t spread(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// A user reference as a keyed hash would give it.
constexpr UserRef user(std::uint64_t n) { return {.hi = spread(2 * n), .lo = spread((2 * n) + 1)}; }
constexpr Command command(std::uint64_t n) {
  return {.hash = {.hi = spread(n ^ 0xc0), .lo = spread(n ^ 0xc1)}, .fingerprint = n};
}

inline Zone seoul() {
  return {.name = "Asia/Seoul", .transitions = {{.from = kBeginningOfTime, .offset_seconds = 9 * 3600}}};
}

/// Ten days from kFirst on, 500 points each, 50 in all, no rule.
inline Promotion promotion() {
  Promotion p;
  p.id = "1";
  p.title = "프로모션 A";
  p.reward_amount = 500;
  p.limit_join_count = 50;
  p.start = kFirst;
  p.end = LocalDay{kFirst.days + 9};
  p.timezone = "Asia/Seoul";
  return p;
}

inline Definition definition(Promotion of = promotion(), PartitionNo partition = kFirstPartition) {
  return {.partition = partition,
          .revision = Revision{1},
          .created = kNoon,
          .modified = kNoon,
          .promotion = std::move(of),
          .zone = seoul()};
}

inline Participated participated(UserRef who, std::uint32_t day_index = 0, Amount amount = 500) {
  return {.user = who,
          .day = LocalDay{kFirst.days + static_cast<std::int32_t>(day_index)},
          .day_index = day_index,
          .amount = amount,
          .test = false};
}

/// A proposal with one event, right for a partition whose definition has revision 1.
inline Proposal proposal(Event event, PartitionNo partition = kFirstPartition) {
  Proposal p;
  p.partition = partition;
  p.revision = partition == kSystemPartition ? Revision{0} : Revision{1};
  p.events.push_back(std::move(event));
  return p;
}

inline Proposal creation(PartitionNo partition = kFirstPartition, std::string id = "1") {
  Proposal p = proposal(DefinitionChanged{.id = std::move(id), .definition = "first", .audit = {}}, partition);
  p.revision = Revision{0};
  return p;
}

/// A state with one promotion's partition, created at kNoon.
inline State state_with_partition() {
  State state;
  (void)state.commit(creation(), kNoon);
  state.forget_undo();
  return state;
}

inline bool is_accepted(const Verdict& verdict) { return std::holds_alternative<Accepted>(verdict); }

inline CounterKey counter(std::uint8_t kind, std::int32_t index = 0, UserRef who = {}) {
  return {.partition = kFirstPartition, .kind = kind, .index = index, .user = who};
}
inline SetKey days_of(UserRef who, PartitionNo partition = kFirstPartition) {
  return keys::joined_days(partition, who);
}

/// The log entry that a commit of a one-event proposal leaves.
inline Recorded recorded(const Proposal& of, const Accepted& accepted) {
  return {.partition = of.partition,
          .epoch = accepted.assignment.epoch,
          .sequence = accepted.assignment.sequence,
          .time = accepted.assignment.time,
          .revision = of.revision,
          .command = of.command,
          .event = of.events.front()};
}

}  // namespace windfall::test

// The counts of effects by promotion and state, kept beside the rows so that totals need no scan. Changes are gathered
// and written once per transaction.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "adapters/sqlite/database.hpp"

namespace windfall::sqlite {

/// As stored; the order is part of the schema.
enum class EffectState : std::uint8_t { pending, sending, unknown, done, dead };
inline constexpr std::size_t kEffectStates = 5;

[[nodiscard]] constexpr const char* name_of(EffectState state) {
  constexpr std::array<const char*, kEffectStates> kNames{"PENDING", "SENDING", "UNKNOWN", "DONE", "DEAD"};
  return kNames[static_cast<std::size_t>(state)];
}

class EffectCounts {
 public:
  void made(std::int64_t partition, EffectState state) { ++changes_[partition][static_cast<std::size_t>(state)]; }
  void moved(std::int64_t partition, EffectState from, EffectState to) {
    --changes_[partition][static_cast<std::size_t>(from)];
    ++changes_[partition][static_cast<std::size_t>(to)];
  }
  /// Within the transaction that changed the rows.
  void write(Connection& connection) const {
    Statement& add = connection(
        "insert into effect_count (partition, state, count) values (?, ?, ?) "
        "on conflict (partition, state) do update set count = count + excluded.count");
    for (const auto& [partition, by_state] : changes_) {
      for (std::size_t state = 0; state < kEffectStates; ++state) {
        if (by_state[state] != 0) add.run(partition, state, by_state[state]);
      }
    }
  }

 private:
  std::map<std::int64_t, std::array<std::int64_t, kEffectStates>> changes_;
};

}  // namespace windfall::sqlite

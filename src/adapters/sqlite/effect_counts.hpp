// The counts of effects by promotion and state, kept beside the rows so that totals need no scan. Changes are gathered
// and written once per transaction.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "adapters/sqlite/database.hpp"
#include "application/port/effects.hpp"

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
  void made(std::int64_t partition, EffectKind kind, EffectState state) { add(partition, kind, state, 1); }
  void moved(std::int64_t partition, EffectKind kind, EffectState from, EffectState to) {
    add(partition, kind, from, -1);
    add(partition, kind, to, 1);
  }
  /// Within the transaction that changed the rows.
  void write(Connection& connection) const {
    write(all_, connection("insert into effect_count (partition, state, count) values (?, ?, ?) "
                           "on conflict (partition, state) do update set count = count + excluded.count"));
    write(notifications_, connection("insert into notification_count (partition, state, count) values (?, ?, ?) "
                                     "on conflict (partition, state) do update set count = count + excluded.count"));
  }

 private:
  using Changes = std::map<std::int64_t, std::array<std::int64_t, kEffectStates>>;

  void add(std::int64_t partition, EffectKind kind, EffectState state, std::int64_t count) {
    all_[partition][static_cast<std::size_t>(state)] += count;
    if (kind != EffectKind::accrual) notifications_[partition][static_cast<std::size_t>(state)] += count;
  }
  static void write(const Changes& changes, Statement& statement) {
    for (const auto& [partition, by_state] : changes) {
      for (std::size_t state = 0; state < kEffectStates; ++state) {
        if (by_state[state] != 0) statement.run(partition, state, by_state[state]);
      }
    }
  }

  Changes all_;
  Changes notifications_;
};

}  // namespace windfall::sqlite

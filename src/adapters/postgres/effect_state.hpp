// The states of an effect as they are stored, and the counts of effects by promotion and state that are kept beside the
// rows, so that totals need no scan. Changes are gathered and written once, last in their transaction: these rows are
// what processes that send effects share, and nobody should hold them for long.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "adapters/postgres/database.hpp"
#include "application/port/effects.hpp"

namespace windfall::postgres {

/// The order is part of the schema.
enum class EffectState : std::uint8_t { pending, sending, unknown, done, dead };
inline constexpr std::size_t kEffectStates = 5;

[[nodiscard]] constexpr const char* name_of(EffectState state) {
  constexpr std::array<const char*, kEffectStates> kNames{"PENDING", "SENDING", "UNKNOWN", "DONE", "DEAD"};
  return kNames[static_cast<std::size_t>(state)];
}

class EffectCounts {
 public:
  void made(std::int64_t partition, EffectKind kind, EffectState state) { add(partition, kind, state, 1); }
  void moved(std::int64_t partition, EffectKind kind, EffectState from, EffectState to, std::int64_t count = 1) {
    add(partition, kind, from, -count);
    add(partition, kind, to, count);
  }
  /// Within the transaction that changed the rows. In order of the key, as everybody does it: nobody waits in a circle.
  void write(Connection& db) const {
    write(all_, db,
          "insert into effect_count as c (partition, state, count) select * from unnest($1::bigint[], $2::bigint[], "
          "$3::bigint[]) on conflict (partition, state) do update set count = c.count + excluded.count");
    write(notifications_, db,
          "insert into notification_count as c (partition, state, count) select * from unnest($1::bigint[], "
          "$2::bigint[], $3::bigint[]) on conflict (partition, state) do update set count = c.count + excluded.count");
  }

 private:
  using Changes = std::map<std::int64_t, std::array<std::int64_t, kEffectStates>>;

  void add(std::int64_t partition, EffectKind kind, EffectState state, std::int64_t count) {
    all_[partition][static_cast<std::size_t>(state)] += count;
    if (kind != EffectKind::accrual) notifications_[partition][static_cast<std::size_t>(state)] += count;
  }
  static void write(const Changes& changes, Connection& db, const char* sql) {
    Array partitions = Array::of_integers();
    Array states = Array::of_integers();
    Array counts = Array::of_integers();
    for (const auto& [partition, by_state] : changes) {
      for (std::size_t state = 0; state < kEffectStates; ++state) {
        if (by_state[state] == 0) continue;
        partitions.add(partition);
        states.add(static_cast<std::int64_t>(state));
        counts.add(by_state[state]);
      }
    }
    if (!partitions.empty()) db.run(sql, partitions, states, counts);
  }

  Changes all_;
  Changes notifications_;
};

}  // namespace windfall::postgres

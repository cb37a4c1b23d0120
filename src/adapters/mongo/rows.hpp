// What the projection reads and changes, as structs, and the documents that they are kept as.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "adapters/mongo/bson.hpp"
#include "application/port/effects.hpp"
#include "domain/kernel/event.hpp"
#include "domain/lottery/deck.hpp"

namespace windfall::mongo {

/// The last numbers that were given out, and how far each partition was read.
struct Progress {
  std::int64_t batch = 0;     ///< number of the last one that is there, whole
  std::int64_t position = 0;  ///< events applied
  std::int64_t ordinal = 0;   ///< of the last participation
  std::int64_t entry = 0;     ///< seq of the last row of tickets and draws
  std::int64_t audit = 0;     ///< seq of the last audit row
  std::int64_t finding = 0;
  std::int64_t erasures = 0;  ///< persons erased so far: a process that knows of fewer forgets whom it knows
  std::string chain;          ///< of the last audit row
  bool paused_all = false;
  std::map<std::uint32_t, std::pair<Epoch, Sequence>> places;

  [[nodiscard]] std::pair<Epoch, Sequence> place(PartitionNo partition) const;
};
[[nodiscard]] Progress progress_of(const View& view);
/// All but places and batch.
[[nodiscard]] Document numbers_of(const Progress& progress);
[[nodiscard]] Document place_of(Epoch epoch, Sequence sequence);

/// The ledger's own count of a promotion, so that totals need no scan.
struct Total {
  std::int64_t participations = 0;
  Amount spent = 0;
  bool operator==(const Total&) const = default;
};
[[nodiscard]] Total total_of(const View& view);
[[nodiscard]] Document members_of(const Total& total);

struct LotteryTotal {
  std::array<std::int64_t, kGrantCauses> granted{};
  std::int64_t revoked = 0;
  std::int64_t drawn = 0;
  std::int64_t won = 0;
  std::int64_t second_won = 0;
  std::int64_t voided = 0;
  std::int64_t accruals = 0;
  bool second_begun = false;
  bool operator==(const LotteryTotal&) const = default;
};
[[nodiscard]] LotteryTotal lottery_total_of(const View& view);
[[nodiscard]] Document members_of(const LotteryTotal& total);

/// A draw or a win of the second chance, and the coupon that it may have become.
struct Draw {
  struct Won {
    std::uint32_t prize = 0;
    std::uint32_t item = 0;
    LocalDay day;
    EffectId event{};
    std::optional<EffectId> effect;  ///< the accrual
    std::int64_t voided = 0;         ///< 1: before the second chance, which gives it out again; 2: later
  };
  struct Coupon {
    std::uint32_t issue = 0;
    std::optional<std::int64_t> ordinal;  ///< of the code; nullopt: none is assigned
    std::optional<Instant> issued_at;
    std::optional<Instant> used_at;
    std::optional<Instant> expires_at;
  };
  std::int64_t seq = 0;
  PartitionNo partition;
  std::string promotion_id;
  Epoch epoch;
  Sequence sequence;
  UserRef user;
  WinPlace place;
  Instant at;
  bool test = false;
  std::optional<Won> won;
  std::optional<Coupon> coupon;
};
[[nodiscard]] Draw draw_of(const View& view);
[[nodiscard]] Document members_of(const Draw& draw);
/// Its key: what must not be drawn twice.
[[nodiscard]] std::string key_of(PartitionNo partition, const WinPlace& place);
[[nodiscard]] std::string key_of(PartitionNo partition, std::uint64_t number);

/// The promotion as the log has it. Its document carries more, which others write.
struct PromotionNow {
  std::string id;
  Revision revision;
  std::string definition;
};
[[nodiscard]] PromotionNow promotion_of(const View& view);

}  // namespace windfall::mongo

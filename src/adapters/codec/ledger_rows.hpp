// What a ledger keeps of lotteries, row by row as it stands there, whichever database it is in: for whoever compares it
// with the log. Nothing here is trusted: a reference that leads nowhere is none, and numbers are as wide as columns.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "adapters/codec/encoding.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/ids.hpp"

namespace windfall::codec {

/// Tickets granted or taken away.
struct LedgerTicket {
  std::int64_t seq = 0;  ///< tickets and draws are numbered through
  PartitionNo partition;
  std::optional<UserRef> user;
  std::int64_t cause = 0;
  std::int64_t tickets = 0;
  Instant at;
  std::optional<UserRef> other;
  std::optional<std::string> reason;
};

struct LedgerDraw {
  /// The coupon that names this draw, and what of it follows from the draw alone.
  struct Coupon {
    PartitionNo partition;
    std::int64_t prize = 0;
    bool voided = false;
    std::optional<Instant> expires_at;
  };

  std::int64_t seq = 0;
  PartitionNo partition;
  Epoch epoch;
  Sequence sequence;
  std::optional<UserRef> user;
  WinPlace place;
  Instant at;
  bool test = false;
  std::optional<std::int64_t> prize;
  std::optional<std::int64_t> item;
  std::optional<LocalDay> day;
  std::optional<Uuid> event_id;
  std::optional<Uuid> effect;
  std::int64_t voided = 0;
  std::optional<Coupon> coupon;
};

/// What became of a coupon.
struct LedgerCoupon {
  std::int64_t draw = 0;        ///< LedgerDraw::seq
  PartitionNo partition;        ///< of that draw
  std::optional<WinPlace> win;  ///< none: there is no such draw
  std::int64_t issue = 0;
  std::optional<std::int64_t> ordinal;
  std::optional<Instant> issued_at;
  std::optional<Instant> used_at;
};

/// Of a lottery, not of a participation.
struct LedgerEffect {
  std::int64_t no = 0;
  Uuid id{};
  PartitionNo partition;
  std::optional<UserRef> user;
  std::int64_t amount = 0;
  Instant occurred_at;
  std::int64_t state = 0;
  std::int64_t kind = 0;
  std::optional<std::int64_t> prize;
};

struct LedgerSegment {
  PartitionNo partition;
  std::uint32_t segment = 0;
  Instant at;
  std::int64_t previous = 0;
  std::int64_t quota = 0;
  std::int64_t length = 0;
  std::int64_t first_item = 0;
  bool paused = false;
  bool operator==(const LedgerSegment&) const = default;
};

/// The ledger's own count of a lottery.
struct LedgerLotteryTotal {
  PartitionNo partition;
  std::array<std::int64_t, kGrantCauses> granted{};
  std::int64_t revoked = 0;
  std::int64_t drawn = 0;
  std::int64_t won = 0;
  std::int64_t second_won = 0;
  std::int64_t voided = 0;
  std::int64_t accruals = 0;
  bool second_begun = false;
  bool operator==(const LedgerLotteryTotal&) const = default;
};

/// An event that came in asynchronously and granted nothing.
struct LedgerRejection {
  Uuid id{};
  Instant at;
  UserRef user;
  bool dropped = false;
  std::string reason;
  PartitionNo partition;
  bool operator==(const LedgerRejection&) const = default;
};

}  // namespace windfall::codec

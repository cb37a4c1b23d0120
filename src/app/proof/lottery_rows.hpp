// The rows of lotteries as the second walk over the log meets them, whichever database keeps them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "adapters/codec/ledger_rows.hpp"

namespace windfall::proof {

class LotteryRows {
 public:
  LotteryRows() = default;
  LotteryRows(const LotteryRows&) = delete;
  LotteryRows& operator=(const LotteryRows&) = delete;
  virtual ~LotteryRows() = default;

  /// How rows stand, and so which event one belongs to.
  enum class Order : std::uint8_t {
    numbered,  ///< all lotteries in the order of decision: `seq` counts tickets and draws of the log
    by_place,  ///< one lottery alone, tickets by their times and draws by their sequences; `seq` only ascends
  };
  [[nodiscard]] virtual Order order() const = 0;
  /// What stands before the name of a row in a finding.
  [[nodiscard]] virtual std::string_view ledger() const = 0;

  // The next row of each kind, nullopt behind the last.
  virtual std::optional<codec::LedgerTicket> next_ticket() = 0;
  virtual std::optional<codec::LedgerDraw> next_draw() = 0;
  virtual std::optional<codec::LedgerEffect> next_effect() = 0;
  virtual std::optional<codec::LedgerCoupon> next_coupon() = 0;

  /// Whether the effect stands behind that number.
  virtual bool stands_later(const codec::Uuid& effect, std::int64_t no) = 0;
  virtual std::vector<codec::LedgerSegment> segments() = 0;
  virtual std::vector<codec::LedgerLotteryTotal> totals() = 0;

  struct Rejections {
    std::vector<codec::LedgerRejection> rows;
    Instant kept_since;
  };
  /// nullopt: they come from elsewhere than the log.
  virtual std::optional<Rejections> rejections() = 0;
};

}  // namespace windfall::proof

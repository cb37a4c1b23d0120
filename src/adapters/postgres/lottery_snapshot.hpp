// What the ledger keeps of one lottery, within the moment of a LedgerSnapshot and page by page, so that millions of
// draws are compared without being held: tickets by their times, draws by their sequences, effects by their numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "adapters/codec/ledger_rows.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::postgres {

class Connection;

/// One at a time on a connection. Failures: unavailable.
class LotterySnapshot {
 public:
  /// Throws SqlError. In a transaction, which outlives it, as the connection does.
  LotterySnapshot(Connection& db, PartitionNo partition);
  LotterySnapshot(const LotterySnapshot&) = delete;
  LotterySnapshot& operator=(const LotterySnapshot&) = delete;
  ~LotterySnapshot();

  // The next rows of each kind; none: those before were the last.
  Result<std::vector<codec::LedgerTicket>> tickets();
  Result<std::vector<codec::LedgerDraw>> draws();
  Result<std::vector<codec::LedgerEffect>> effects();
  Result<std::vector<codec::LedgerCoupon>> coupons();

  /// Whether the effect stands behind that number.
  Result<bool> stands_later(const codec::Uuid& effect, std::int64_t no);
  Result<std::vector<codec::LedgerSegment>> segments();
  Result<std::optional<codec::LedgerLotteryTotal>> total();

 private:
  Connection& db_;
  const PartitionNo partition_;
};

}  // namespace windfall::postgres

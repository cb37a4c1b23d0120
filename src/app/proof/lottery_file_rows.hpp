// The rows of lotteries in ledger.db.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "app/proof/ledger_file.hpp"
#include "app/proof/lottery_rows.hpp"

namespace windfall::proof {

class LotteryFileRows final : public LotteryRows {
 public:
  /// Throws sqlite::SqlError, like every method here.
  explicit LotteryFileRows(LedgerFile& file);

  [[nodiscard]] Order order() const override { return Order::numbered; }
  [[nodiscard]] std::string_view ledger() const override { return "ledger.db, "; }
  std::optional<codec::LedgerTicket> next_ticket() override;
  std::optional<codec::LedgerDraw> next_draw() override;
  std::optional<codec::LedgerEffect> next_effect() override;
  std::optional<codec::LedgerCoupon> next_coupon() override;
  bool stands_later(const codec::Uuid& effect, std::int64_t no) override;
  std::vector<codec::LedgerSegment> segments() override;
  std::vector<codec::LedgerLotteryTotal> totals() override;
  std::optional<Rejections> rejections() override;

 private:
  LedgerFile& file_;
  sqlite::Rows tickets_;
  sqlite::Rows draws_;
  sqlite::Rows effects_;
  sqlite::Rows coupons_;
};

}  // namespace windfall::proof

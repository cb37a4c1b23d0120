// The rows of one lottery of an installation of several machines, for the checks that a ledger in a file has, too.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/postgres/lottery_snapshot.hpp"
#include "app/proof/lottery_rows.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::app {

class LotterySnapshotRows final : public proof::LotteryRows {
 public:
  explicit LotterySnapshotRows(postgres::LotterySnapshot& lottery) : lottery_(lottery) {}

  /// Why there are no more rows, if not because they are over. What was found since means nothing then.
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }

  [[nodiscard]] Order order() const override { return Order::by_place; }
  [[nodiscard]] std::string_view ledger() const override { return ""; }
  std::optional<codec::LedgerTicket> next_ticket() override {
    return tickets_.next([this] { return got(lottery_.tickets()); });
  }
  std::optional<codec::LedgerDraw> next_draw() override {
    return draws_.next([this] { return got(lottery_.draws()); });
  }
  std::optional<codec::LedgerEffect> next_effect() override {
    return effects_.next([this] { return got(lottery_.effects()); });
  }
  std::optional<codec::LedgerCoupon> next_coupon() override {
    return coupons_.next([this] { return got(lottery_.coupons()); });
  }
  bool stands_later(const codec::Uuid& effect, std::int64_t no) override {
    return got(lottery_.stands_later(effect, no));
  }
  std::vector<codec::LedgerSegment> segments() override { return got(lottery_.segments()); }
  std::vector<codec::LedgerLotteryTotal> totals() override {
    const std::optional<codec::LedgerLotteryTotal> total = got(lottery_.total());
    return total ? std::vector{*total} : std::vector<codec::LedgerLotteryTotal>{};
  }
  /// They come from the topic of asynchronous events.
  std::optional<Rejections> rejections() override { return std::nullopt; }

 private:
  template <class Row>
  class Pages {
   public:
    template <class Fetch>
    std::optional<Row> next(Fetch fetch) {
      if (at_ == page_.size() && !over_) {
        page_ = fetch();
        at_ = 0;
        over_ = page_.empty();
      }
      if (at_ == page_.size()) return std::nullopt;
      return std::move(page_[at_++]);
    }

   private:
    std::vector<Row> page_;
    std::size_t at_ = 0;
    bool over_ = false;
  };

  template <class T>
  T got(Result<T> result) {
    if (result) return std::move(*result);
    if (!failure_) failure_ = result.error();
    return T{};
  }

  postgres::LotterySnapshot& lottery_;
  std::optional<Failure> failure_;
  Pages<codec::LedgerTicket> tickets_;
  Pages<codec::LedgerDraw> draws_;
  Pages<codec::LedgerEffect> effects_;
  Pages<codec::LedgerCoupon> coupons_;
};

}  // namespace windfall::app

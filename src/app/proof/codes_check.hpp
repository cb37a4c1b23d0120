// I9, of codes: each belongs to at most one win, a win has one at a time, and what was given out, burned and left adds
// up to what was imported. Judged from the events alone, with counts of its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "app/proof/report.hpp"
#include "domain/kernel/event.hpp"

namespace windfall::proof {

class CodesCheck {
 public:
  explicit CodesCheck(Report& report) : report_(report) {}

  /// Every event, in the order of the journal.
  void take(std::uint64_t frame, const Recorded& recorded);

  struct Supply {
    std::int64_t imported = 0;
    std::int64_t given = 0;  ///< burned ones included: the next ordinal
  };
  /// Of every prize that codes were imported for or given of, by partition and prize.
  [[nodiscard]] const std::map<std::pair<std::uint32_t, std::uint32_t>, Supply>& supplies() const { return supplies_; }

 private:
  struct Coupon {
    std::uint32_t codes = 0;
    std::uint32_t reissues = 0;
    bool used = false;
    bool voided = false;
  };
  void assigned(const Place& place, const Recorded& recorded, const CodeAssigned& event);
  void reissued(const Place& place, PartitionNo partition, const CouponReissued& event);
  Coupon& coupon(PartitionNo partition, const WinPlace& win) { return coupons_[{partition.value, win}]; }

  Report& report_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Supply> supplies_;  ///< by partition and prize
  std::map<std::pair<std::uint32_t, WinPlace>, Coupon> coupons_;
};

}  // namespace windfall::proof

// The ports around a lottery's codes, in memory: what tests put into them comes out, and nothing has to be waited for.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "application/port/blocking.hpp"
#include "application/port/code_vault.hpp"
#include "application/port/effects.hpp"
#include "application/port/high_water.hpp"
#include "application/port/lottery_ledger.hpp"

namespace windfall::test {

class DoneAtOnce final : public Blocking {
 public:
  void submit(std::function<void()> work, std::function<void()> done) override {
    work();
    done();
  }
};

/// Codes stand under the prize's id, as in every vault.
class MemoryVault final : public CodeVault {
 public:
  Result<Import> begin_import(const PrizeOfCodes& prize, std::uint64_t imported) override {
    codes[prize].resize(imported);
    running_ = prize;
    first_ = imported;
    return Import{1};
  }
  Result<std::vector<std::uint64_t>> append(Import, std::span<const CodeLine> lines) override {
    for (const CodeLine& line : lines) codes[running_].emplace_back(line.code);
    return std::vector<std::uint64_t>{};
  }
  Result<std::uint64_t> finish_import(Import) override { return codes[running_].size() - first_; }
  Result<bool> end_import(Import, std::uint64_t imported) override {
    committed = imported;
    return true;
  }
  Result<std::string> read(const PrizeOfCodes& prize, std::uint64_t ordinal) override {
    const auto found = codes.find(prize);
    if (found == codes.end() || ordinal >= found->second.size()) return fail(FailureCode::not_found, "no such code");
    return found->second[ordinal];
  }
  Result<std::vector<Counts>> counts(std::string_view) override { return std::vector<Counts>{}; }
  Result<Resealed> reseal(std::size_t) override { return Resealed{}; }
  Result<bool> rewind(const PrizeOfCodes&, std::uint64_t) override { return true; }

  std::map<PrizeOfCodes, std::vector<std::string>> codes;
  std::optional<std::uint64_t> committed;  ///< as end_import() was told last

 private:
  PrizeOfCodes running_;
  std::uint64_t first_ = 0;
};

/// Every code may be given out.
class AllCovered final : public HighWater {
 public:
  [[nodiscard]] bool covers(const PrizeOfCodes&, std::uint64_t) override { return true; }
  Result<bool> raise(const PrizeOfCodes&, std::uint64_t) override { return true; }
  [[nodiscard]] std::vector<Mark> marks() override { return {}; }
};

class MemoryLotteryLedger final : public LotteryLedger {
 public:
  Result<std::vector<TicketEntry>> tickets(const Page&) override { return std::vector<TicketEntry>{}; }
  Result<std::vector<DrawRow>> draws(const Page&) override { return std::vector<DrawRow>{}; }
  Result<std::vector<DrawRow>> winners(const LatestPage&) override { return std::vector<DrawRow>{}; }
  Result<std::vector<CouponRow>> coupons(const Page&) override { return coupon_rows; }
  Result<std::optional<DrawRow>> draw_of(const EffectId&) override {
    return coupon_rows.empty() ? std::nullopt : std::optional(coupon_rows.front().draw);
  }
  Result<std::optional<CouponRow>> coupon_of(const EffectId&) override {
    return coupon_rows.empty() ? std::nullopt : std::optional(coupon_rows.front());
  }
  Result<std::vector<CouponRow>> pending_coupons(PartitionNo, std::uint32_t, int) override { return pending; }
  Result<std::vector<UserRef>> second_chance_pool(PartitionNo, std::int64_t) override { return std::vector<UserRef>{}; }
  Result<std::vector<std::uint32_t>> voided_items(PartitionNo) override { return std::vector<std::uint32_t>{}; }
  Result<LotteryTotals> lottery_totals(PartitionNo) override { return LotteryTotals{}; }
  Result<std::vector<DailyWins>> wins_by_day(PartitionNo) override {
    ++wins_asked;
    return wins;
  }
  Result<std::vector<SegmentRow>> segments(PartitionNo) override { return std::vector<SegmentRow>{}; }
  Result<bool> each_draw(PartitionNo, const std::function<bool(const DrawRow&)>&) override { return true; }
  Result<bool> cancel_effect(const EffectId&) override { return true; }

  std::vector<CouponRow> coupon_rows;
  std::vector<CouponRow> pending;
  std::vector<DailyWins> wins;
  int wins_asked = 0;
};

/// Remembers what was given back to be tried.
class MemoryEffects final : public Effects {
 public:
  Result<std::vector<DueEffect>> take_due(PartnerEndpoint, Instant, int) override { return std::vector<DueEffect>{}; }
  Result<Instant> next_due(PartnerEndpoint) override { return kEndOfTime; }
  Result<bool> retry_later(const std::vector<Retry>& retries) override {
    given_back.insert(given_back.end(), retries.begin(), retries.end());
    return true;
  }
  Result<std::int64_t> recover() override { return 0; }
  Result<Gauges> gauges() override { return Gauges{}; }
  Result<std::vector<DeadLetter>> dead_letters(std::int64_t, int) override { return std::vector<DeadLetter>{}; }
  Result<std::optional<DeadLetter>> dead_letter(std::int64_t) override { return std::optional<DeadLetter>{}; }
  Result<bool> open_for(UserRef) override { return false; }

  std::vector<Retry> given_back;
};

}  // namespace windfall::test

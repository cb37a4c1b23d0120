// Coupons get their codes: whenever wins were projected or codes imported, those that wait are served, oldest win
// first, as far as codes go.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "application/port/blocking.hpp"
#include "application/port/high_water.hpp"
#include "application/port/lottery_ledger.hpp"
#include "application/port/promotion_store.hpp"
#include "application/port/timer.hpp"
#include "domain/lottery/coupons.hpp"

namespace windfall {

/// How many codes may be given out now: those that were imported, as far as the marks outside of the data cover them.
class CodeSupply {
 public:
  CodeSupply(PromotionStore& store, HighWater& marks, Blocking& blocking)
      : store_(store), marks_(marks), blocking_(blocking) {}

  /// Every ordinal below it may be given out; at most `wanted` of them are not given out yet. Raises the mark first
  /// where it has to: a code that is given before its mark is safe could be given again after a restore.
  Task<Result<std::int64_t>> limit(DefinitionPtr definition, std::uint32_t prize, std::int64_t wanted);
  /// Of each prize of a lottery: codes that were imported and not given out; never below zero. Failures: of read().
  Task<Result<std::vector<std::int64_t>>> left(DefinitionPtr definition);

 private:
  PromotionStore& store_;
  HighWater& marks_;
  Blocking& blocking_;
};

/// How the codes of a prize stand.
struct CodeLevel {
  std::string promotion_id;
  std::string prize_id;
  std::int64_t left = 0;
  std::int64_t outstanding = 0;  ///< prizes that may still be won, each of which will ask for a code
  std::int64_t waiting = 0;      ///< coupons without a code, as of the last look; kWave means at least that many
  /// Less than a tenth of what is still to be given out: an import takes an operator some hours to arrange.
  [[nodiscard]] bool low() const { return waiting > 0 || left * 10 < outstanding; }
};
/// Whether to say that a prize is low, given the levels of the look before: when that begins, and again when somebody
/// begins to wait.
[[nodiscard]] bool newly_low(const CodeLevel& level, std::span<const CodeLevel> before);

class AssignCodes {
 public:
  struct Ports {
    PromotionStore& store;
    LotteryLedger& ledger;
    Blocking& reads;
    CodeSupply& supply;
    Timer& timer;
    std::function<Task<bool>(PartitionNo)> caught_up;     ///< the ledger has seen everything decided there so far
    std::function<void(const std::string& why)> trouble;  ///< tried again after kRetryMs
  };
  explicit AssignCodes(Ports ports) : ports_(std::move(ports)) {}
  AssignCodes(const AssignCodes&) = delete;
  AssignCodes& operator=(const AssignCodes&) = delete;

  /// Wins were projected, or codes imported: looks who waits.
  void poke();
  void stop() { stopped_ = true; }
  [[nodiscard]] bool running() const { return running_; }
  /// Of every prize that needs codes and may still be won or waits for some. Asks the ledger who waits, and what was
  /// won: codes that were given out say nothing about it, since some are burned and some given again.
  Task<Result<std::vector<CodeLevel>>> levels();

  /// Codes given in one go: their commits share a sync.
  static constexpr int kWave = 256;
  static constexpr std::int64_t kRetryMs = 1000;
  /// The ledger counts wins by walking over all of a lottery: the more there are, the fewer looks ask for it, so that a
  /// look costs no more than this many. An import takes hours to arrange; a count may be some minutes old.
  static constexpr std::int64_t kWinsPerLook = 10'000;

 private:
  struct Wave {
    std::size_t open = 0;
    bool none_left = false;
    Result<bool> outcome = true;
    Completion<bool> done;
  };
  /// Wins of a lottery that stand, by prize.
  struct Standing {
    std::vector<std::int64_t> wins;
    std::int64_t good_for = 0;  ///< looks that need not ask again
  };
  Task<Result<std::vector<std::int64_t>>> standing_wins(DefinitionPtr definition);
  Task<void> run();
  /// False if it has to go on later: the ledger does not follow.
  Task<Result<bool>> serve(DefinitionPtr definition, std::uint32_t prize);
  Detached give(DefinitionPtr definition, CouponFacts coupon, std::int64_t limit, Wave* wave);

  Ports ports_;
  std::map<std::uint32_t, Standing> standing_;  ///< by partition
  bool running_ = false;
  bool again_ = false;
  bool stopped_ = false;
};

}  // namespace windfall

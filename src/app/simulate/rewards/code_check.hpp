// I9 of a simulation: which code went to which win, by a bookkeeping of its own on what was recorded. It shares nothing
// with the code that gave them out, nor with the list of those who wait.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/simulate/lottery_fold.hpp"
#include "app/simulate/rewards/check.hpp"
#include "domain/kernel/state.hpp"

namespace windfall::simulate {

class CodeCheck {
 public:
  explicit CodeCheck(DefinitionPtr definition);

  /// Every event, in order.
  void apply(const Recorded& recorded);

  struct Outcome {
    const State& state;
    LotteryFold& wins;
    std::uint32_t prize = 0;     ///< the gifticon
    std::int64_t bought = 0;     ///< codes in the operator's files, each counted once
    std::int64_t stored = 0;     ///< rows in the vault
    std::int64_t waiting = 0;    ///< coupons without a code, by the list of those who wait
    std::string trouble;         ///< why giving out codes ended early; empty if it did not
    std::string import_trouble;  ///< why an import failed; empty if none did
    /// The code of an ordinal, as the vault gives it out, and as it stood in the operator's file.
    std::function<Result<std::string>(std::int64_t ordinal)> code;
    std::function<std::string(std::int64_t ordinal)> code_bought;
  };
  /// At the end.
  [[nodiscard]] InvariantResult finish(const Outcome& outcome);

 private:
  struct Given {
    WinPlace win;
    UserRef user;
    std::int64_t ordinal = 0;
  };
  void compare_wins(const Outcome& outcome);
  void compare_vault(const Outcome& outcome);
  [[nodiscard]] bool is_gifticon(std::uint32_t prize) const;

  DefinitionPtr definition_;
  Check check_{{.id = "I9",
                .what = "a code to one win once, a code to each gifticon unless all are given out; states add up to "
                        "the import",
                .first = {}}};
  std::int64_t imported_ = 0;
  std::vector<Given> given_;
  std::vector<bool> used_;  ///< by ordinal
};

}  // namespace windfall::simulate

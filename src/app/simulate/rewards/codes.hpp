// The codes of a campaign's gifticons: an operator's files come in now and then, one of them late, and coupons get
// them, by the real import, vault and assignment. The vault is encrypted as a server's, in files without a name, so
// that nothing is left of it however the process ends; only the marks beside it are kept in memory, since no restore
// follows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/vault/key_seals.hpp"
#include "app/simulate/campaign.hpp"
#include "app/simulate/lottery_fold.hpp"
#include "app/simulate/rewards/code_check.hpp"
#include "app/simulate/world.hpp"
#include "application/on_event/assign_codes.hpp"
#include "application/on_request/coupons.hpp"

namespace windfall::simulate {

struct CodeFigures {
  std::int64_t files = 0;       ///< that came in
  std::int64_t imported = 0;    ///< codes
  std::int64_t duplicates = 0;  ///< lines whose code was there already
  std::int64_t assigned = 0;
  std::int64_t left = 0;
  std::int64_t waiting = 0;          ///< coupons without a code in the end: PENDING_CODE
  std::int64_t most_waiting = 0;     ///< at once, when nothing more could be given out
  std::int64_t longest_wait_ms = 0;  ///< of a coupon for its code, or until the end
  std::int64_t alarms = 0;           ///< low water, as a server says it
};

class Codes {
 public:
  /// May alter a code that the vault gives out: for tests of the check.
  using Corrupt = std::function<void(std::string&)>;
  /// Fails if there is no room for the vault. The fold outlives it.
  static Result<std::unique_ptr<Codes>> begin(World& world, const Campaign& campaign, LotteryFold& fold,
                                              DefinitionPtr definition);
  Codes(const Codes&) = delete;
  Codes& operator=(const Codes&) = delete;
  ~Codes();

  void corrupt(Corrupt corrupt) { corrupt_ = std::move(corrupt); }
  /// The log has given a prize away, or a code.
  void apply(const Recorded& recorded, bool won);
  /// Looks who waits, if anybody has won since the last look.
  void poke();
  /// Looks whether codes run low, every now and then.
  void look();
  /// Nobody wins any more: until everyone has a code or none is left.
  void finish();

  [[nodiscard]] InvariantResult check();
  [[nodiscard]] CodeFigures figures() const;

 private:
  class Marks;
  /// A file of an operator: codes by their numbers, and those of the file before that it repeats.
  struct File {
    std::int64_t first = 0;
    std::int64_t end = 0;
  };
  Codes(World& world, const Campaign& campaign, LotteryFold& fold, DefinitionPtr definition);
  Result<bool> open_vault();
  void plan_files(const Campaign& campaign);
  Task<void> import(File file);
  Task<bool> moved();
  [[nodiscard]] std::string text_of(std::int64_t number) const;
  void note_waiting();

  World& world_;
  LotteryFold& fold_;
  DefinitionPtr definition_;
  std::uint32_t prize_ = 0;
  std::uint64_t seed_;
  CodeCheck check_;
  Corrupt corrupt_;
  std::unique_ptr<vault::KeySeals> seals_;
  std::unique_ptr<sqlite::SqliteCodeVault> vault_;
  std::unique_ptr<Marks> marks_;
  std::unique_ptr<CodeSupply> supply_;
  std::unique_ptr<AssignCodes> assign_;
  std::unique_ptr<ImportCodes> imports_;
  std::vector<CodeLevel> levels_;  ///< as of the last look
  Instant next_look_;
  bool fresh_ = false;
  std::int64_t served_ = -1;  ///< coupons with a code, when the assignment last asked
  std::int64_t bought_ = 0;
  std::string trouble_;
  std::string import_trouble_;
  CodeFigures figures_;
};

}  // namespace windfall::simulate

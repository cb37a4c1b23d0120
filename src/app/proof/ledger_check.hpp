// The second walk over the journal, beside the rows of the ledger: both stand in the order of decision, so that ten
// million rows are compared one by one without keeping any (I13, I4's rows, I16's audit; lotteries in
// lottery_ledger_check.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "adapters/codec/event_ids.hpp"
#include "adapters/sqlite/audit_chain.hpp"
#include "app/proof/ledger_file.hpp"
#include "app/proof/log_check.hpp"
#include "app/proof/lottery_file_rows.hpp"
#include "app/proof/lottery_ledger_check.hpp"
#include "app/proof/report.hpp"
#include "app/proof/settlements.hpp"

namespace windfall::proof {

class LedgerCheck {
 public:
  /// Throws sqlite::SqlError, like every method here.
  LedgerCheck(Report& report, LedgerFile& file, const Lineage& lineage);

  [[nodiscard]] std::uint64_t position() const { return position_; }

  /// Every acceptance up to position(), in the order of the journal. `ids` are those it must have, `fate` what became
  /// of its effect within position().
  void acceptance(const Place& place, const Recorded& recorded, const Participated& event, const codec::EventIds& ids,
                  Fate fate);
  /// Every other event up to position().
  void other(const Place& place, const Recorded& recorded);
  [[nodiscard]] LotteryLedgerCheck& lotteries() { return lotteries_; }
  /// After the last event; `log` is the fold of the whole journal.
  void finish(const LogCheck& log, std::uint64_t last_frame);

 private:
  struct Defined {
    std::string id;
    std::string definition;
    std::uint32_t revision = 0;  ///< counted, whatever the events say
    Instant created;
    Instant modified;
    std::int64_t participations = 0;
    Amount spent = 0;
  };

  void advance();
  [[nodiscard]] bool stands_later(const Recorded& recorded);
  void compare(const Place& place, const Recorded& recorded, const Participated& event, const codec::EventIds& ids,
               Fate fate);
  void compare_effect(const Place& place, const Recorded& recorded, const Participated& event,
                      const sqlite::Bytes16& id, Fate fate);
  void action(const Place& place, Instant at, const Audit& audit, const std::string& subject,
              std::optional<UserRef> subject_user);
  void check_counts();
  void check_lottery_counts();
  void check_promotions(const LogCheck& log, std::uint64_t last_frame);
  void check_definitions();
  void check_people();
  void check_audit_end();
  void check_orphans();
  void differs(const Place& place, const std::string& what) { report_.violation(Invariant::i13, place, what); }
  void row_differs(const std::string& where, const std::string& what) {
    report_.violation(Invariant::i13, "ledger.db, " + where, what);
  }

  Report& report_;
  LedgerFile& file_;
  std::uint64_t position_ = 0;
  std::string chain_;

  sqlite::Rows rows_;
  bool at_row_ = false;
  std::int64_t ordinal_ = 0;
  LotteryFileRows lottery_rows_;
  LotteryLedgerCheck lotteries_;
  sqlite::Rows audit_rows_;
  std::int64_t audit_seq_ = 0;
  bool audit_broken_ = false;

  std::map<std::uint32_t, Defined> defined_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> history_;  ///< by partition and revision
  std::set<UserRef> blocked_;
  JoinTable joins_;  ///< what the ledger's own unique key refuses
  std::int64_t effects_matched_ = 0;
  std::int64_t effects_expected_ = 0;
};

}  // namespace windfall::proof

// What the projections of one batch share: how far the ledger is, numbers of users, effects, audit rows and findings.
// One object per batch, inside a transaction of the caller; all that it remembers between batches is the `progress`
// row, so that a crash between two batches leaves nothing behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/sqlite/audit_chain.hpp"
#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/effect_counts.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "application/port/event_log.hpp"

namespace windfall::sqlite {

class BatchRows {
 public:
  struct Progress {
    std::uint64_t position = 0;
    std::int64_t ordinal = 0;
    std::int64_t effect = 0;
    std::int64_t dead_letter = 0;
    std::int64_t audit = 0;
    std::int64_t entry = 0;
    std::string chain;
    bool paused_all = false;
  };

  BatchRows(Connection& connection, const Alarm& alarm, const LogBatch& batch);

  Progress progress;

  /// Gives every user that the batch names a number and an id.
  void name_users();
  /// A row is made for whom the log has not named: its events count all the same.
  std::int64_t number_of(UserRef user);

  /// What an event of this user found: identities stand before the events of a batch, so whoever comes back after an
  /// erasure in the same batch has an id again.
  void seen(UserRef user) {
    if (!erased_.empty()) name_again_if_erased(user);
  }
  void erase(UserRef user);

  struct NewEffect {
    EffectId id{};
    EffectKind kind = EffectKind::accrual;
    std::int64_t ordinal = 0;  ///< of a participation; 0 for lotteries
    UserRef user;
    Amount amount = 0;
    std::optional<std::uint32_t> prize = std::nullopt;
  };
  /// The number of its row; nothing, and a finding, if its id is taken: the partner would book one of the two.
  std::optional<std::int64_t> add_effect(const Recorded& recorded, const NewEffect& effect);
  void settle_effect(const Recorded& recorded, const EffectSettled& event);
  /// It stays dead and leaves the list: its number there becomes negative.
  void dismiss_effect(const EffectId& effect);
  /// It is over and nobody is called any more, not after a redrive either; what is done stays done.
  void cancel_effect(const Recorded& recorded, std::int64_t no);

  void finding(const Recorded& recorded, std::string_view kind, const std::string& detail);
  void append(const AuditEntry& entry);

  /// At the end of the batch.
  void write();

 private:
  struct HashOfRef {
    std::size_t operator()(UserRef user) const { return user.lo; }  // a hash already
  };

  void read_progress();
  void name(const LogBatch::Named& named);
  void name_again_if_erased(UserRef user);

  Connection& connection_;
  const Alarm& alarm_;
  const LogBatch& batch_;
  Statement& insert_effect_;
  bool rebuilding_ = false;  ///< what is applied now may have been sent by an earlier ledger
  std::unordered_map<UserRef, std::int64_t, HashOfRef> numbers_;  ///< of the batch's users
  EffectCounts counts_;
  std::vector<UserRef> erased_;  ///< in this batch
};

}  // namespace windfall::sqlite

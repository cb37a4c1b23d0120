// Turns a batch of the log into rows. One object per batch, inside a transaction of the caller; all that it remembers
// between batches is the `progress` row, so that a crash between two batches leaves nothing behind.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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

class Projector {
 public:
  Projector(Connection& connection, const EventIdsOf& event_ids, const Alarm& alarm);

  /// False if the batch was applied before.
  bool apply(const LogBatch& batch);

 private:
  struct Progress {
    std::uint64_t position = 0;
    std::int64_t ordinal = 0;
    std::int64_t effect = 0;
    std::int64_t dead_letter = 0;
    std::int64_t audit = 0;
    std::string chain;
    bool paused_all = false;
  };
  struct HashOfRef {
    std::size_t operator()(UserRef user) const { return user.lo; }  // a hash already
  };
  struct PartitionWork {
    std::string promotion_id;
    std::int64_t participations = 0;
    Amount spent = 0;
  };

  void read_progress();
  void write_progress();
  void write_totals();
  void name(const LogBatch::Named& named);
  std::int64_t number_of(UserRef user);
  PartitionWork& work_on(PartitionNo partition);

  // One for each alternative of Event; a new one breaks the build here.
  void project(const Recorded& recorded, const Participated& event);
  void project(const Recorded& recorded, const DefinitionChanged& event);
  void project(const Recorded& recorded, const PausedAll& event);
  void project(const Recorded& recorded, const UserBlocked& event);
  void project(const Recorded& recorded, const KeyChanged& event);
  void project(const Recorded& recorded, const AnswerKept& event);
  void project(const Recorded& recorded, const EffectSettled& event);
  void project(const Recorded& recorded, const Audited& event);
  void project(const Recorded& recorded, const UserErased& event);

  void make_effect(const Recorded& recorded, const Participated& event, const Bytes16& id);
  void contradiction(const Recorded& recorded, const Participated& event, const Bytes16& event_id);
  void finding(const Recorded& recorded, std::string_view kind, const std::string& detail);
  void append(const AuditEntry& entry);
  void keep_definition(const Recorded& recorded, const std::string& definition);
  void name_again_if_erased(UserRef user);

  Connection& connection_;
  const EventIdsOf& event_ids_;
  const Alarm& alarm_;
  Statement& insert_participation_;
  Statement& insert_effect_;
  Progress progress_;
  bool rebuilding_ = false;          ///< what is applied now may have been sent by an earlier ledger
  const LogBatch* batch_ = nullptr;  ///< being applied
  std::map<std::uint32_t, PartitionWork> work_;
  std::unordered_map<UserRef, std::int64_t, HashOfRef> numbers_;  ///< of the batch's users
  EffectCounts counts_;
  std::vector<UserRef> erased_;  ///< in this batch
};

}  // namespace windfall::sqlite

// Turns a batch of the log into rows. One object per batch, inside a transaction of the caller.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "adapters/sqlite/batch_rows.hpp"
#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/lottery_projector.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "application/port/event_log.hpp"

namespace windfall::sqlite {

class Projector {
 public:
  Projector(Connection& connection, LotteryBooks& books, const EventIdsOf& event_ids, const Alarm& alarm,
            const LogBatch& batch);

  /// False if the batch was applied before.
  bool apply();

 private:
  struct PartitionWork {
    std::string promotion_id;
    std::int64_t participations = 0;
    Amount spent = 0;
  };

  void write_totals();
  PartitionWork& work_on(PartitionNo partition);

  // One for each alternative of Event, here or in LotteryProjector; a new one breaks the build here.
  void project(const Recorded& recorded, const Participated& event);
  void project(const Recorded& recorded, const DefinitionChanged& event);
  void project(const Recorded& recorded, const PausedAll& event);
  void project(const Recorded& recorded, const UserBlocked& event);
  void project(const Recorded& recorded, const KeyChanged& event);
  void project(const Recorded& recorded, const AnswerKept& event);
  void project(const Recorded& recorded, const EffectSettled& event);
  void project(const Recorded& recorded, const Audited& event);
  void project(const Recorded& recorded, const UserErased& event);
  template <OfLottery LotteryEvent>
  void project(const Recorded& recorded, const LotteryEvent& event) {
    lottery_.project(recorded, event);
  }

  void make_effect(const Recorded& recorded, const Participated& event, const EffectId& id);
  void contradiction(const Recorded& recorded, const Participated& event, const EffectId& event_id);
  void keep_definition(const Recorded& recorded, const std::string& definition);

  Connection& connection_;
  const EventIdsOf& event_ids_;
  const LogBatch& batch_;
  BatchRows rows_;
  LotteryBooks& books_;
  LotteryProjector lottery_;
  Statement& insert_participation_;
  std::map<std::uint32_t, PartitionWork> work_;
};

}  // namespace windfall::sqlite

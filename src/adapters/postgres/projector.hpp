// Turns a batch of the log into rows. One object per batch and try, inside a transaction of the caller.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "adapters/postgres/batch.hpp"
#include "adapters/postgres/lottery_projector.hpp"
#include "application/port/event_log.hpp"

namespace windfall::postgres {

/// The ledger document of a promotion, as the log has it now.
void write_promotion(Connection& db, const Recorded& recorded, const DefinitionChanged& event);

class Projector {
 public:
  Projector(Batch& batch, LotteryBooks& books, const LedgerEventIdsOf& event_ids);

  /// The batch has begun.
  void apply();

 private:
  struct Total {
    std::int64_t participations = 0;
    Amount spent = 0;
  };

  /// `ordinal`: of the participation that it became.
  void keep(const Recorded& recorded, std::optional<std::int64_t> ordinal);
  void write_totals();

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

  /// A row of `participation` as it is about to be written.
  struct Row {
    std::int64_t ordinal = 0;
    std::int64_t user_no = 0;
    LedgerEventIds ids;
    bool pays = false;
  };
  bool insert_participation(const Recorded& recorded, const Participated& event, const Row& row);
  void contradiction(const Recorded& recorded, const Participated& event, std::int64_t user_no);
  void keep_definition(const Recorded& recorded, const std::string& definition);

  Batch& batch_;
  Connection& db_;
  LotteryBooks& books_;
  LotteryProjector lottery_;
  const LedgerEventIdsOf& event_ids_;
  CopyRows events_;
  CopyRows participations_;
  std::string bytes_;  ///< of the event that is encoded, kept for its room
  std::map<std::uint32_t, Total> totals_;
};

}  // namespace windfall::postgres

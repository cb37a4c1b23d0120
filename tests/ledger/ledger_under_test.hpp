// What a backend gives to the ledger contract.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "application/port/ledger_store.hpp"
#include "ledger/log_builder.hpp"

namespace windfall::contract {

inline LedgerEventIds test_event_ids(std::string_view promotion_id, Epoch epoch, Sequence sequence,
                                     std::uint32_t effect) {
  return {.event = id_of(IdKind::event, promotion_id, epoch, sequence),
          .effect = id_of(IdKind::effect, promotion_id, epoch, sequence, effect)};
}

struct LedgerSetup {
  /// The position up to which an earlier ledger may have sent effects.
  std::uint64_t rebuild_until = 0;
  LedgerEventIdsOf event_ids = test_event_ids;
};

/// A ledger over storage of its own, which goes when this object goes. open_test_seed() opens its seeds.
class LedgerUnderTest {
 public:
  virtual ~LedgerUnderTest() = default;
  virtual LedgerStore& store() = 0;
  /// As if the process had ended and started again.
  virtual void reopen() = 0;
  /// Runs SQL on the store the way anybody may; the first column of each row as text.
  virtual std::vector<std::string> sql(const std::string& script) = 0;
  /// Begins a later epoch of the partition behind `last`, as a leader does; nullopt if this ledger keeps no log.
  virtual std::optional<Result<bool>> begin_later_epoch(PartitionNo, Sequence) { return std::nullopt; }

  std::vector<std::string> alarms;  ///< lines that it gave
};

struct LedgerBackend {
  std::string name;
  /// Null if this machine has no such store.
  std::function<std::unique_ptr<LedgerUnderTest>(LedgerSetup)> make;
};

inline std::string name_of_backend(const testing::TestParamInfo<LedgerBackend>& info) { return info.param.name; }

}  // namespace windfall::contract

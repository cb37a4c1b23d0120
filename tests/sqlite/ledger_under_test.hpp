// What a backend gives to the ledger contract.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "application/port/effects.hpp"
#include "application/port/ledger.hpp"
#include "application/port/lottery_ledger.hpp"

namespace windfall::contract {

/// A ledger over storage of its own, which goes when this object goes. Its event ids are those of id_of(),
/// and open_test_seed() opens its seeds.
class LedgerUnderTest {
 public:
  virtual ~LedgerUnderTest() = default;
  virtual Ledger& ledger() = 0;
  virtual Effects& effects() = 0;
  virtual LotteryLedger& lotteries() = 0;
  /// As if the process had ended and started again.
  virtual void reopen() = 0;
};

struct LedgerBackend {
  std::string name;
  /// `rebuild_until`: the position up to which an earlier ledger may have sent effects.
  std::function<std::unique_ptr<LedgerUnderTest>(std::uint64_t rebuild_until)> make;
};

inline std::string name_of_backend(const testing::TestParamInfo<LedgerBackend>& info) { return info.param.name; }

}  // namespace windfall::contract

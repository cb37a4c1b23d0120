// Terms of leaders, epochs and what processes confirm, in the database that keeps the effects: one row is the truth
// about who leads, and every statement that a leader may be late with looks at it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "application/port/epoch_book.hpp"

namespace windfall::postgres {

class Pool;

class PostgresEpochBook final : public EpochBook {
 public:
  /// `connection` as in Options, to a schema that PostgresLedger has brought up to date. `process`: a name that no two
  /// processes have at once, the same after a restart.
  PostgresEpochBook(std::string connection, std::string process);
  ~PostgresEpochBook() override;

  Result<Term> begin_term() override;
  Result<bool> still(Term term) override;
  Result<std::vector<Entry>> grant(Term term, const std::vector<Entry>& above) override;
  Result<std::size_t> awaited(Term term, const std::vector<Entry>& granted, std::int64_t patience_ms) override;
  Result<Ended> conclude(Term term, Entry entered, Sequence last, Instant last_at) override;
  Result<std::vector<Entry>> asked() override;
  Result<bool> confirm(Entry asked, Epoch known_epoch, Sequence known) override;
  Result<bool> leave(bool orderly) override;

 private:
  template <class Work>
  auto write(Work work);

  const std::string process_;
  std::array<std::uint8_t, 16> life_{};
  std::unique_ptr<Pool> pool_;
};

}  // namespace windfall::postgres

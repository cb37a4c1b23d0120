// The partner's own book (its `GET /book`), joined with what the journal owes: the only witness of I4 that Windfall has
// not written itself.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/codec/user_ref.hpp"
#include "app/proof/report.hpp"
#include "app/proof/settlements.hpp"
#include "domain/kernel/result.hpp"
#include "domain/kernel/slot_table.hpp"

namespace windfall::proof {

class PartnerBook {
 public:
  /// Reads `{"entries":[{eventId,userId,promotionId,amount,times}]}`, entry by entry. `hasher` turns the partner's user
  /// ids into references; without it people are not compared. Failures: not_found, invalid (not such a file).
  static Result<PartnerBook> read(const std::string& path, const codec::UserHasher* hasher, Report& report);

  /// What an acceptance's effect should look like in the book; it claims the entry.
  void check(const Place& place, const Settlements::EffectId& effect, UserRef user, std::string_view promotion,
             Amount amount, Fate fate, Report& report);
  [[nodiscard]] bool has(const Settlements::EffectId& effect) const;
  /// If there is such a booking, nobody here can tell whether it is right.
  void excuse(const Settlements::EffectId& effect);
  /// After the last acceptance: entries that none claimed.
  void finish(Report& report) const;

 private:
  struct Entry {
    std::uint64_t content = 0;  ///< hash of user, promotion and amount
    std::uint32_t times = 0;    ///< 0: no such entry
    std::uint32_t claimed = 0;
  };
  static std::uint64_t content_of(UserRef user, std::string_view promotion, Amount amount);
  static UserRef key_of(const Settlements::EffectId& effect);
  Result<bool> add(std::string_view object, const codec::UserHasher* hasher, Report& report);

  SlotTable<Entry> entries_;
  bool knows_people_ = false;
  std::int64_t dead_but_booked_ = 0;
  std::int64_t open_but_booked_ = 0;
};

}  // namespace windfall::proof

// What wins owe, as rows in memory: the part of the ledger that the fulfilment works on. Rows come from the recorded
// wins and end by the recorded EffectSettled, as the ledger's do.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "application/port/effects.hpp"
#include "application/port/promotion_store.hpp"
#include "domain/kernel/slot_table.hpp"

namespace windfall::simulate {

/// The lineage of every simulated history: ids of events follow from it.
inline constexpr EffectId kSimulatedLineage{'s', 'i', 'm', 'u', 'l', 'a', 't', 'e'};

class EffectRows final : public Effects {
 public:
  explicit EffectRows(DefinitionPtr definition) : definition_(std::move(definition)) {}

  /// Ids of people are `prefix` and a number: ten million of them would not be kept as texts.
  static constexpr std::string_view kPrefix = "sim-";
  /// The log has given a reference an id.
  void named(UserRef user, std::string_view id);
  /// The id that the log gave; empty if none.
  [[nodiscard]] std::string id_of(UserRef user) const;

  /// An event gave that prize away: what follows is owed.
  void won(const Recorded& recorded, UserRef user, std::uint32_t prize);
  /// The end, or another beginning, of an effect.
  void settled(const EffectSettled& event, Instant at);

  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  /// Rows in that state, of one kind; unknown ones are those whose next try asks first.
  struct Counts {
    std::int64_t open = 0;
    std::int64_t unknown = 0;
    std::int64_t done = 0;
    std::int64_t dead = 0;
  };
  [[nodiscard]] Counts counts(bool accruals) const;

  // Effects
  Result<std::vector<DueEffect>> take_due(PartnerEndpoint of, Instant due, int limit) override;
  Result<Instant> next_due(PartnerEndpoint of) override;
  Result<bool> retry_later(const std::vector<Retry>& retries) override;
  Result<std::int64_t> recover() override { return 0; }
  Result<Gauges> gauges() override;
  Result<std::vector<DeadLetter>> dead_letters(std::int64_t after, int limit) override;
  Result<std::optional<DeadLetter>> dead_letter(std::int64_t id) override;
  Result<bool> open_for(UserRef user) override;

 private:
  enum class State : std::uint8_t { pending, sending, done, dead };
  struct Row {
    EffectId id{};
    UserRef user;
    std::int64_t at = 0;
    std::int64_t next_try = 0;
    std::int64_t first_tried = 0;
    std::uint32_t prize = 0;
    std::int32_t tries = 0;
    EffectKind kind = EffectKind::accrual;
    State state = State::pending;
    bool unknown = false;
    std::string error;
  };
  struct Queue {
    std::deque<std::uint32_t> fresh;                         ///< never tried, in order
    std::set<std::pair<std::int64_t, std::uint32_t>> later;  ///< by the next try
  };
  struct HashOfId {
    std::size_t operator()(const EffectId& id) const;
  };

  void add(EffectId id, const Row& row);
  [[nodiscard]] Queue& queue_of(PartnerEndpoint of) {
    return of == PartnerEndpoint::accruals ? accruals_ : notifications_;
  }
  [[nodiscard]] const Prize& prize_of(const Row& row) const;
  [[nodiscard]] DeadLetter letter_of(std::size_t number) const;

  DefinitionPtr definition_;
  SlotTable<std::uint32_t> people_;  ///< 1 + number
  std::vector<Row> rows_;
  std::unordered_map<EffectId, std::uint32_t, HashOfId> by_id_;
  Queue accruals_;
  Queue notifications_;
};

}  // namespace windfall::simulate

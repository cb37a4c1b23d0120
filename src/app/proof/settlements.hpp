// What the journal says became of each effect: 24 bytes an effect, keyed by its id.
#pragma once

#include <cstdint>
#include <cstring>

#include "domain/kernel/event.hpp"
#include "domain/kernel/slot_table.hpp"

namespace windfall::proof {

enum class Fate : std::uint8_t { open, done, dead };

class Settlements {
 public:
  using EffectId = std::array<std::uint8_t, 16>;

  /// `in_ledger`: the ledger's position covers the event.
  void add(const EffectSettled& event, bool in_ledger) {
    Entry& entry = entries_.at(key_of(event.effect));
    entry.known = 1;
    if (entry.fate == Fate::done) {
      ++repeated_;
      return;
    }
    switch (event.outcome) {
      case EffectSettled::Outcome::done:
        entry.fate = Fate::done;
        break;
      case EffectSettled::Outcome::dead:
        entry.fate = Fate::dead;
        break;
      case EffectSettled::Outcome::redriven:
        entry.fate = Fate::open;
        break;
    }
    if (in_ledger) entry.in_ledger = entry.fate;
  }

  struct Found {
    Fate at_end = Fate::open;
    Fate in_ledger = Fate::open;
    bool claimed_before = false;  ///< another acceptance has this effect
  };
  /// The fate of an acceptance's effect, which is claimed by it.
  Found claim(const EffectId& effect) {
    if (entries_.find(key_of(effect)) == nullptr) return {};
    Entry& entry = entries_.at(key_of(effect));
    const Found found{.at_end = entry.fate, .in_ledger = entry.in_ledger, .claimed_before = entry.claimed != 0};
    entry.claimed = 1;
    return found;
  }

  /// Settled effects that no acceptance claimed.
  template <class Visit>
  void for_each_unclaimed(Visit visit) const {
    entries_.for_each([&visit](UserRef key, const Entry& entry) {
      if (entry.claimed != 0 || entry.known == 0) return;
      EffectId effect{};
      std::memcpy(effect.data(), &key.hi, sizeof key.hi);
      std::memcpy(effect.data() + sizeof key.hi, &key.lo, sizeof key.lo);
      visit(effect);
    });
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  /// Settlements of what was done already: the same settlement, stored again after a failure.
  [[nodiscard]] std::int64_t repeated() const { return repeated_; }

 private:
  struct Entry {
    Fate fate = Fate::open;
    Fate in_ledger = Fate::open;
    std::uint8_t known = 0;
    std::uint8_t claimed = 0;
  };
  /// Ids are hashes, so they are keys as they stand; crafted ones only cost time.
  static UserRef key_of(const EffectId& effect) {
    UserRef key;
    std::memcpy(&key.hi, effect.data(), sizeof key.hi);
    std::memcpy(&key.lo, effect.data() + sizeof key.hi, sizeof key.lo);
    return key == UserRef{} ? UserRef{.hi = 0, .lo = 1} : key;
  }

  SlotTable<Entry> entries_;
  std::int64_t repeated_ = 0;
};

}  // namespace windfall::proof

// What the rows say before a batch, as far as the batch asks: read at once, so that what follows from its events is
// computed without a question in between.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "adapters/mongo/client.hpp"
#include "adapters/mongo/rows.hpp"
#include "application/port/event_log.hpp"

namespace windfall::mongo {

struct HashOfRef {
  std::size_t operator()(UserRef user) const { return user.lo; }  // a hash already
};

/// Whom earlier batches of this process have named, so that most need not ask. An erasure by whatever process is
/// counted, and whoever has missed one forgets all.
class NamedBefore {
 public:
  void expect(std::int64_t erasures) {
    if (erasures == erasures_) return;
    users_.clear();
    erasures_ = erasures;
  }
  [[nodiscard]] bool contains(UserRef user) const { return users_.contains(user); }
  void learn(UserRef user) {
    if (users_.size() >= kMost) users_.clear();
    users_.insert(user);
  }

 private:
  /// Some 15 MiB.
  static constexpr std::size_t kMost = 262'144;

  std::int64_t erasures_ = 0;
  std::unordered_set<UserRef, HashOfRef> users_;
};

using Joined = std::tuple<std::uint32_t, std::int32_t, UserRef>;  ///< partition, day, who
using Account = std::pair<std::uint32_t, UserRef>;                ///< of tickets: partition, whose

struct Known {
  Progress progress;
  std::map<std::uint32_t, PromotionNow> promotions;
  struct Person {
    bool named = false;
  };
  std::unordered_map<UserRef, Person, HashOfRef> people;  ///< those that are there
  std::map<Joined, Sequence> joined;
  std::map<std::uint32_t, Total> totals;
  std::map<std::uint32_t, LotteryTotal> lottery_totals;
  std::map<std::string, Draw> draws;  ///< by key_of()
  std::map<std::pair<std::uint32_t, std::uint32_t>, DeckTerms> segments;
  std::set<std::pair<std::uint32_t, std::uint32_t>> segment_pauses;  ///< that came before the segment was opened
  std::map<Account, std::int64_t> held;                              ///< tickets, where an operator changes them
  std::set<UserRef> blocked;
  std::set<UserRef> once_blocked;  ///< have a row, blocked or not
  std::string keys;                ///< as they are shown
};

/// The user of an event that names one, or two.
void each_user(const Event& event, const std::function<void(UserRef)>& with);

Result<Known> read_known(Client& client, Progress progress, const std::vector<const Recorded*>& events,
                         const std::vector<LogBatch::Named>& identities, const NamedBefore& named_before);

}  // namespace windfall::mongo

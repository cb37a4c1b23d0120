// What one process knows of all partitions without asking: which there are, their definitions and headers, and the
// whole of the system partition (pause-all, block list, keys). Loaded at the start, brought up to date by every commit
// of this process, and asked for anew every half second. Nothing in here decides: definitions travel with their
// revision as a guard, and the system partition may be a second old, which is the one exception to the law of reads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "adapters/redis/client/client.hpp"
#include "adapters/redis/commit_reply.hpp"
#include "adapters/redis/layout.hpp"
#include "application/port/clock.hpp"
#include "application/port/promotion_store.hpp"

namespace windfall::redis {

/// One partition, as it was known last.
struct Known {
  PartitionNo number;
  std::string id;  ///< empty: the system partition
  Place place;
  bool there = false;     ///< it has a header that is not behind what was confirmed
  bool expected = false;  ///< it had one, or should: without one it is fenced
  bool absent = false;    ///< a look has found no header: not merely that its shard could not be asked
  bool behind = false;    ///< the header of this epoch is older than what was confirmed
  Header header;
  Epoch confirmed_epoch{0};  ///< of the last event that this process knows every replica to have
  Sequence confirmed{};      ///< and its sequence
  std::map<std::string, std::int64_t, std::less<>> counters;  ///< those that the header does not hold
  Sequence counters_at;                                       ///< of the header when they were read
  DefinitionPtr definition;                                   ///< nullptr before the first one
  std::int64_t ahead_ms = 0;  ///< the server's clock over this one, where it was found out to matter

  /// A promotion that there is or may be, and whose definition is not known. One that was given a number and has never
  /// been opened or defined is none.
  [[nodiscard]] bool awaited() const {
    if (definition || number == kSystemPartition || id.empty()) return false;
    return there ? header.revision != Revision{} : expected || !absent;
  }
};

class Mirror {
 public:
  /// Age up to which the system partition may be believed; older, nothing is decided.
  static constexpr std::int64_t kMaxAgeMs = 1000;
  /// Between two looks.
  static constexpr std::int64_t kRefreshMs = 400;

  Mirror(Client& client, const Clock& clock) : client_(client), clock_(clock) {}
  /// Told of a partition that has lost its header.
  std::function<void(const std::string& why)> trouble;
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  /// Brings everything up to date: the registry, headers, what has changed behind them. Failure unavailable if the
  /// system partition could not be read; a partition that cannot be read now stays as it was known.
  Task<Result<bool>> refresh();
  /// The same without the system partition.
  Task<Result<bool>> refresh_promotions();
  /// One partition and what stands behind its header, now.
  Task<Result<bool>> reload(PartitionNo number);
  /// The system partition, now.
  Task<Result<bool>> reload_system();

  /// Learns of a partition that is registered.
  Known& add(PartitionNo number, std::string_view promotion_id);
  /// A commit of this process said so. A definition that it changed is given as text.
  void note(Known& known, const Header& header, const std::optional<std::string>& definition);
  /// Every replica had what this header says.
  static void note_confirmed(Known& known, const Header& header) {
    if (std::tie(header.epoch, header.sequence) <= std::tie(known.confirmed_epoch, known.confirmed)) return;
    known.confirmed_epoch = header.epoch;
    known.confirmed = header.sequence;
  }
  /// The partition has no header any more, or one of an epoch that this process does not know.
  void note_missing(Known& known) {
    known.there = false;
    known.absent = true;
  }
  /// The script said that the header is older than what was confirmed: a failover has lost something.
  void note_behind(Known& known) {
    known.there = false;
    known.behind = true;
  }
  /// It is not behind any more: it was fenced, or an old master had answered.
  void note_settled(Known& known) { known.behind = false; }
  /// Partitions whose header is older than what was confirmed.
  [[nodiscard]] std::vector<PartitionNo> behind() const;
  /// The partition should be there, whether or not it is.
  void expect(Known& known) { known.expected = true; }
  /// Partitions that should be there and were found not to be; nobody decides in them.
  [[nodiscard]] std::vector<PartitionNo> missing() const;

  [[nodiscard]] Known& at(PartitionNo number) { return *partitions_[number.value]; }
  [[nodiscard]] const Known& at(PartitionNo number) const { return *partitions_[number.value]; }
  [[nodiscard]] std::size_t size() const { return partitions_.size(); }
  [[nodiscard]] DefinitionPtr find(std::string_view promotion_id) const;
  [[nodiscard]] const std::vector<DefinitionPtr>& all() const { return all_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  /// Partitions that were there and are not.
  [[nodiscard]] std::uint64_t fenced() const;
  /// Promotions that there are or may be and whose definition is not known.
  [[nodiscard]] bool awaits(std::string_view promotion_id) const;
  [[nodiscard]] bool awaits_any() const;

  /// False once the system partition has not been read for kMaxAgeMs.
  [[nodiscard]] bool fresh() const { return clock_.monotonic_ms() - system_read_at_ <= kMaxAgeMs; }
  /// Any counter of the system partition.
  [[nodiscard]] std::int64_t system_counter(const CounterKey& key) const;
  [[nodiscard]] const std::string& system_definition() const { return system_definition_; }
  /// A counter of a partition as known, 0 if it is not among what is mirrored.
  [[nodiscard]] std::int64_t counter(const CounterKey& key) const;

 private:
  struct HashOfText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  Task<Result<bool>> read_registry();
  Task<Result<bool>> load(Known& known, Header header);
  /// A look found no header; `there_before`: one was known when it was asked for.
  void note_without_header(Known& known, bool there_before);
  /// True, and noted, if a header is older than one that was known before it was asked for.
  bool fell_behind(Known& known, Epoch epoch_before, Sequence sequence_before, const Header& found);
  void set_definition(Known& known, std::string_view text);

  Client& client_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Known>> partitions_;  ///< [0] is the system partition
  std::unordered_map<std::string, PartitionNo, HashOfText, std::equal_to<>> by_id_;
  std::vector<DefinitionPtr> all_;
  std::uint64_t changes_ = 0;

  std::int64_t system_read_at_ = INT64_MIN / 2;
  std::string system_definition_;
  std::unordered_map<std::string, std::int64_t> system_users_;  ///< by field
};

}  // namespace windfall::redis

// What a rebuild writes: the hot state of one epoch of a partition, folded here from its log, as calls that write every
// field once. A call replaces the filled header's text by the next one and writes nothing if it finds another: so calls
// take effect in this order or not at all, whoever else is at it and whatever a node has lost in between.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/folded_state.hpp"
#include "adapters/redis/layout.hpp"
#include "adapters/redis/reply.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// Fields of one call. A server syncs its file once a call, and does nothing else for the few milliseconds that one
/// takes it.
inline constexpr std::size_t kMaxFieldsPerCall = 8192;

/// Holds a partition's fields in memory, some 40 bytes each, until it is destroyed.
class PartitionFill {
 public:
  /// `place` as open_call() made its filled header, with no time. Commands that were accepted a day or more before
  /// `last_at`, when an event was decided that is still to come, are repeated no more and not written.
  PartitionFill(Place place, PartitionNo partition, std::optional<Instant> last_at = {});

  /// The next event. Failure damaged: it does not follow the last one, or does not keep what its proposal took.
  Result<bool> take(const Recorded& recorded);

  [[nodiscard]] const FoldedState& state() const { return state_; }

  /// The next FCALL fill_5 to be made, nullopt if none is due. Commands are written as they come; fields of users and
  /// the header that tells of all events only if the log is at its `end`. It may go on afterwards. Failure damaged: a
  /// number that is not exact in a double.
  Result<std::optional<Arguments>> next(bool end);

 private:
  /// One field, and the hash it stands in.
  struct Item {
    enum class Where : std::uint8_t { even_commands, odd_commands, definition, counters, bucket };
    Where where = Where::bucket;
    std::uint32_t bucket = 0;
    std::string field;  ///< empty: the whole key, which becomes `value`, or is given back if that is empty
    std::string value;
  };
  void remember(const Recorded& recorded);
  std::int64_t exact(std::int64_t value);
  void load_user(std::string_view tag, UserRef user, std::int64_t value);
  void load_run(std::size_t run);
  void load_more();
  [[nodiscard]] bool all_loaded() const { return next_run_ == state_.runs() && touched_.empty() && !partition_due_; }
  [[nodiscard]] std::string key_of(const Item& item) const;
  [[nodiscard]] std::string header() const;
  Arguments call(std::size_t items, std::string next_header);

  const Place place_;
  const PartitionNo partition_;
  const Instant forgotten_;  ///< up to then, accepted commands are
  FoldedState state_;
  std::array<std::optional<std::int64_t>, 2> days_;  ///< of the commands that even and odd days keep
  std::vector<Item> items_;                          ///< to be written, in this order
  std::size_t next_run_ = 0;                         ///< of users' fields that were not loaded yet
  std::vector<FieldName> touched_;                   ///< changed since they were
  bool partition_due_ = false;                       ///< its counters and definition have changed
  std::string written_;                              ///< the header as the last call leaves it
  std::uint64_t calls_ = 0;
  std::optional<Failure> failure_;
};

}  // namespace windfall::redis

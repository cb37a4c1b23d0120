// The hot state of one partition as its fields in Redis ought to be: the fold of changes over the log, laid out as
// layout.hpp says. A check compares it with what Redis has, a rebuild writes it there. Nothing here reads Redis, so
// that what is compared with it is none of its own making.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/event.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/key.hpp"
#include "domain/kernel/result.hpp"
#include "domain/kernel/slot_table.hpp"

namespace windfall::redis {

/// A number of the hot state, by where it stands.
struct FieldName {
  std::string name;     ///< of a user: the tag before the reference; else counter_name()
  UserRef user;         ///< zero: of the partition itself
  bool header = false;  ///< of the partition itself: in its header
  auto operator<=>(const FieldName&) const = default;
};
/// "counter 17.2", "user 00…1f, field 14".
[[nodiscard]] std::string to_text(const FieldName& field);

class FoldedState {
 public:
  /// Users are held in runs of so many buckets: a rebuild writes a run after the other.
  static constexpr std::uint32_t kBucketsPerRun = 16;

  /// `buckets` over which Redis spreads users' fields; 1 where nobody asks for runs.
  explicit FoldedState(PartitionNo partition, std::uint32_t buckets = 1);

  /// The next event. Failure damaged: it does not keep what its proposal took.
  Result<bool> take(const Recorded& recorded);
  /// What an event changes.
  static void each_field_of(PartitionNo partition, const Recorded& recorded,
                            const std::function<void(const FieldName&)>& visit);

  [[nodiscard]] Sequence sequence() const { return sequence_; }
  [[nodiscard]] Revision revision() const { return revision_; }
  [[nodiscard]] std::optional<Instant> time() const { return time_; }
  [[nodiscard]] Instant created() const { return created_; }
  [[nodiscard]] Instant modified() const { return modified_; }
  [[nodiscard]] const std::string& definition() const { return definition_; }
  [[nodiscard]] std::uint32_t buckets() const { return buckets_; }

  /// Of the partition itself; 0 if there is none.
  [[nodiscard]] std::int64_t counter(std::string_view name, bool header) const;
  [[nodiscard]] const std::map<std::string, std::int64_t, std::less<>>& counters(bool header) const {
    return header ? header_ : counters_;
  }
  /// Of either; nothing counts as seen.
  [[nodiscard]] std::int64_t look(const CounterKey& key) const;
  [[nodiscard]] std::int64_t look(const FieldName& field) const;

  using UserVisit = std::function<void(std::string_view tag, UserRef user, std::int64_t value)>;
  [[nodiscard]] std::size_t runs() const { return users_.size(); }
  /// Which run holds the user's fields.
  [[nodiscard]] std::size_t run_of(UserRef user) const;
  /// Every field of a run that is not 0, in no particular order.
  void each_of_run(std::size_t run, const UserVisit& visit) const;

  /// Of a user; 0 if there is none. What was asked for counts as seen.
  std::int64_t see(std::string_view tag, UserRef user);
  /// Fields of users that are not 0 and that nobody has asked for.
  [[nodiscard]] std::uint64_t unseen() const { return standing_ - seen_; }
  [[nodiscard]] bool is_unseen(const FieldName& field) const;

 private:
  struct Entry {
    std::int64_t value = 0;
    std::uint16_t tag = 0;  ///< index into tags_
    bool seen = false;
  };
  struct Change;
  static void changes_of(PartitionNo partition, const Recorded& recorded,
                         const std::function<void(const Change&)>& visit);
  void apply(const Change& change);
  std::uint16_t tag_number(const std::string& tag);
  [[nodiscard]] const Entry* find(std::string_view tag, UserRef user) const;

  const PartitionNo partition_;
  const std::uint32_t buckets_;
  Sequence sequence_;
  Revision revision_;
  std::optional<Instant> time_;
  Instant created_;
  Instant modified_;
  std::string definition_;
  std::map<std::string, std::int64_t, std::less<>> header_;
  std::map<std::string, std::int64_t, std::less<>> counters_;
  std::vector<SlotTable<Entry>> users_;  ///< by run; each by field_key()
  std::vector<std::string> tags_;        ///< met so far: as many as there are kinds of values and words of sets
  std::uint64_t standing_ = 0;
  std::uint64_t seen_ = 0;
};

}  // namespace windfall::redis

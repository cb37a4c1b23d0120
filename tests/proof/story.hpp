// A data directory made by hand: what a server would have written, and what it never would.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/user_ref.hpp"
#include "app/proof/fsck.hpp"
#include "domain/kernel/event.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::proof {

inline constexpr LocalDay kFirstDay{20260};     // 2025-06-21
inline constexpr Instant kNoon{1750474800000};  // 2025-06-21T12:00 in Seoul
inline constexpr std::int64_t kDayMs = 86'400'000;

class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Events in order; save() makes a journal (one frame an event) and the ledger that follows from it.
class Story {
 public:
  Story();

  /// A LIVE promotion of 500 points over ten days, changed by `edit`.
  PartitionNo promotion(const std::string& id, const std::function<void(Promotion&)>& edit = {});
  void change(PartitionNo partition, const std::function<void(Promotion&)>& edit);

  /// A correct acceptance at the present time, then changed by `edit`.
  using Edit = std::function<void(Recorded&, Participated&)>;
  Recorded& join(PartitionNo partition, const std::string& user, const Edit& edit = {});
  Recorded& system(Event event);
  /// Any event that names this person.
  Recorded& event(PartitionNo partition, Event event, const std::string& user = {});
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] const Promotion& definition(PartitionNo partition) const { return promotions_.at(partition.value - 1); }
  /// The partner's answer to an acceptance's effect.
  void settle(const Recorded& acceptance, EffectSettled::Outcome outcome = EffectSettled::Outcome::done,
              std::uint32_t index = 0);
  void later(std::int64_t ms) { now_.ms += ms; }
  [[nodiscard]] static UserRef ref(std::string_view user);
  [[nodiscard]] static Audit audit(const std::string& action) {
    return {.actor = "k-1", .action = action, .reason = "why"};
  }

  /// Id of an event's effect; saves nothing.
  [[nodiscard]] std::array<std::uint8_t, 16> effect_of(const Recorded& acceptance, std::uint32_t index = 0) const;

  void save(bool clean_stop = true);
  void project() const;
  [[nodiscard]] std::string directory() const { return folder_.file("data"); }
  /// Where a server keeps the master keys of that directory.
  [[nodiscard]] std::string keys() const { return folder_.file("data.keys"); }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::string segment() const { return directory() + "/journal/0000000000000001.seg"; }
  /// Offset of a frame within the first segment.
  [[nodiscard]] std::uint64_t offset_of(std::uint64_t frame) const;
  /// Runs SQL on the ledger.
  void sql(const std::string& script) const;
  /// save(), project() if asked for, and fsck.
  Report judged();
  [[nodiscard]] Report fsck(const std::string& book = {}) const;
  [[nodiscard]] std::string book(const std::string& entries) const;

 private:
  Recorded& add(PartitionNo partition, Event event);

  TemporaryFolder folder_;
  std::vector<std::unique_ptr<Recorded>> events_;
  std::vector<std::string> named_;  ///< parallel: the user that the event names
  std::vector<Promotion> promotions_;
  std::map<PartitionNo, Sequence> sequences_;
  std::map<PartitionNo, Revision> revisions_;
  Instant now_ = kNoon;
};

/// What was found about one invariant, all in one text.
std::string found(const Report& report, Invariant invariant);
/// Exactly this one is violated.
void expect_only(const Report& report, Invariant invariant, std::string_view words);

std::string read_file(const std::string& path);
void write_file(const std::string& path, std::string_view bytes);

}  // namespace windfall::proof

// A small journal in memory and what the tests of it share: a writer whose hooks keep a log, and journals built frame
// by frame.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/journal/journal.hpp"
#include "journal/memory_file_system.hpp"

namespace windfall::journal {

inline const std::string kData = "/data";
inline const std::string kFirstSegment = segment_path(kData, 1);
inline constexpr LineageId kLineage{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
inline constexpr LineageId kOtherLineage{{9, 9, 9, 9}};
inline constexpr KeyFingerprint kFingerprint{{0xA, 0xB, 0xC}};

/// What a visitor saw of a frame, kept beyond the visit.
struct SeenIdentity {
  UserRef ref;
  std::string id;
  IdentityState state = IdentityState::sound;
  bool operator==(const SeenIdentity&) const = default;
};
struct SeenFrame {
  std::uint64_t sequence = 0;
  FrameKind kind = FrameKind::data;
  std::string body;
  std::vector<SeenIdentity> identities;
  Position position;
  bool operator==(const SeenFrame&) const = default;
};
SeenFrame seen(const Frame& frame);

/// Options for segments that hold a few frames.
WriterOptions small_options();

/// A writer with a log of what its hooks were told.
class Journal {
 public:
  explicit Journal(FileSystem& files, WriterOptions options = small_options(), std::set<UserRef> erased = {});
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  [[nodiscard]] bool is_open() const { return opened_.has_value(); }
  [[nodiscard]] const Failure& refusal() const { return opened_.error(); }
  Writer& operator*() { return **opened_; }
  Writer* operator->() { return opened_->get(); }
  /// As a crash: the writer goes, nothing is closed.
  void drop();

  /// Submits and waits until its fate is known; true: durable.
  bool put(const std::string& body, const std::vector<Identity>& identities = {});
  /// Waits until the fate of this ticket is known; true: durable.
  bool await(Ticket ticket);
  void await_failure();
  void await_fatal();
  /// Waits until the writer admits again.
  void await_admission();

  [[nodiscard]] const std::vector<SeenFrame>& recovered() const { return recovered_; }
  std::vector<Durable> durables();
  std::vector<Failed> failures();
  std::string fatal();

 private:
  std::mutex mutex_;
  std::condition_variable told_;
  std::vector<SeenFrame> recovered_;
  std::vector<Durable> durables_;
  std::vector<Failed> failures_;
  std::string fatal_;
  Result<std::unique_ptr<Writer>> opened_;
};

/// Files of a journal of these bodies, one frame each, the first with identities; stopped as by a crash.
std::map<std::string, std::string> journal_of(const std::vector<std::string>& bodies,
                                              WriterOptions options = small_options());

/// What a start on these files sees, or why it refuses. `after` gets the files after it.
struct Start {
  std::optional<Failure> refusal;
  std::vector<SeenFrame> frames;
  std::optional<Finding> cut;
};
Start start_on(const std::map<std::string, std::string>& image, WriterOptions options = small_options(),
               std::set<UserRef> erased = {}, std::map<std::string, std::string>* after = nullptr);

}  // namespace windfall::journal

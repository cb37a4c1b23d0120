// The one writer of a journal. Batches are submitted from an event loop; a flusher thread puts everything that has
// queued into one frame, syncs it, says so, and only then writes the next: the slower the disk, the larger the frames
// (natural batching).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "adapters/journal/data_directory.hpp"
#include "adapters/journal/erasure.hpp"
#include "adapters/journal/recovery.hpp"
#include "adapters/journal/segment_shelf.hpp"

namespace windfall::journal {

/// Large enough that naming a new segment (a directory sync) is rare, small enough to prewrite within a second on a
/// slow disk.
inline constexpr std::uint64_t kSegmentBytes = 64ULL * 1024 * 1024;
/// 0.1 s of a disk that writes 160 MB/s: what waits longer had better be refused early.
inline constexpr std::size_t kMaxQueuedBytes = 16ULL * 1024 * 1024;
/// While the disk is full, how often to look for room: admissions come back within this time.
inline constexpr std::chrono::milliseconds kRoomRetry{500};
static_assert(kMaxQueuedBytes + kFrameOverhead <= kSegmentBytes,
              "one frame takes the whole queue and lies in one segment");

struct WriterOptions {
  std::string directory;             ///< the data directory; its parent must exist
  KeyFingerprint fingerprint;        ///< of the user-hash key
  std::optional<LineageId> lineage;  ///< the only one accepted; a new directory gets it, or a random one
  std::uint64_t covered = 0;         ///< the ledger has seen this frame; a journal that ends before it is damaged
  std::uint64_t segment_bytes = kSegmentBytes;
  std::size_t max_queued_bytes = kMaxQueuedBytes;
  std::chrono::milliseconds room_retry = kRoomRetry;
};

/// Number of a submitted batch, from 1 in each process.
struct Ticket {
  std::uint64_t value = 0;
  auto operator<=>(const Ticket&) const = default;
};

struct Durable {
  Ticket up_to;  ///< this batch and all before it
  std::uint64_t frame_sequence = 0;
};

struct Failed {
  Ticket from;  ///< all batches from here to `to` are not in the journal
  Ticket to;
  Failure failure;
};

/// Called from threads of the writer; must not call back into it. Those of recovery are called from within open().
struct WriterHooks {
  Visitor visit;
  IsErased is_erased;
  std::function<void(const Durable&)> on_durable;
  std::function<void(const Failed&)> on_failed;
  OnFatal on_fatal;  ///< empty: one line to stderr, and the process ends
};

class Writer {
 public:
  /// Locks the directory, recovers it (see recovery.hpp), and is ready to append once this returns.
  /// conflict: in use, another lineage, another user-hash key. invalid: options or format version. damaged: names file
  /// and offset.
  static Result<std::unique_ptr<Writer>> open(WriterOptions options, WriterHooks hooks,
                                              FileSystem& files = real_file_system());

  /// As a crash would, but orderly: what is queued is dropped without a word. close() first if that is not wanted.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Queues a batch: its body is concatenated to those of its frame, never split. Exactly one of on_durable and
  /// on_failed will cover the ticket. Never waits for the disk; safe from any thread. overloaded: the queue is at its
  /// limit. disk_full: a failure waits for resume(). invalid: an identity without a legal id. unavailable: closed, or
  /// stopped by a fatal error.
  Result<Ticket> submit(std::string_view body, std::span<const Identity> identities);

  /// After on_failed every submit() is refused until this is called: batches decided on top of the failed ones must not
  /// get in. Call it when all of them are undone.
  void resume();

  /// False while there is no room on the disk or none in the queue: callers can refuse early. Never waits. submit() is
  /// still tried, since what is left of the current segment can serve effects that were already under way.
  [[nodiscard]] bool can_admit() const;

  /// Sequence of the last durable frame; readers may go this far.
  [[nodiscard]] std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }

  [[nodiscard]] const LineageId& lineage() const { return lineage_; }
  /// What recovery found; torn_tail has been cut.
  [[nodiscard]] const Survey& recovered() const { return recovered_; }

  /// Zeros the ids of these users in the durable frames and returns how many, once they are durably gone. Repeating it
  /// is harmless. Reads the whole journal, so it belongs on a worker thread; several at a time take turns. Journal the
  /// erasure itself first: after a crash in the middle, recovery asks `is_erased`.
  Result<std::size_t> erase(std::span<const Erasure> erasures);

  /// Drains the queue, appends a durable clean-stop frame, stops. From one thread only. disk_full: all was drained or
  /// failed, but that frame had no room.
  Result<void> close();

 private:
  enum class Flushed : unsigned char { durable, no_room, dead };

  Writer(WriterOptions options, WriterHooks hooks, FileSystem& files, OpenDirectory directory, RecoveredTail tail);
  void start();
  void run();
  bool wait_for_work();
  void flush_batch();
  Flushed append(FrameDraft& draft, FrameKind kind);
  Flushed next_segment();
  Flushed write_frame(std::string_view frame);
  bool repair_tail();
  void report_failure();
  void note_admission();
  Flushed trouble(const std::string& what, Errno error);
  void die(const std::string& why);

  const WriterOptions options_;
  const WriterHooks hooks_;
  FileSystem& files_;
  const std::unique_ptr<FileLock> lock_;
  const LineageId lineage_;
  Survey recovered_;

  // The queue, under mutex_.
  mutable std::mutex mutex_;
  std::condition_variable work_;
  FrameDraft queue_;
  std::size_t queued_bytes_ = 0;  ///< of queue_ and of the frame being written
  Ticket last_ticket_;
  Ticket settled_;  ///< the last one whose fate is decided
  bool awaiting_resume_ = false;
  bool closing_ = false;
  bool abandoned_ = false;

  // The flusher's own.
  FrameDraft frame_;
  std::unique_ptr<File> segment_;
  std::string segment_path_;
  std::uint64_t capacity_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t dirty_bytes_ = 0;  ///< what a failed frame may have left at offset_
  std::uint64_t last_sequence_ = 0;
  FrameHash last_hash_;
  Ticket frame_ticket_;  ///< the last one in frame_
  Failure last_trouble_{FailureCode::disk_full, ""};

  std::atomic<std::uint64_t> durable_{0};
  std::atomic<bool> admits_{true};  ///< what the queue says of it
  std::atomic<bool> tail_dirty_{false};
  std::atomic<bool> dead_{false};
  std::mutex erasing_;
  Result<void> closed_;
  std::unique_ptr<SegmentShelf> shelf_;
  std::thread flusher_;
};

}  // namespace windfall::journal

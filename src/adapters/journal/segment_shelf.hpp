// Keeps one segment prewritten ahead of need. A thread writes its zeros, so that the writer's syncs change no metadata
// and a full disk is noticed here, a whole segment before anybody's decision depends on the room.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "adapters/journal/file_system.hpp"

namespace windfall::journal {

/// Called with a line for the operator when going on could lose what was acknowledged. Does not return in production.
using OnFatal = std::function<void(const std::string& why)>;

struct ShelfSettings {
  std::string directory;
  std::uint64_t segment_bytes = 0;
  std::chrono::milliseconds retry{};  ///< between attempts while there is no room
};

class SegmentShelf {
 public:
  /// Takes over a spare that an earlier process finished.
  SegmentShelf(FileSystem& files, ShelfSettings settings, OnFatal on_fatal);
  ~SegmentShelf();
  SegmentShelf(const SegmentShelf&) = delete;
  SegmentShelf& operator=(const SegmentShelf&) = delete;

  /// Gives the spare its name, durably, and hands it over; an empty segment of that name is replaced. Waits for the
  /// spare if it is not ready. A no-room error may go away; after any other on_fatal has been called.
  Io<std::unique_ptr<File>> take(std::uint64_t first_sequence);

  /// True while the last attempt to prepare a spare failed for lack of room. Never waits.
  [[nodiscard]] bool out_of_room() const { return out_of_room_.load(std::memory_order_relaxed); }

  /// Stops the thread after what it is doing; take() must not be called any more.
  void stop();

 private:
  void run();
  Io<std::unique_ptr<File>> find_spare();
  Io<std::unique_ptr<File>> make_spare();
  void die(const std::string& what, Errno error);

  FileSystem& files_;
  const ShelfSettings settings_;
  const OnFatal on_fatal_;

  std::atomic<bool> out_of_room_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<File> spare_;
  Errno trouble_;                      ///< of the last attempt; 0: none
  std::uint64_t attempts_wanted_ = 1;  ///< raised by take() to skip the pause between attempts
  std::uint64_t attempts_done_ = 0;
  bool stopping_ = false;
  bool dead_ = false;
  std::thread thread_;
};

}  // namespace windfall::journal

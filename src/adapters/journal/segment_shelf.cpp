#include "adapters/journal/segment_shelf.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "adapters/journal/data_directory.hpp"

namespace windfall::journal {

SegmentShelf::SegmentShelf(FileSystem& files, ShelfSettings settings, OnFatal on_fatal)
    : files_(files), settings_(std::move(settings)), on_fatal_(std::move(on_fatal)), thread_([this] { run(); }) {}

SegmentShelf::~SegmentShelf() { stop(); }

void SegmentShelf::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Io<std::unique_ptr<File>> SegmentShelf::take(std::uint64_t first_sequence) {
  std::unique_lock lock(mutex_);
  if (spare_ == nullptr) {
    // Skips the pause between attempts: room may have been made since the last one.
    attempts_wanted_ = std::max(attempts_wanted_, attempts_done_ + 1);
    const std::uint64_t mine = attempts_wanted_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return spare_ != nullptr || attempts_done_ >= mine || dead_ || stopping_; });
  }
  if (spare_ == nullptr) return tl::make_unexpected(trouble_.value != 0 ? trouble_ : Errno{ECANCELED});

  const std::string name = segment_path(settings_.directory, first_sequence);
  if (auto named = files_.rename(spare_path(settings_.directory), name); !named) {
    lock.unlock();
    if (!is_no_room(named.error())) die("name segment " + name, named.error());
    return tl::make_unexpected(named.error());
  }
  auto file = std::move(spare_);
  spare_ = nullptr;
  if (auto synced = files_.sync_directory(journal_path(settings_.directory)); !synced) {
    lock.unlock();
    die("sync the name of segment " + name, synced.error());
    return tl::make_unexpected(Errno{ECANCELED});
  }
  changed_.notify_all();
  return file;
}

void SegmentShelf::run() {
  bool first = true;
  std::unique_lock lock(mutex_);
  while (!stopping_ && !dead_) {
    if (spare_ != nullptr) {
      changed_.wait(lock, [&] { return stopping_ || spare_ == nullptr; });
      continue;
    }
    if (trouble_.value != 0 && attempts_done_ >= attempts_wanted_) {
      changed_.wait_for(lock, settings_.retry, [&] { return stopping_ || attempts_done_ < attempts_wanted_; });
      if (stopping_) return;
    }
    lock.unlock();
    auto made = std::exchange(first, false) ? find_spare() : make_spare();
    if (!made && !is_no_room(made.error())) die("prepare a segment in " + settings_.directory, made.error());
    lock.lock();
    trouble_ = made ? Errno{} : made.error();
    dead_ = dead_ || (!made && !is_no_room(made.error()));
    out_of_room_ = trouble_.value != 0;
    if (made) spare_ = std::move(*made);
    ++attempts_done_;
    changed_.notify_all();
  }
}

Io<std::unique_ptr<File>> SegmentShelf::find_spare() {
  auto file = files_.open(spare_path(settings_.directory), OpenMode::write);
  if (file) {
    const auto size = (*file)->size();
    if (size && *size == settings_.segment_bytes) return file;
  }
  return make_spare();
}

Io<std::unique_ptr<File>> SegmentShelf::make_spare() {
  const std::string unfinished = unfinished_spare_path(settings_.directory);
  auto file = files_.open(unfinished, OpenMode::replace);
  if (!file) return file;
  Io<void> done = (*file)->allocate(settings_.segment_bytes);
  if (done) done = write_zeros(**file, 0, settings_.segment_bytes);
  if (done) done = (*file)->sync();
  if (done) done = files_.rename(unfinished, spare_path(settings_.directory));
  if (done) return file;
  if (is_no_room(done.error())) {
    // Half a spare is of no use, and others need the room it takes: the ledger, and the operator who has to tidy up.
    file->reset();
    if (auto removed = files_.remove(unfinished); !removed && removed.error().value != ENOENT) {
      return tl::make_unexpected(removed.error());
    }
  }
  return tl::make_unexpected(done.error());
}

void SegmentShelf::die(const std::string& what, Errno error) {
  on_fatal_(fmt::format("cannot {}: {}", what, std::generic_category().message(error.value)));
  const std::lock_guard lock(mutex_);
  dead_ = true;
  changed_.notify_all();
}

}  // namespace windfall::journal

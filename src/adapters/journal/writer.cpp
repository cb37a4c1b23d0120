#include "adapters/journal/writer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <system_error>
#include <utility>

#include "adapters/journal/erasure.hpp"

namespace windfall::journal {
namespace {

/// EX_IOERR of sysexits.h; supervisors restart the process, and recovery finds out what is durable.
constexpr int kExitIoError = 74;

void end_process(const std::string& why) {
  fmt::print(stderr, "windfall: journal: {}; stopping, because going on could lose what was acknowledged\n", why);
  std::fflush(stderr);
  ::_exit(kExitIoError);
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::open(WriterOptions options, WriterHooks hooks, FileSystem& files) {
  if (options.max_queued_bytes == 0 || options.max_queued_bytes + kFrameOverhead > options.segment_bytes ||
      options.segment_bytes > UINT32_MAX) {
    return fail(FailureCode::invalid, fmt::format("a segment of {} bytes cannot hold a queue of {} bytes as one frame",
                                                  options.segment_bytes, options.max_queued_bytes));
  }
  if (!hooks.on_fatal) hooks.on_fatal = end_process;
  auto directory = open_for_writing(files, options.directory, {options.fingerprint, options.lineage});
  if (!directory) return tl::make_unexpected(directory.error());
  auto tail =
      recover(files, options.directory, directory->record.lineage, {options.covered, hooks.visit, hooks.is_erased});
  if (!tail) return tl::make_unexpected(tail.error());

  std::unique_ptr<Writer> writer(
      new Writer(std::move(options), std::move(hooks), files, std::move(*directory), std::move(*tail)));
  if (writer->segment_ == nullptr && writer->next_segment() != Flushed::durable) {
    return tl::make_unexpected(writer->last_trouble_);
  }
  writer->start();
  return writer;
}

Writer::Writer(WriterOptions options, WriterHooks hooks, FileSystem& files, OpenDirectory directory, RecoveredTail tail)
    : options_(std::move(options)),
      hooks_(std::move(hooks)),
      files_(files),
      lock_(std::move(directory.lock)),
      lineage_(directory.record.lineage),
      recovered_(std::move(tail.survey)),
      segment_(std::move(tail.file)),
      segment_path_(segment_path(options_.directory, recovered_.tail.segment_first_sequence)),
      capacity_(tail.capacity),
      offset_(recovered_.tail.offset),
      last_sequence_(recovered_.last_sequence),
      last_hash_(recovered_.last_hash),
      durable_(recovered_.last_sequence),
      shelf_(std::make_unique<SegmentShelf>(
          files, ShelfSettings{options_.directory, options_.segment_bytes, options_.room_retry},
          [this](const std::string& why) { die(why); })) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  work_.notify_all();
  if (flusher_.joinable()) flusher_.join();
  shelf_->stop();
}

void Writer::start() {
  flusher_ = std::thread([this] { run(); });
}

Result<Ticket> Writer::submit(std::string_view body, std::span<const Identity> identities) {
  for (const Identity& identity : identities) {
    if (identity.id.empty() || identity.id.size() > kMaxIdBytes || identity.id.front() == '\0') {
      return fail(FailureCode::invalid, fmt::format("an identity of {} bytes", identity.id.size()));
    }
  }
  const std::size_t bytes = encoded_bytes(body, identities);
  if (bytes > options_.max_queued_bytes) {
    return fail(FailureCode::invalid,
                fmt::format("a batch of {} bytes is over the limit of {}", bytes, options_.max_queued_bytes));
  }
  Ticket ticket;
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || dead_) return fail(FailureCode::unavailable, "the journal is closed");
    if (awaiting_resume_) return fail(FailureCode::disk_full, "the journal waits until the failed batches are undone");
    if (queued_bytes_ + bytes > options_.max_queued_bytes) {
      return fail(FailureCode::overloaded, fmt::format("{} bytes wait for the disk already", queued_bytes_));
    }
    queue_.add(body, identities);
    queued_bytes_ += bytes;
    ticket = Ticket{++last_ticket_.value};
    note_admission();
  }
  work_.notify_one();
  return ticket;
}

void Writer::resume() {
  const std::lock_guard lock(mutex_);
  awaiting_resume_ = false;
  note_admission();
}

bool Writer::can_admit() const { return admits_ && !dead_ && !tail_dirty_ && !shelf_->out_of_room(); }

/// With mutex_ held, after what it looks at has changed: every request asks, and need not take the lock for it.
void Writer::note_admission() { admits_ = !closing_ && !awaiting_resume_ && queued_bytes_ < options_.max_queued_bytes; }

Result<std::size_t> Writer::erase(std::span<const Erasure> erasures) {
  const std::lock_guard one_at_a_time(erasing_);
  const auto places = find_identities(files_, options_.directory, lineage_, durable(), erasures);
  if (!places) return tl::make_unexpected(places.error());
  const auto fatal = [this](const std::string& why) { die(why); };
  if (auto erased = erase_at(files_, options_.directory, *places, fatal); !erased) {
    return tl::make_unexpected(erased.error());
  }
  return places->size();
}

Result<void> Writer::close() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closing_, true)) return closed_;
    note_admission();
  }
  work_.notify_all();
  if (flusher_.joinable()) flusher_.join();
  frame_.clear();
  if (!dead_ && append(frame_, FrameKind::clean_stop) == Flushed::no_room) {
    closed_ = tl::make_unexpected(last_trouble_);
  }
  shelf_->stop();
  if (dead_) closed_ = fail(FailureCode::unavailable, "the journal was stopped by a fatal error");
  return closed_;
}

// ---- the flusher

void Writer::run() {
  while (wait_for_work()) flush_batch();
}

/// Moves the queue into frame_; false: there will be no more. Uses the time without work to look for room.
bool Writer::wait_for_work() {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return last_ticket_ > settled_ || closing_ || abandoned_ || dead_; };
  while (!ready()) {
    if (dirty_bytes_ == 0) {
      work_.wait(lock, ready);
    } else if (!work_.wait_for(lock, options_.room_retry, ready)) {
      lock.unlock();
      repair_tail();
      lock.lock();
    }
  }
  if (abandoned_ || dead_ || last_ticket_ == settled_) return false;
  std::swap(queue_, frame_);
  queue_.clear();
  frame_ticket_ = last_ticket_;
  return true;
}

void Writer::flush_batch() {
  const std::size_t taken = frame_.frame_bytes() - kFrameOverhead;
  switch (append(frame_, FrameKind::data)) {
    case Flushed::durable: {
      {
        const std::lock_guard lock(mutex_);
        queued_bytes_ -= taken;
        settled_ = frame_ticket_;
        note_admission();
      }
      if (hooks_.on_durable) hooks_.on_durable({frame_ticket_, last_sequence_});
      return;
    }
    case Flushed::no_room:
      return report_failure();
    case Flushed::dead:
      return;
  }
}

/// What was submitted meanwhile was decided on top of what failed: it fails too.
void Writer::report_failure() {
  Failed failed;
  {
    const std::lock_guard lock(mutex_);
    failed.from = Ticket{settled_.value + 1};
    failed.to = last_ticket_;
    settled_ = last_ticket_;
    queue_.clear();
    queued_bytes_ = 0;
    awaiting_resume_ = true;
    note_admission();
  }
  failed.failure = last_trouble_;
  if (hooks_.on_failed) hooks_.on_failed(failed);
}

Writer::Flushed Writer::append(FrameDraft& draft, FrameKind kind) {
  if (!repair_tail()) return dead_ ? Flushed::dead : Flushed::no_room;
  if (offset_ + draft.frame_bytes() > capacity_) {
    if (const Flushed moved = next_segment(); moved != Flushed::durable) return moved;
  }
  const std::string_view frame = draft.seal(kind, lineage_, last_sequence_ + 1, last_hash_);
  if (const Flushed written = write_frame(frame); written != Flushed::durable) return written;
  offset_ += frame.size();
  last_hash_ = draft.hash();
  ++last_sequence_;
  durable_.store(last_sequence_, std::memory_order_release);
  return Flushed::durable;
}

Writer::Flushed Writer::write_frame(std::string_view frame) {
  if (auto written = write_fully(*segment_, frame, offset_); !written) {
    dirty_bytes_ = frame.size();
    tail_dirty_ = true;
    const Flushed result = trouble("write to " + segment_path_, written.error());
    if (result == Flushed::no_room) repair_tail();
    return result;
  }
  if (auto synced = segment_->sync(); !synced) {
    // The system may have dropped the pages and taken them for clean: a second sync would report success for lost data.
    die(fmt::format("cannot sync {}: {}", segment_path_, std::generic_category().message(synced.error().value)));
    return Flushed::dead;
  }
  return Flushed::durable;
}

/// Takes back what a failed frame may have left, so that a restart does not find what was answered with a failure.
/// False: not yet.
bool Writer::repair_tail() {
  if (dirty_bytes_ == 0) return true;
  if (auto zeroed = write_zeros(*segment_, offset_, dirty_bytes_); !zeroed) {
    trouble("undo a frame in " + segment_path_, zeroed.error());
    return false;
  }
  if (auto synced = segment_->sync(); !synced) {
    die(fmt::format("cannot sync {}: {}", segment_path_, std::generic_category().message(synced.error().value)));
    return false;
  }
  dirty_bytes_ = 0;
  tail_dirty_ = false;
  return true;
}

Writer::Flushed Writer::next_segment() {
  const std::uint64_t first = last_sequence_ + 1;
  auto taken = shelf_->take(first);
  if (!taken) return trouble("prepare a segment in " + options_.directory, taken.error());
  segment_ = std::move(*taken);
  segment_path_ = segment_path(options_.directory, first);
  capacity_ = options_.segment_bytes;
  offset_ = 0;
  return Flushed::durable;
}

Writer::Flushed Writer::trouble(const std::string& what, Errno error) {
  const std::string why = fmt::format("cannot {}: {}", what, std::generic_category().message(error.value));
  last_trouble_ = {is_no_room(error) ? FailureCode::disk_full : FailureCode::unavailable, why};
  if (is_no_room(error)) return Flushed::no_room;
  die(why);
  return Flushed::dead;
}

/// In production the hook does not return; in tests the writer goes silent.
void Writer::die(const std::string& why) {
  if (dead_.exchange(true)) return;
  hooks_.on_fatal(why);
  const std::lock_guard lock(mutex_);
  work_.notify_all();
}

}  // namespace windfall::journal

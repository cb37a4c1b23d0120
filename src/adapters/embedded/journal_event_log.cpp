#include "adapters/embedded/journal_event_log.hpp"

#include "adapters/codec/event_codec.hpp"

namespace windfall::embedded {

namespace {

/// An event with its share of frame and identity, about; only to turn a number of events into bytes to read.
constexpr std::size_t kBytesPerEvent = 96;

}  // namespace

Result<LogBatch> JournalEventLog::read(std::uint64_t position, std::size_t max_events) {
  const std::lock_guard lock(mutex_);
  const journal::Position from =
      next_.frame_sequence == position + 1 ? next_ : journal::Position{.frame_sequence = position + 1};
  const std::uint64_t durable = durable_();
  LogBatch batch{.events = {}, .identities = {}, .position = position};
  if (durable <= position) return batch;
  const Result<journal::Chunk> chunk = reader_.read(from, max_events * kBytesPerEvent, durable);
  if (!chunk) return tl::unexpected(chunk.error());
  for (const journal::Frame& frame : chunk->frames) {
    std::string_view body = frame.view.body;
    while (!body.empty()) {
      Result<Recorded> recorded = codec::decode(body);
      if (!recorded) return tl::unexpected(recorded.error());
      batch.events.push_back(std::move(*recorded));
    }
    for (const journal::StoredIdentity& identity : frame.view.identities) {
      batch.identities.push_back({.user = identity.ref, .id = std::string(identity.id)});
    }
    batch.position = frame.view.sequence;
  }
  next_ = chunk->next;
  return batch;
}

}  // namespace windfall::embedded

#include "simulation/simulated_journal.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "adapters/codec/event_codec.hpp"

namespace windfall::simulation {

namespace {

/// A flash disk's sync, and one of a disk that is busy with something else.
constexpr std::int64_t kSyncMs = 4;
constexpr std::int64_t kSlowSyncMs = 900;

/// Records begin with the length of what follows.
std::uint64_t count_events(std::string_view body) {
  std::uint64_t events = 0;
  for (; !body.empty(); ++events) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length |= std::uint32_t{static_cast<unsigned char>(body[i])} << (8 * i);
    body.remove_prefix(4 + std::size_t{length});
  }
  return events;
}

void append(Frame& to, const embedded::TurnBatch& batch) {
  to.body += batch.body;
  to.events += count_events(batch.body);
  to.identities.insert(to.identities.end(), batch.identities.begin(), batch.identities.end());
}

}  // namespace

Result<std::uint64_t> SimulatedJournal::submit(const embedded::TurnBatch& batch, std::uint64_t digest) {
  if (awaiting_resume_) return fail(FailureCode::disk_full, "the journal waits until the failed batches are undone");
  if (queue_.body.size() + frame_.body.size() + batch.body.size() > limit_) {
    return fail(FailureCode::overloaded, "the queue is full");
  }
  append(queue_, batch);
  queue_.digest = digest;
  ++queued_;
  const std::uint64_t ticket = ++last_ticket_;
  if (mutant_ == Mutant::answers_before_sync) {
    loop_.post([this, ticket] { hooks_.on_durable(ticket, disk_.frames.size()); });
  }
  if (!writing_) wake();
  return ticket;
}

void SimulatedJournal::wake() {
  writing_ = true;
  agenda_.after(dice_.between(0, 1), Owner::process, [this] { flush(); });
}

void SimulatedJournal::flush() {
  frame_ = std::exchange(queue_, {});
  queued_ = 0;
  frame_ticket_ = last_ticket_;
  const std::int64_t takes = disk_.slow ? dice_.between(1, kSlowSyncMs) : dice_.between(0, kSyncMs);
  agenda_.after(takes, Owner::process, [this] { finish(); });
}

void SimulatedJournal::finish() {
  if (std::exchange(disk_.sync_fails, false)) return hooks_.on_fatal();
  if (disk_.full) return fail_all({.code = FailureCode::disk_full, .message = "no space left on device"});
  disk_.frames.push_back(std::exchange(frame_, {}));
  settled_ = frame_ticket_;
  const std::uint64_t sequence = disk_.frames.size();
  loop_.post([this, ticket = frame_ticket_, sequence] { hooks_.on_durable(ticket, sequence); });
  writing_ = false;
  if (queued_ > 0) wake();
}

/// What was submitted meanwhile was decided on top of what failed: it fails too.
void SimulatedJournal::fail_all(Failure why) {
  const std::uint64_t from = settled_ + 1;
  settled_ = last_ticket_;
  frame_ = {};
  queue_ = {};
  queued_ = 0;
  writing_ = false;
  awaiting_resume_ = true;
  loop_.post([this, from, why = std::move(why)] { hooks_.on_failed(from, why); });
}

void SimulatedJournal::crash() {
  if (mutant_ == Mutant::disk_lies && !disk_.frames.empty() && dice_.percent(50)) disk_.frames.pop_back();
  if (frame_.body.empty()) return;
  // A torn frame is cut by recovery; half of the time it was written whole.
  const std::uint64_t written = std::min<std::uint64_t>(dice_.below(2 * frame_.body.size() + 1), frame_.body.size());
  if (written == frame_.body.size()) disk_.frames.push_back(frame_);
}

Result<LogBatch> SimulatedEventLog::read(std::uint64_t position, std::size_t max_events) {
  if (!healed && dice_.percent(1)) return fail(FailureCode::unavailable, "the log cannot be read just now");
  LogBatch batch{.events = {}, .identities = {}, .position = position};
  while (batch.position < disk_.frames.size() && batch.events.size() < max_events) {
    const Frame& frame = disk_.frames[batch.position];
    std::string_view body = frame.body;
    while (!body.empty()) {
      Result<Recorded> recorded = codec::decode(body);
      if (!recorded) return tl::unexpected(recorded.error());
      batch.events.push_back(std::move(*recorded));
    }
    for (const embedded::NamedUser& named : frame.identities) {
      batch.identities.push_back({.user = named.user, .id = named.id});
    }
    ++batch.position;
  }
  return batch;
}

}  // namespace windfall::simulation

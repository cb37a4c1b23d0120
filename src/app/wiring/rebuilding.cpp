#include "app/wiring/rebuilding.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace windfall::app {

namespace {

/// A node that is busy, or fails over, may not answer in time; what was done of a partition then is done anew.
constexpr int kTries = 5;

}  // namespace

/// What is still to be rebuilt, shared by those who work it off.
struct Rebuilding::Queue {
  Term term;
  struct Item {
    EpochBook::Entry entry;
    int tries = 0;
  };
  std::deque<Item> items;
  std::size_t workers = 0;
  bool any = false;
  bool over = false;               ///< this process leads no more
  std::optional<Failure> failure;  ///< the first one
  Completion<bool> done;
};

/// The page of a partition's log that is read while the one before it is folded.
struct Rebuilding::Ahead {
  struct Page {
    Sequence after;
    Completion<Result<std::vector<Recorded>>> events;
  };
  std::shared_ptr<Page> page;  ///< nullptr: none is asked for
  std::uint64_t handed_out = 0;
};

/// Another leader may have been faster. A partition whose server is away has to wait until it is back.
Task<std::vector<PartitionNo>> Rebuilding::really_missing(std::vector<PartitionNo> of) {
  std::vector<PartitionNo> missing;
  for (const PartitionNo partition : of) {
    std::vector<PartitionNo> one{partition};
    const auto there = co_await parts_.store.headers(std::move(one));
    if (there && there->empty()) missing.push_back(partition);
  }
  co_return missing;
}

Task<Result<bool>> Rebuilding::outboxes_are_empty(std::vector<PartitionNo> of) {
  const std::int64_t until = parts_.clock.monotonic_ms() + kArrivalMs;
  while (parts_.clock.monotonic_ms() < until && parts_.leads()) {
    bool empty = true;
    for (const PartitionNo partition : of) {
      std::string id = parts_.store.mirror().at(partition).id;
      const auto page = co_await parts_.outbox.read(std::move(id), std::nullopt, 1);
      if (!page) co_return tl::unexpected(page.error());
      empty = empty && page->empty();
    }
    if (empty) co_return true;
    co_await sleep_for(parts_.timer, kLookMs);
  }
  co_return fail(FailureCode::unavailable, "the stream has not taken what outboxes still hold");
}

Task<Result<std::vector<EpochBook::Entry>>> Rebuilding::grant(Term term, std::vector<PartitionNo> to) {
  // The ledger may be elsewhere than the book, and the book may be younger than both.
  const auto places = co_await parts_.reads.run([this] { return parts_.ledger.places(); });
  if (!places) co_return tl::unexpected(places.error());
  std::vector<EpochBook::Entry> above;
  for (const PartitionNo partition : to) {
    const redis::Known& known = parts_.store.mirror().at(partition);
    Epoch epoch = std::max(known.header.epoch, known.confirmed_epoch);
    for (const KeptLedger::Place& place : *places) {
      if (place.partition == partition) epoch = std::max(epoch, place.epoch);
    }
    above.push_back({.partition = partition, .epoch = epoch});
  }
  co_return co_await parts_.writes.run([this, term, &above] { return parts_.book.grant(term, above); });
}

Task<Result<bool>> Rebuilding::all_confirmed(Term term, std::vector<EpochBook::Entry> granted) {
  const std::int64_t until = parts_.clock.monotonic_ms() + kArrivalMs;
  while (parts_.clock.monotonic_ms() < until && parts_.leads()) {
    const Result<std::size_t> awaited =
        co_await parts_.writes.run([this, term, &granted] { return parts_.book.awaited(term, granted, kSilenceMs); });
    if (!awaited) co_return tl::unexpected(awaited.error());
    if (*awaited == 0) co_return true;
    co_await sleep_for(parts_.timer, kLookMs);
  }
  co_return fail(FailureCode::unavailable, "a process still has events under way to the stream");
}

/// What outboxes still hold, then what processes hold, then what the stream holds: each comes to rest behind the one
/// before, and the ledger has it all when the epochs begin.
Task<Result<std::vector<EpochBook::Entry>>> Rebuilding::prepare(Term term, std::vector<PartitionNo> missing) {
  std::vector<PartitionNo> all = missing;
  const Result<bool> empty = co_await outboxes_are_empty(std::move(all));
  if (!empty) co_return tl::unexpected(empty.error());
  std::vector<PartitionNo> to = missing;
  auto granted = co_await grant(term, std::move(to));
  if (!granted) co_return granted;
  std::vector<EpochBook::Entry> entries = *granted;
  const Result<bool> confirmed = co_await all_confirmed(term, std::move(entries));
  if (!confirmed) co_return tl::unexpected(confirmed.error());
  std::vector<std::string> ids;
  ids.reserve(missing.size());
  for (const PartitionNo partition : missing) ids.push_back(parts_.store.mirror().at(partition).id);
  const Result<std::uint64_t> applied = co_await parts_.writes.run([this, &ids] { return parts_.apply_tail(ids); });
  if (!applied) co_return tl::unexpected(applied.error());
  auto promotions = co_await parts_.reads.run([this] { return parts_.ledger.promotions(); });
  if (!promotions) co_return tl::unexpected(promotions.error());
  const Result<bool> registered = co_await parts_.store.restore_registry(std::move(*promotions));
  if (!registered) co_return tl::unexpected(registered.error());
  const Result<bool> beside = co_await parts_.restore_beside();
  if (!beside) co_return tl::unexpected(beside.error());

  const auto places = co_await parts_.reads.run([this] { return parts_.ledger.places(); });
  if (!places) co_return tl::unexpected(places.error());
  std::map<PartitionNo, Sequence> sizes;
  for (const KeptLedger::Place& place : *places) sizes[place.partition] = place.sequence;
  // Nobody decides anything without the system partition; then as many as possible as soon as possible.
  std::ranges::sort(*granted, {}, [&sizes](const EpochBook::Entry& entry) {
    return std::pair(entry.partition != kSystemPartition, sizes[entry.partition]);
  });
  co_return granted;
}

Task<void> Rebuilding::read_ahead(std::shared_ptr<Ahead> ahead, PartitionNo of, Sequence after, std::size_t most) {
  auto page = std::make_shared<Ahead::Page>();
  page->after = after;
  ahead->page = page;
  // May outlive this object where a rebuild is given up.
  KeptLedger& ledger = parts_.ledger;
  Result<std::vector<Recorded>> events =
      co_await parts_.reads.run([&ledger, of, after, most] { return ledger.events(of, after, most); });
  page->events.complete(std::move(events));
}

Task<Result<std::vector<Recorded>>> Rebuilding::next_events(std::shared_ptr<Ahead> ahead, PartitionNo of,
                                                            Sequence after, std::size_t most) {
  if (!ahead->page || ahead->page->after != after) detach(read_ahead(ahead, of, after, most));
  const std::shared_ptr<Ahead::Page> page = std::exchange(ahead->page, nullptr);
  Result<std::vector<Recorded>> events = co_await page->events;
  if (!events) co_return events;
  if (hooks_.folded) hooks_.folded(of, ahead->handed_out);
  ahead->handed_out += events->size();
  if (!events->empty()) detach(read_ahead(ahead, of, events->back().sequence, most));
  co_return events;
}

Task<Result<std::optional<Instant>>> Rebuilding::last_at(PartitionNo of) {
  co_return co_await parts_.reads.run([this, of]() -> Result<std::optional<Instant>> {
    const auto places = parts_.ledger.places();
    if (!places) return tl::unexpected(places.error());
    const auto place = std::ranges::find(*places, of, &KeptLedger::Place::partition);
    if (place == places->end() || place->sequence == Sequence{}) return std::nullopt;
    const auto last = parts_.ledger.events(of, Sequence{place->sequence.value - 1}, 1);
    if (!last) return tl::unexpected(last.error());
    return last->empty() ? std::nullopt : std::optional(last->front().time);
  });
}

Task<Result<bool>> Rebuilding::rebuild(Term term, EpochBook::Entry entry) {
  const auto known_last_at = co_await last_at(entry.partition);
  if (!known_last_at) co_return tl::unexpected(known_last_at.error());
  auto ahead = std::make_shared<Ahead>();
  redis::LogSource source{
      .last_at = *known_last_at,
      .events = [this, ahead](PartitionNo of, Sequence after,
                              std::size_t most) { return next_events(ahead, of, after, most); },
      .begin_epoch =
          [this](PartitionNo of, Epoch next, Sequence at) {
            return parts_.writes.run([this, of, next, at] { return parts_.ledger.begin_epoch(of, next, at); });
          }};
  const auto rebuilt = co_await parts_.store.rebuild_partition(entry.partition, entry.epoch, std::move(source));
  if (!rebuilt) co_return tl::unexpected(rebuilt.error());
  Done done{.rebuilt = *rebuilt, .ended = {}};
  const Sequence last = rebuilt->last;
  const Instant last_at = rebuilt->last_at;
  const auto ended = co_await parts_.writes.run(
      [this, term, entry, last, last_at] { return parts_.book.conclude(term, entry, last, last_at); });
  if (ended) {
    done.ended = *ended;
  } else {
    parts_.trouble("not_concluded", ended.error().message);
  }
  if (hooks_.rebuilt) hooks_.rebuilt(entry.partition, done);
  co_return true;
}

Task<void> Rebuilding::work(std::shared_ptr<Queue> queue) {
  while (!queue->items.empty() && !queue->over) {
    Queue::Item item = queue->items.front();
    queue->items.pop_front();
    const Result<bool> done = co_await rebuild(queue->term, item.entry);
    queue->any = queue->any || done.has_value();
    if (done) continue;
    if (done.error().code == FailureCode::unavailable && ++item.tries < kTries && parts_.leads()) {
      queue->items.push_back(item);
      co_await sleep_for(parts_.timer, kLookMs);
      continue;
    }
    if (!queue->failure) queue->failure = done.error();
    if (done.error().code == FailureCode::conflict) {
      const Result<Term> still = co_await parts_.in_term();
      if (!still) queue->over = true;
    }
    if (!parts_.leads()) queue->over = true;
  }
  if (--queue->workers == 0) queue->done.complete(true);
}

Task<Result<bool>> Rebuilding::run(std::vector<PartitionNo> partitions) {
  std::vector<PartitionNo> missing = co_await really_missing(std::move(partitions));
  if (missing.empty()) co_return false;
  const Result<Term> term = co_await parts_.in_term();
  if (!term) co_return tl::unexpected(term.error());
  const auto granted = co_await prepare(*term, std::move(missing));
  if (!granted) co_return tl::unexpected(granted.error());
  if (!parts_.leads()) co_return fail(FailureCode::unavailable, "another process leads now");
  auto queue = std::make_shared<Queue>();
  queue->term = *term;
  for (const EpochBook::Entry entry : *granted) queue->items.push_back({.entry = entry});
  queue->workers = std::min(kAtOnce, queue->items.size());
  if (queue->workers == 0) co_return false;
  for (std::size_t i = queue->workers; i > 0; --i) detach(work(queue));
  co_await queue->done;
  if (queue->failure) co_return tl::unexpected(*queue->failure);
  co_return queue->any;
}

}  // namespace windfall::app

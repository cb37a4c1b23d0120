#include "application/on_event/relay_outbox.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace windfall {

void RelayOutbox::start() {
  if (stopped_) return;
  plan_sweep();
  if (!sweeping_) detach(sweep());
}

void RelayOutbox::plan_sweep() {
  if (sweep_planned_ || stopped_) return;
  sweep_planned_ = true;
  timer_.after(kSweepMs, [this] {
    sweep_planned_ = false;
    plan_sweep();
    if (!sweeping_ && !pausing_ && !stopped_) detach(sweep());
  });
}

Task<void> RelayOutbox::sweep() {
  sweeping_ = true;
  const Result<std::vector<Outbox::Backlog>> backlogs = co_await outbox_.backlogs();
  sweeping_ = false;
  if (!backlogs) {
    pause(backlogs.error().message);
    co_return;
  }
  entries_ = 0;
  fullest_ = 0;
  for (const Outbox::Backlog& backlog : *backlogs) {
    entries_ += backlog.entries;
    fullest_ = std::max(fullest_, backlog.entries);
    lines_[backlog.promotion_id].again = true;
  }
  begin_waiting();
}

void RelayOutbox::poke(const std::string& promotion_id) {
  lines_[promotion_id].again = true;
  begin(promotion_id);
}

void RelayOutbox::begin(const std::string& promotion_id) {
  Line& line = lines_[promotion_id];
  if (line.carried || line.elsewhere || pausing_ || stopped_ || carried_ >= kAtOnce) return;
  line.carried = true;
  ++carried_;
  detach(carry(promotion_id));
}

void RelayOutbox::begin_waiting() {
  // Beginning one may end it at once, and then takes it off the list.
  std::vector<std::string> waiting;
  for (const auto& [promotion_id, line] : lines_) {
    if (line.again && !line.carried && !line.elsewhere) waiting.push_back(promotion_id);
  }
  for (const std::string& promotion_id : waiting) {
    if (carried_ >= kAtOnce) return;
    if (lines_.contains(promotion_id)) begin(promotion_id);
  }
}

/// Another relay carries it: looked at again a little later, whether anybody pokes or not.
void RelayOutbox::leave(const std::string& promotion_id, Line& line) {
  line.elsewhere = true;
  line.leased.reset();
  timer_.after(kElsewhereMs, [this, promotion_id] {
    lines_[promotion_id].elsewhere = false;
    if (!stopped_) poke(promotion_id);
  });
}

Task<void> RelayOutbox::carry(std::string promotion_id) {
  Line& line = lines_[promotion_id];  // entries of a map stay where they are
  while (!stopped_ && !pausing_ && !line.elsewhere) {
    line.again = false;
    const Result<bool> moved = co_await carry_page(&promotion_id, &line);
    if (!moved) {
      line.leased.reset();  // it ends by itself, and others may fare better
      const FailureCode code = moved.error().code;
      if (code == FailureCode::invalid || code == FailureCode::damaged) {
        // Its own trouble: the others go on, and the next sweep tries it again.
        line.again = false;
        hooks_.trouble(moved.error().message);
      } else {
        line.again = true;
        pause(moved.error().message);
      }
      break;
    }
    retry_ms_ = kRetryMs;
    if (!*moved && !line.again) break;
  }
  if (line.leased) {
    line.leased.reset();
    const Result<bool> given_back = co_await outbox_.give_back(promotion_id);
    static_cast<void>(given_back);  // else it ends by itself
  }
  line.carried = false;
  --carried_;
  if (!line.again && !line.elsewhere && !line.untrimmed && !line.oldest && line.page.empty()) {
    lines_.erase(promotion_id);
  }
  begin_waiting();
}

Task<Result<bool>> RelayOutbox::read_page(const std::string* promotion_id, Line* line) {
  const std::int64_t asked_ms = clock_.monotonic_ms();
  line->tried = false;
  if (line->leased && asked_ms - *line->leased < kRenewMs) {
    Result<std::vector<OutboxEntry>> read = co_await outbox_.read(*promotion_id, line->acknowledged, kPage);
    if (!read) co_return tl::unexpected(read.error());
    line->page = std::move(*read);
    co_return true;
  }
  Result<Outbox::Turn> turn = co_await outbox_.take_turn(*promotion_id, line->acknowledged, kPage, kLeaseMs);
  if (!turn) co_return tl::unexpected(turn.error());
  line->page = std::move(turn->entries);
  line->leased = turn->leased ? std::optional(asked_ms) : std::nullopt;
  if (turn->elsewhere) leave(*promotion_id, *line);
  co_return true;
}

Task<Result<bool>> RelayOutbox::carry_page(const std::string* promotion_id, Line* line) {
  // What is held is published in any case: the stream may have a part of it already.
  if (line->page.empty()) {
    const Result<bool> read = co_await read_page(promotion_id, line);
    if (!read) co_return read;
  }
  const bool any = !line->page.empty();
  if (any) {
    const Result<bool> published = co_await publish_page(promotion_id, line);
    if (!published) co_return published;
  }
  if (line->untrimmed) {
    // If this fails, what is acknowledged is remembered: it is trimmed later, and not published again.
    const Result<bool> trimmed = co_await outbox_.trim(*promotion_id, *line->acknowledged);
    if (!trimmed) co_return tl::unexpected(trimmed.error());
    line->untrimmed = false;
  }
  co_return any;
}

Task<Result<bool>> RelayOutbox::publish_page(const std::string* promotion_id, Line* line) {
  const OutboxId last = line->page.back().id;
  bool over = false;
  if (line->tried && hooks_.over) {
    std::string id = *promotion_id;
    over = co_await hooks_.over(std::move(id), last.epoch);
  }
  PromotionEvents batch{.promotion_id = *promotion_id, .events = {}, .identities = {}};
  for (const OutboxEntry& entry : line->page) {
    std::ranges::copy(entry.events, std::back_inserter(batch.events));
    std::ranges::copy(entry.identities, std::back_inserter(batch.identities));
  }
  const std::size_t events = batch.events.size();
  if (events > 0) line->oldest = batch.events.front().time;
  if (over) {
    hooks_.trouble(
        std::to_string(events) + " events of promotion " + *promotion_id +
        " could not be published before their epoch ended: they are among those that its rebuild has counted");
  } else {
    line->tried = true;
    const Result<bool> published = co_await publisher_.publish(std::move(batch));
    if (!published) {
      // The stream will never take it: who repairs the outbox wants to be read anew.
      if (published.error().code == FailureCode::invalid) line->page.clear();
      co_return published;
    }
    published_ += events;
  }
  entries_ -= std::min<std::uint64_t>(entries_, line->page.size());
  line->page.clear();
  line->oldest.reset();
  line->acknowledged = last;
  line->untrimmed = true;
  co_return true;
}

bool RelayOutbox::idle(const std::string& promotion_id) const {
  const auto found = lines_.find(promotion_id);
  return found == lines_.end() || (!found->second.carried && found->second.page.empty());
}

bool RelayOutbox::idle() const {
  return std::ranges::all_of(lines_, [](const auto& line) { return !line.second.carried && line.second.page.empty(); });
}

void RelayOutbox::pause(const std::string& why) {
  if (pausing_) return;
  pausing_ = true;
  hooks_.trouble(why);
  const std::int64_t pause_ms = retry_ms_;
  retry_ms_ = std::min(retry_ms_ * 2, kLongestRetryMs);
  timer_.after(pause_ms, [this] {
    pausing_ = false;
    if (stopped_) return;
    begin_waiting();
    if (!sweeping_) detach(sweep());
  });
}

RelayOutbox::Lag RelayOutbox::lag() const {
  Lag lag{.entries = entries_, .fullest = std::min(fullest_, entries_)};
  std::optional<Instant> oldest;
  for (const auto& [promotion_id, line] : lines_) {
    if (line.oldest && (!oldest || *line.oldest < *oldest)) oldest = line.oldest;
  }
  if (oldest) lag.oldest_ms = std::max<std::int64_t>(0, clock_.now().ms - oldest->ms);
  return lag;
}

}  // namespace windfall

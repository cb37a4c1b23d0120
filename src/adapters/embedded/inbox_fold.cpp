#include "adapters/embedded/inbox_fold.hpp"

#include <cstring>
#include <utility>

namespace windfall::embedded {

namespace {

UserRef key_of(const InboxFold::Id& id) {
  UserRef key;
  std::memcpy(&key.hi, id.data(), sizeof key.hi);
  std::memcpy(&key.lo, id.data() + sizeof key.hi, sizeof key.lo);
  return key;
}

}  // namespace

void InboxFold::drop_old(Instant now) {
  if (!dropped_.empty() && dropped_.back().free_segments(1)) dropped_.pop_back();
  while (!stretches_.empty() && (stretches_.front().number + 1) * kStretchMs + Inbox::kRememberedMs <= now.ms) {
    dropped_.push_back(std::move(stretches_.front().seen));
    stretches_.pop_front();
  }
}

bool InboxFold::remember(const Id& id, Instant now) {
  drop_old(now);
  const UserRef key = key_of(id);
  for (const Stretch& stretch : stretches_) {
    const std::int64_t* seen = stretch.seen.find(key);
    if (seen != nullptr && *seen != 0 && now.ms - (*seen - 1) < Inbox::kRememberedMs) return false;
  }
  const std::int64_t number = now.ms / kStretchMs;
  if (stretches_.empty() || stretches_.back().number < number) stretches_.push_back({.number = number, .seen = {}});
  stretches_.back().seen.at(key) = now.ms + 1;
  return true;
}

void InboxFold::forget(const Id& id) {
  if (!stretches_.empty() && stretches_.back().seen.find(key_of(id)) != nullptr) {
    stretches_.back().seen.at(key_of(id)) = 0;
  } else if (stretches_.size() > 1) {
    // It was remembered just before a new stretch began.
    stretches_[stretches_.size() - 2].seen.at(key_of(id)) = 0;
  }
}

void InboxFold::add(InboundEvent event) {
  event.order = next_order_++;
  order_[event.id] = event.order;
  waiting_.emplace(event.order, std::move(event));
}

std::optional<InboundEvent> InboxFold::next() {
  if (waiting_.empty()) return std::nullopt;
  InboundEvent event = std::move(waiting_.begin()->second);
  waiting_.erase(waiting_.begin());
  order_.erase(event.id);
  return event;
}

void InboxFold::settled(const Id& id) {
  const auto found = order_.find(id);
  if (found == order_.end()) return;
  waiting_.erase(found->second);
  order_.erase(found);
}

void InboxFold::erase_identity(UserRef user) {
  for (auto& [order, event] : waiting_) {
    if (event.user == user) event.user_id.clear();
  }
}

}  // namespace windfall::embedded

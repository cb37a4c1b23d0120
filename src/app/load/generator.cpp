#include "app/load/generator.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace windfall::load {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kReconnectEvery = kSecond / 100;  // a restarted server is met within 10 ms
constexpr std::int64_t kLongestWait = kSecond / 1000;    // bounds how late the end of a run is noticed
constexpr std::int64_t kGrace = 10 * kSecond;            // for answers after the last request
constexpr int kEventsPerTurn = 256;

std::int64_t monotonic() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (at.tv_sec * kSecond) + at.tv_nsec;
}

std::int64_t nanoseconds(double seconds) { return static_cast<std::int64_t>(seconds * static_cast<double>(kSecond)); }

}  // namespace

Generator::Generator(Plan plan) : plan_(std::move(plan)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  const std::size_t servers = 1 + plan_.more.size();
  for (std::size_t number = 0; number < servers; ++number) {
    const Target& to = server(number);
    std::vector<std::string>& heads = heads_.emplace_back();
    for (const std::string& path : plan_.paths) {
      std::string head = "POST " + to.path + path + " HTTP/1.1\r\nHost: " + to.authority + "\r\nContent-Length: 0\r\n";
      for (const std::string& header : plan_.headers) head += header + "\r\n";
      heads.push_back(head + "X-User-Id: " + plan_.user_prefix);
    }
  }
  slots_.resize(plan_.connections);
  broken_.reserve(slots_.size());
  std::size_t next = 0;
  for (Slot& slot : slots_) {
    slot.server = next;
    next = next + 1 < servers ? next + 1 : 0;
    broken_.push_back(&slot);
  }
}

const Target& Generator::server(std::size_t number) const {
  return number == 0 ? plan_.target : plan_.more[number - 1];
}

Generator::~Generator() { ::close(epoll_); }

Report Generator::run() {
  connect_broken(monotonic());
  start_ = monotonic();
  Nanoseconds now = start_;
  while (!sending_is_over(now)) {
    connect_broken(now);
    send_due(now);
    wait_for_answers(now);
    now = monotonic();
  }
  report_.seconds = static_cast<double>(now - start_) / static_cast<double>(kSecond);
  for (const Nanoseconds last = now + kGrace; outstanding_ > 0 && now < last; now = monotonic()) wait_for_answers(now);
  for (Slot& slot : slots_) {
    if (slot.busy) lose(slot);
  }
  return report_;
}

bool Generator::sending_is_over(Nanoseconds now) const {
  if (no_more_ || (plan_.stop != nullptr && plan_.stop->load(std::memory_order_relaxed))) return true;
  if (plan_.count > 0 && report_.sent + report_.dropped >= plan_.count) return true;
  if (plan_.seconds > 0 && now - start_ >= nanoseconds(plan_.seconds)) return true;
  return away_since_ != 0 && now - away_since_ > nanoseconds(plan_.patience);
}

Generator::Nanoseconds Generator::due_at(std::uint64_t request) const {
  return start_ + nanoseconds(static_cast<double>(request) / plan_.rate);
}

void Generator::connect_broken(Nanoseconds now) {
  if (broken_.empty() || now < retry_at_) return;
  retry_at_ = now + kReconnectEvery;
  while (!broken_.empty()) {
    Slot* slot = broken_.back();
    if (!slot->connection.open(server(slot->server))) {
      if (away_since_ == 0) away_since_ = now;
      // Another server's turn.
      std::ranges::rotate(broken_, broken_.end() - 1);
      return;
    }
    away_since_ = 0;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = slot;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, slot->connection.socket(), &event);
    broken_.pop_back();
    free_.push_back(slot);
  }
}

void Generator::send_due(Nanoseconds now) {
  while (!no_more_ && (plan_.count == 0 || scheduled_ < plan_.count)) {
    const Nanoseconds due = plan_.rate > 0 ? due_at(scheduled_) : now;
    if (due > now) return;
    if (free_.empty()) {
      if (plan_.rate <= 0 || plan_.when_busy == WhenBusy::wait) return;
      ++scheduled_;
      ++report_.dropped;
      continue;
    }
    const std::optional<Visit> visit = plan_.next();
    if (!visit) {
      no_more_ = true;
      return;
    }
    ++scheduled_;
    send_one(due, *visit);
  }
}

void Generator::send_one(Nanoseconds due, Visit visit) {
  Slot& slot = *free_.back();
  free_.pop_back();
  slot.busy = true;
  slot.due = due;
  slot.visit = visit;
  ++outstanding_;
  ++report_.sent;
  request_ = heads_[slot.server][visit.path];
  request_ += std::to_string(visit.user);
  request_ += "\r\n\r\n";
  if (!slot.connection.send(request_)) lose(slot);
}

void Generator::wait_for_answers(Nanoseconds now) {
  Nanoseconds wait = kLongestWait;
  if (plan_.rate > 0 && !free_.empty()) wait = std::clamp(due_at(scheduled_) - now, Nanoseconds{0}, kLongestWait);
  const timespec timeout{.tv_sec = 0, .tv_nsec = wait};
  std::array<epoll_event, kEventsPerTurn> events;
  const int ready = epoll_pwait2(epoll_, events.data(), kEventsPerTurn, &timeout, nullptr);
  for (int i = 0; i < ready; ++i) receive(*static_cast<Slot*>(events[static_cast<std::size_t>(i)].data.ptr));
}

void Generator::receive(Slot& slot) {
  switch (slot.connection.receive()) {
    case Connection::Progress::more:
      return;
    case Connection::Progress::gone:
      lose(slot);
      return;
    case Connection::Progress::answered:
      if (!slot.busy) return;  // an answer nobody asked for, such as a 408 of an idle connection
      settle(slot, slot.connection.answer());
      free_.push_back(&slot);
      return;
  }
}

void Generator::lose(Slot& slot) {
  if (slot.busy) {
    settle(slot, {});
  } else {
    std::erase(free_, &slot);
  }
  slot.connection.close();  // leaves the epoll set with its socket
  broken_.push_back(&slot);
}

void Generator::settle(Slot& slot, const RawAnswer& answer) {
  constexpr Nanoseconds kMicrosecond = 1000;
  constexpr int kFirstError = 400;
  plan_.on_arrived({.visit = slot.visit,
                    .status = answer.status,
                    .code = answer.status >= kFirstError ? problem_code(answer.body) : std::string_view{},
                    .body = answer.body,
                    .latency_us = static_cast<std::uint64_t>((monotonic() - slot.due) / kMicrosecond)});
  slot.busy = false;
  --outstanding_;
}

}  // namespace windfall::load

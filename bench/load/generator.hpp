// The open-loop load generator. A request is due by the clock, not when the server is ready for it, and its latency
// counts from the moment it was due: a server that stalls is charged for everybody who waited (no coordinated
// omission). Every request is accounted for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connection.hpp"

namespace windfall::load {

/// What a due request does when every connection is busy.
enum class WhenBusy : std::uint8_t {
  wait,  ///< it is sent later; its waiting counts
  drop,  ///< the user gives up; it is counted as dropped
};

struct Plan {
  std::uint16_t port = 0;
  std::string path;
  std::vector<std::string> headers;  ///< "Name: value", sent with every request
  std::string user_prefix;           ///< users are <prefix><number>
  std::uint32_t first_user = 0;
  double rate = 0;  ///< requests per second; 0 = as fast as the connections allow (closed loop)
  std::size_t connections = 128;
  std::uint64_t count = 0;  ///< requests in all; 0 = bounded by time
  double seconds = 0;       ///< 0 = bounded by count
  double repeats = 0;       ///< share of requests made for a user who has sent one before
  WhenBusy when_busy = WhenBusy::wait;
  double patience = 30;  ///< seconds to go on trying to connect to a server that is away
  std::uint64_t seed = 1;
};

struct Outcome {
  std::uint32_t user = 0;
  std::int32_t status = 0;  ///< 0 = no answer: the connection was cut
  std::uint32_t code = 0;   ///< index into Report::codes
  std::uint32_t latency_us = 0;
};

struct Report {
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;
  double seconds = 0;
  std::vector<std::string> codes;  ///< codes[0] is empty
  std::vector<Outcome> outcomes;
};

/// Runs one plan on the calling thread.
class Generator {
 public:
  explicit Generator(Plan plan);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  Report run();

 private:
  using Nanoseconds = std::int64_t;
  struct Slot {
    Connection connection;
    bool busy = false;
    Nanoseconds due = 0;
    std::uint32_t user = 0;
  };

  [[nodiscard]] bool sending_is_over(Nanoseconds now) const;
  [[nodiscard]] Nanoseconds due_at(std::uint64_t request) const;
  void connect_broken(Nanoseconds now);
  void send_due(Nanoseconds now);
  void send_one(Nanoseconds due);
  void wait_for_answers(Nanoseconds now);
  void receive(Slot& slot);
  void lose(Slot& slot);
  void settle(Slot& slot, int status, const std::string& code);
  std::uint32_t next_user();
  std::uint64_t random();

  Plan plan_;
  int epoll_;
  std::deque<Slot> slots_;
  std::vector<Slot*> free_;
  std::vector<Slot*> broken_;
  Nanoseconds start_ = 0;
  Nanoseconds retry_at_ = 0;
  Nanoseconds away_since_ = 0;   ///< 0 while somebody listens
  std::uint64_t scheduled_ = 0;  ///< requests that have come due
  std::uint64_t outstanding_ = 0;
  std::uint32_t users_ = 0;  ///< that have sent a request
  std::uint64_t random_;
  std::string head_;  ///< of a request, up to the user's number
  std::string request_;
  std::map<std::string, std::uint32_t, std::less<>> code_index_;
  Report report_;
};

}  // namespace windfall::load

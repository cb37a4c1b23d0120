// The open-loop load generator. A request is due by the clock, not when the server is ready for it, and its latency
// counts from the moment it was due: a server that stalls is charged for everybody who waited (no coordinated
// omission). Every request is accounted for.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/load/connection.hpp"

namespace windfall::load {

/// Who asks for what.
struct Visit {
  std::uint32_t path = 0;  ///< index into Plan::paths
  std::uint32_t user = 0;  ///< the number after the prefix
};

/// What became of a visit. `body` lives as long as the call it is given to.
struct Arrived {
  Visit visit;
  int status = 0;  ///< 0 = unknown: the connection was lost before an answer
  std::string_view code;
  std::string_view body;
  std::uint64_t latency_us = 0;
};

/// What a due request does when every connection is busy.
enum class WhenBusy : std::uint8_t {
  wait,  ///< it is sent later; its waiting counts
  drop,  ///< the user gives up; it is counted as dropped
};

struct Plan {
  Target target;
  std::vector<Target> more;          ///< servers beside it; connections are spread over all of them
  std::vector<std::string> paths;    ///< to POST to, without a body
  std::vector<std::string> headers;  ///< "Name: value", sent with every request
  std::string user_prefix;           ///< users are <prefix><number>
  double rate = 0;                   ///< requests per second; 0 = as fast as the connections allow (closed loop)
  std::size_t connections = 128;
  std::uint64_t count = 0;  ///< requests in all; 0 = bounded otherwise
  double seconds = 0;       ///< 0 = bounded otherwise
  WhenBusy when_busy = WhenBusy::wait;
  double patience = 30;  ///< seconds to go on trying to connect to a server that is away

  std::function<std::optional<Visit>()> next;      ///< the next visit; nullopt: there are no more
  std::function<void(const Arrived&)> on_arrived;  ///< once per request sent
  const std::atomic<bool>* stop = nullptr;         ///< once true, nothing more is sent; may be set from any thread
};

struct Report {
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;
  double seconds = 0;  ///< from the start to the last request
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
    std::size_t server = 0;  ///< 0: Plan::target, then Plan::more
    bool busy = false;
    Nanoseconds due = 0;
    Visit visit;
  };

  [[nodiscard]] bool sending_is_over(Nanoseconds now) const;
  [[nodiscard]] Nanoseconds due_at(std::uint64_t request) const;
  [[nodiscard]] const Target& server(std::size_t number) const;
  void connect_broken(Nanoseconds now);
  void send_due(Nanoseconds now);
  void send_one(Nanoseconds due, Visit visit);
  void wait_for_answers(Nanoseconds now);
  void receive(Slot& slot);
  void lose(Slot& slot);
  void settle(Slot& slot, const RawAnswer& answer);

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
  bool no_more_ = false;
  std::vector<std::vector<std::string>> heads_;  ///< of a request, up to the user's number; one per server and path
  std::string request_;
  Report report_;
};

}  // namespace windfall::load

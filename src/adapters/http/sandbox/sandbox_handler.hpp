// The sandbox partner behind a listener: latency and lost answers become timers here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "adapters/http/sandbox/sandbox_partner.hpp"
#include "adapters/http/transport/event_loop.hpp"
#include "adapters/http/transport/server.hpp"

namespace windfall::http {

/// Loop thread only. The loop and the partner outlive it, and it outlives the server.
class SandboxHandler final : public Handler {
 public:
  /// Longest request body: an accrual or a notification is far below.
  static constexpr std::size_t kBodyLimit = 64 * 1024;

  SandboxHandler(EventLoop& loop, SandboxPartner& partner) : loop_(loop), partner_(partner) {}

  void handle(const Request& request, Responder responder) override;
  [[nodiscard]] std::size_t body_limit(Method method, std::string_view path) const override;
  Response transport_error(Violation violation, std::string_view path, std::string_view accept_language) override;

  /// For shutdown: answers everything that is held back at once with 503, so that the server drains without waiting.
  void release();

 private:
  struct Held {
    Responder responder;
    Response response;
    Timer timer;
  };

  EventLoop& loop_;
  SandboxPartner& partner_;
  std::unordered_map<std::uint64_t, Held> held_;
  std::uint64_t next_ = 0;
};

}  // namespace windfall::http

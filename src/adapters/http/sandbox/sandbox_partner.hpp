// A partner that books points, for development and tests: `windfall sandbox`. It honours the key, remembers everything,
// and fails on demand. Requests in, replies out; sockets and timers are the handler's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "adapters/http/sandbox/faults.hpp"
#include "adapters/http/sandbox/sandbox_book.hpp"

namespace windfall::http {

/// What the partner looks at; views are valid during the call. A header that is missing is empty.
struct PartnerRequest {
  std::string_view method;
  std::string_view path;  ///< without query
  std::string_view idempotency_key;
  std::string_view webhook_id;
  std::string_view webhook_timestamp;
  std::string_view webhook_signature;
  std::string_view body;
};

struct PartnerReply {
  int status = 200;
  std::string body;  ///< JSON
  std::int64_t after_ms = 0;
};

struct SandboxSettings {
  Faults faults;
  std::uint64_t seed = 0;
  /// How long a call that "times out" is held: past the caller's time-out of 5 s, and not so long that stopping takes
  /// for ever.
  std::int64_t hold_ms = 10'000;
  /// True if the POST is signed with the shared secret; none: signatures are not looked at.
  std::function<bool(const PartnerRequest&)> signature_holds;
};

/// Not thread-safe: lives on the loop thread.
class SandboxPartner {
 public:
  SandboxPartner(SandboxBook book, SandboxSettings settings);

  PartnerReply answer(const PartnerRequest& request);

  [[nodiscard]] const SandboxBook& book() const { return book_; }
  void set_faults(const Faults& faults) { settings_.faults = faults; }

 private:
  PartnerReply accrue(const PartnerRequest& request);
  PartnerReply show(std::string_view event_id);
  PartnerReply notify(const PartnerRequest& request);
  [[nodiscard]] PartnerReply show_notifications() const;
  PartnerReply change_faults(std::string_view body);
  [[nodiscard]] std::optional<PartnerReply> unsigned_call(const PartnerRequest& request) const;
  /// Throws the dice; `reply` is what the call would be answered.
  PartnerReply with_fault(Fault fault, PartnerReply reply) const;

  SandboxBook book_;
  SandboxSettings settings_;
  FaultDice dice_;
  /// In memory only: people are told by whoever wrote it down, the sandbox tells nobody.
  struct Notified {
    std::string body;  ///< as it was sent
    int times = 1;     ///< POSTs that counted: 1, as long as the key is honoured
  };
  std::deque<Notified> notifications_;
  std::unordered_map<std::string, Notified*> notified_;  ///< by eventId
};

}  // namespace windfall::http

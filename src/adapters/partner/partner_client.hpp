// Signed HTTP calls to a partner on one thread of its own: keep-alive connections, bounded answers, no redirects. How
// many calls run at once is the caller's business.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/partner/reading.hpp"
#include "adapters/partner/webhook_signature.hpp"
#include "application/port/clock.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::partner {

struct ClientSettings {
  std::string url;                      ///< see checked_partner_url()
  std::optional<WebhookSecret> secret;  ///< signs every call
  bool allow_unsigned = false;          ///< only in development: calls without a secret
  std::int64_t timeout_ms = 5000;       ///< of a whole call
  std::int64_t connect_timeout_ms = 2000;
  std::string ca_file;  ///< PEM; empty: the system's
};

class PartnerClient {
 public:
  /// Head or body of an answer beyond that is not read: a partner's answer is a line of JSON.
  static constexpr std::size_t kAnswerLimit = 64 * 1024;

  using Done = std::function<void(Exchange)>;

  /// Failure: invalid (URL, or no secret where one is needed), unavailable (libcurl does not start). `clock` really
  /// runs and outlives the client.
  static Result<std::unique_ptr<PartnerClient>> open(ClientSettings settings, const Clock& clock);

  /// Calls under way end unanswered.
  ~PartnerClient();
  PartnerClient(const PartnerClient&) = delete;
  PartnerClient& operator=(const PartnerClient&) = delete;

  /// POST {url}{path} with Idempotency-Key and signature; `event_id` is one identifier. The request is sent at most
  /// once, whatever happens to the connection. done() runs on the client's thread. Thread-safe.
  void post(std::string path, std::string event_id, std::string body, Done done);
  /// GET {url}{path}, signed with an empty body; repeated by itself if a kept connection turns out to be dead.
  /// Thread-safe.
  void get(std::string path, std::string event_id, Done done);

 private:
  class Impl;
  explicit PartnerClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace windfall::partner

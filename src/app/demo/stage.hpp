// What the demo plays on: a server and a partner of its own, in processes of their own, with a folder that goes with
// them; or a cluster that is there before it and after it. Both are asked through the same API.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/json_in.hpp"
#include "app/demo/child.hpp"
#include "app/demo/cluster.hpp"
#include "app/load/audit.hpp"
#include "app/load/generator.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::demo {

/// A promotion as it is registered.
struct Bill {
  std::string id;
  std::string title;
  std::int64_t stock = 0;
  std::string body;  ///< JSON of the create call
};

/// Promotion "1" and the three that lead to it, for a crowd of that size, in a period around `today`. The stock of "1"
/// is less than the crowd that earns its way there. `prefix` stands before all ids.
[[nodiscard]] std::vector<Bill> make_bills(std::uint32_t users, LocalDay today, const std::string& prefix = {});

/// The date in Korea.
[[nodiscard]] LocalDay today_in_korea();

class Stage {
 public:
  struct Settings {
    std::string program;
    std::uint16_t port = 0;  ///< 0 = any
  };
  static Result<std::unique_ptr<Stage>> set_up(const Settings& settings);
  /// On the cluster of that folder.
  static Result<std::unique_ptr<Stage>> enter(const std::string& folder);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  /// Ends the server, then the partner, then the folder; on a cluster the partner works again afterwards.
  ~Stage();

  [[nodiscard]] const load::Books& books() const { return books_; }
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const std::string& partner_url() const { return partner_url_; }
  [[nodiscard]] bool running() { return !own_ || (own_->server.running() && own_->partner.running()); }
  /// nullptr on a stage of its own.
  [[nodiscard]] const Cluster* cluster() const { return cluster_ ? &*cluster_ : nullptr; }
  /// Of everything that this demo makes: a cluster remembers what earlier ones made.
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  /// How a crowd gets in, as far as the stage knows: servers and headers.
  [[nodiscard]] load::Plan entrance() const;

  /// Of every process, to "null" or an instant in quotes. Failure not_found: they are no development servers.
  Result<void> set_clock(std::string_view now);

  Result<void> register_promotion(const Bill& bill);

  enum class Partner : std::uint8_t {
    working,  ///< as partners do: now and then a call is booked and answered 409
    down,     ///< every call is answered 503
    perfect,
  };
  Result<void> set_partner(Partner partner);

  Result<codec::JsonValue> reconciliation();
  Result<codec::JsonValue> partner_book();

 private:
  /// Ends from its last member to its first.
  struct Own {
    TemporaryFolder folder;
    Child partner;
    Child server;
  };
  Stage() = default;
  Result<void> find_servers();

  std::optional<Own> own_;
  std::optional<Cluster> cluster_;
  std::string prefix_;
  std::string url_;
  std::string partner_url_;
  load::Books books_;
  load::Target partner_target_;
  std::vector<load::Target> more_;    ///< servers for participants beside that of books_
  std::vector<load::Target> clocks_;  ///< of all processes
};

}  // namespace windfall::demo

// What the demo plays on: a server and a partner of its own, in processes of their own, with a folder that goes with
// them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapters/codec/json_in.hpp"
#include "app/demo/child.hpp"
#include "app/load/audit.hpp"
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
/// is less than the crowd that earns its way there.
[[nodiscard]] std::vector<Bill> make_bills(std::uint32_t users, LocalDay today);

/// The date in Korea.
[[nodiscard]] LocalDay today_in_korea();

class Stage {
 public:
  struct Settings {
    std::string program;
    std::uint16_t port = 0;  ///< 0 = any
  };
  static Result<std::unique_ptr<Stage>> set_up(const Settings& settings);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  /// Ends the server, then the partner, then the folder.
  ~Stage() = default;

  [[nodiscard]] const load::Books& books() const { return books_; }
  [[nodiscard]] const std::string& url() const { return server_.url(); }
  [[nodiscard]] const std::string& partner_url() const { return partner_.url(); }
  [[nodiscard]] bool running() { return server_.running() && partner_.running(); }

  Result<void> register_promotion(const Bill& bill);

  enum class Partner : std::uint8_t {
    working,  ///< as partners do: now and then a call is booked and answered 409
    down,     ///< every call is answered 503
  };
  Result<void> set_partner(Partner partner);

  Result<codec::JsonValue> reconciliation();
  Result<codec::JsonValue> partner_book();

 private:
  Stage(TemporaryFolder folder, Child partner, Child server, load::Books books, load::Target partner_target);

  TemporaryFolder folder_;
  Child partner_;
  Child server_;
  load::Books books_;
  load::Target partner_target_;
};

}  // namespace windfall::demo

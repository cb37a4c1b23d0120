#include "app/demo/stage.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/system/random.hpp"
#include "app/load/http_call.hpp"

namespace windfall::demo {

namespace {

std::string make_key() {
  constexpr std::size_t kBytes = 18;
  std::array<std::uint8_t, kBytes> bytes{};
  system::random_bytes(bytes);
  return "demo_" + codec::to_base64url(bytes);
}

struct Lead {
  const char* id;
  const char* title;
  const char* content;
  Amount reward;
};
constexpr std::array kLeads{Lead{"2", "프로모션 B", "앱을 설치하면 적립!", 100},
                            Lead{"3", "프로모션 C", "출석하면 적립!", 50},
                            Lead{"4", "프로모션 D", "알림을 켜면 적립!", 30}};

}  // namespace

LocalDay today_in_korea() {
  constexpr std::chrono::hours kOffset{9};  // without summer time since 1988
  const auto now = std::chrono::system_clock::now().time_since_epoch() + kOffset;
  return {static_cast<std::int32_t>(std::chrono::floor<std::chrono::days>(now).count())};
}

std::vector<Bill> make_bills(std::uint32_t users, LocalDay today) {
  constexpr std::int32_t kBefore = 5;
  constexpr std::int32_t kAfter = 25;
  constexpr Amount kReward = 500;
  const LocalDay start{today.days - kBefore};
  const LocalDay end{today.days + kAfter};
  // Six users in seven take all the leads: enough of them to sell five eighths of the crowd's number out.
  const std::int64_t stock = std::max<std::int64_t>(std::int64_t{users} * 5 / 8, 1);

  std::vector<Bill> bills{{.id = "1", .title = "프로모션 A", .stock = stock, .body = {}}};
  codec::ObjectWriter main(bills.front().body);
  main.text("id", "1")
      .text("title", "프로모션 A")
      .text("content", "친구 초대하면 적립!")
      .text("imageUrl", "https://image.example.com/adv-a.jpg")
      .integer("rewardAmount", kReward)
      .integer("limitJoinCount", stock)
      .day("startDate", start)
      .day("endDate", end);
  main.name("joinTypes") +=
      R"([{"joinType":"N_DUP_LIMIT","limitDupJoinCount":3},{"joinType":"LEADING","leadPromoId":["2","3","4"]}])";
  main.close();
  for (const Lead& lead : kLeads) {
    bills.push_back({.id = lead.id, .title = lead.title, .stock = users, .body = {}});
    codec::ObjectWriter(bills.back().body)
        .text("id", lead.id)
        .text("title", lead.title)
        .text("content", lead.content)
        .integer("rewardAmount", lead.reward)
        .integer("limitJoinCount", users)
        .day("startDate", start)
        .day("endDate", end)
        .close();
  }
  return bills;
}

Stage::Stage(TemporaryFolder folder, Child partner, Child server, load::Books books, load::Target partner_target)
    : folder_(std::move(folder)),
      partner_(std::move(partner)),
      server_(std::move(server)),
      books_(std::move(books)),
      partner_target_(std::move(partner_target)) {}

Result<std::unique_ptr<Stage>> Stage::set_up(const Settings& settings) {
  Result<TemporaryFolder> folder = TemporaryFolder::make("windfall-demo");
  if (!folder) return tl::unexpected(folder.error());
  Result<Child> partner = Child::start({.program = settings.program,
                                        .arguments = {"sandbox", "--listen", "127.0.0.1:0"},
                                        .environment = {},
                                        .log = folder->path() + "/partner.log"});
  if (!partner) return tl::unexpected(partner.error());
  const std::string key = make_key();
  Result<Child> server =
      Child::start({.program = settings.program,
                    .arguments = {"serve", "--dev", "--listen", fmt::format("127.0.0.1:{}", settings.port), "--data",
                                  folder->path() + "/data", "--partner-url", partner->url()},
                    .environment = {{"WINDFALL_ADMIN_KEY", key}},
                    .log = folder->path() + "/server.log"});
  if (!server) return tl::unexpected(server.error());
  const Result<load::Target> at = load::resolve(server->url());
  const Result<load::Target> partner_at = load::resolve(partner->url());
  if (!at) return tl::unexpected(at.error());
  if (!partner_at) return tl::unexpected(partner_at.error());
  return std::unique_ptr<Stage>(new Stage(std::move(*folder), std::move(*partner), std::move(*server),
                                          {.server = *at, .admin_key = key}, *partner_at));
}

Result<void> Stage::register_promotion(const Bill& bill) {
  const auto made = load::call_for_json(
      books_.server,
      {.method = "POST", .path = "/v1/admin/promotions", .admin_key = books_.admin_key, .body = bill.body});
  if (!made) return tl::unexpected(made.error());
  return {};
}

Result<void> Stage::set_partner(Partner partner) {
  const char* faults =
      partner == Partner::down ? R"({"fail":1})" : R"({"fail":0.01,"duplicate":0.01,"timeout":0.0005})";
  const Result<load::HttpReply> set =
      load::call(partner_target_, {.method = "PUT", .path = "/faults", .admin_key = {}, .body = faults});
  if (!set) return tl::unexpected(set.error());
  if (set->status != 200) return fail(FailureCode::invalid, "PUT /faults: " + set->body);
  return {};
}

Result<codec::JsonValue> Stage::reconciliation() {
  return load::call_for_json(books_.server,
                             {.path = "/v1/admin/reconciliation", .admin_key = books_.admin_key, .body = {}});
}

Result<codec::JsonValue> Stage::partner_book() {
  return load::call_for_json(partner_target_, {.path = "/book", .admin_key = {}, .body = {}});
}

}  // namespace windfall::demo

#include "app/demo/stage.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <tuple>
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

std::vector<Bill> make_bills(std::uint32_t users, LocalDay today, const std::string& prefix) {
  constexpr std::int32_t kBefore = 5;
  constexpr std::int32_t kAfter = 25;
  constexpr Amount kReward = 500;
  const LocalDay start{today.days - kBefore};
  const LocalDay end{today.days + kAfter};
  // Six users in seven take all the leads: enough of them to sell five eighths of the crowd's number out.
  const std::int64_t stock = std::max<std::int64_t>(std::int64_t{users} * 5 / 8, 1);

  std::vector<Bill> bills{{.id = prefix + "1", .title = "프로모션 A", .stock = stock, .body = {}}};
  codec::ObjectWriter main(bills.front().body);
  main.text("id", bills.front().id)
      .text("title", "프로모션 A")
      .text("content", "친구 초대하면 적립!")
      .text("imageUrl", "https://image.example.com/adv-a.jpg")
      .integer("rewardAmount", kReward)
      .integer("limitJoinCount", stock)
      .day("startDate", start)
      .day("endDate", end);
  main.name("joinTypes") += fmt::format(
      R"([{{"joinType":"N_DUP_LIMIT","limitDupJoinCount":3}},{{"joinType":"LEADING","leadPromoId":["{0}2","{0}3","{0}4"]}}])",
      prefix);
  main.close();
  for (const Lead& lead : kLeads) {
    bills.push_back({.id = prefix + lead.id, .title = lead.title, .stock = users, .body = {}});
    codec::ObjectWriter(bills.back().body)
        .text("id", bills.back().id)
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
  std::unique_ptr<Stage> stage(new Stage);
  stage->url_ = server->url();
  stage->partner_url_ = partner->url();
  stage->books_.admin_key = key;
  stage->own_.emplace(Own{std::move(*folder), std::move(*partner), std::move(*server)});
  if (const Result<void> found = stage->find_servers(); !found) return tl::unexpected(found.error());
  return stage;
}

Result<std::unique_ptr<Stage>> Stage::enter(const std::string& folder) {
  Result<Cluster> cluster = Cluster::find(folder);
  if (!cluster) return tl::unexpected(cluster.error());
  std::unique_ptr<Stage> stage(new Stage);
  stage->url_ = cluster->api_urls().front();
  stage->partner_url_ = cluster->partner_url();
  stage->books_.admin_key = cluster->admin_key();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  stage->prefix_ = fmt::format("demo-{}-", std::chrono::duration_cast<std::chrono::seconds>(now).count());
  stage->cluster_ = std::move(*cluster);
  if (const Result<void> found = stage->find_servers(); !found) return tl::unexpected(found.error());
  return stage;
}

Result<void> Stage::find_servers() {
  const std::vector<std::string> own{url_};
  for (const std::string& url : cluster_ ? cluster_->process_urls() : own) {
    const Result<load::Target> at = load::resolve(url);
    if (!at) return tl::unexpected(at.error());
    clocks_.push_back(*at);
  }
  books_.server = clocks_.front();
  for (std::size_t i = 1; cluster_ && i < cluster_->api_urls().size(); ++i) more_.push_back(clocks_[i]);
  const Result<load::Target> partner = load::resolve(partner_url_);
  if (!partner) return tl::unexpected(partner.error());
  partner_target_ = *partner;
  return {};
}

Stage::~Stage() {
  // As good as can be done: whoever plays next sets it anew.
  if (cluster_) std::ignore = set_partner(Partner::perfect);
}

load::Plan Stage::entrance() const {
  load::Plan plan;
  plan.target = books_.server;
  plan.more = more_;
  if (cluster_) plan.headers.push_back("Authorization: Bearer " + cluster_->gateway_key());
  return plan;
}

Result<void> Stage::set_clock(std::string_view now) {
  const std::string body = "{\"now\":" + std::string(now) + "}";
  for (const load::Target& process : clocks_) {
    const auto set =
        load::call_for_json(process, {.method = "PUT", .path = "/v1/dev/clock", .admin_key = {}, .body = body});
    if (!set) return tl::unexpected(set.error());
  }
  return {};
}

Result<void> Stage::register_promotion(const Bill& bill) {
  const auto made = load::call_for_json(
      books_.server,
      {.method = "POST", .path = "/v1/admin/promotions", .admin_key = books_.admin_key, .body = bill.body});
  if (!made) return tl::unexpected(made.error());
  return {};
}

Result<void> Stage::set_partner(Partner partner) {
  const char* faults = partner == Partner::down      ? R"({"fail":1})"
                       : partner == Partner::perfect ? "{}"
                                                     : R"({"fail":0.01,"duplicate":0.01,"timeout":0.0005})";
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

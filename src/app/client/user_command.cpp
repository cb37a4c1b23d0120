// `windfall user timeline`: what happened to one person, as customer service tells it.
#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <map>
#include <string>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/utf8.hpp"
#include "app/client/answer_json.hpp"
#include "app/client/local_time.hpp"
#include "app/client/session.hpp"
#include "app/client/table.hpp"

namespace windfall::client {

namespace {

/// Where a promotion cannot be asked for its zone; the contract's default.
constexpr const char* kDefaultZone = "Asia/Seoul";

/// The zone of each promotion that a timeline names, asked for once.
class Zones {
 public:
  explicit Zones(Session& session) : session_(&session) {}

  const Zone& of(const std::string& promotion_id) {
    const auto known = zones_.find(promotion_id);
    if (known != zones_.end()) return known->second;
    return zones_.emplace(promotion_id, zone_named(name_of(promotion_id))).first->second;
  }

 private:
  std::string name_of(const std::string& promotion_id) {
    if (!codec::is_identifier(promotion_id)) return kDefaultZone;
    const Result<Reply> reply = session_->connection.send(
        {.path = "/v1/admin/promotions/" + codec::percent_encode(promotion_id), .body = {}, .if_match = {}});
    if (!reply || !reply->ok() || !member(reply->json, "timezone").is_string()) return kDefaultZone;
    return shown(member(reply->json, "timezone"));
  }

  Session* session_;
  std::map<std::string, Zone> zones_;
};

std::string signed_text(const boost::json::value& tickets) {
  const std::int64_t* count = tickets.if_int64();
  if (count == nullptr || *count == 0) return "";
  return (*count > 0 ? "+" : "") + std::to_string(*count);
}

std::string sum_line(const boost::json::value& sum) {
  return "tickets: granted " + shown(member(sum, "granted")) + ", drawn " + shown(member(sum, "drawn")) + ", revoked " +
         shown(member(sum, "revoked")) + ", held " + shown(member(sum, "held")) + "\n";
}

int timeline(Session& session, const std::string& user, const std::string& promotion) {
  if (!codec::valid_user_id(user)) return wrong_usage("USER: 1 to 128 bytes of printable UTF-8 without spaces");
  if (!promotion.empty() && !codec::is_identifier(promotion)) {
    return wrong_usage("--promotion: '" + promotion + "' is no promotion id");
  }
  std::string path = "/v1/admin/users/" + codec::percent_encode(user) + "/timeline";
  if (!promotion.empty()) path += "?promotionId=" + promotion;
  const Result<Reply> reply = session.connection.send({.path = path, .body = {}, .if_match = {}});
  if (!reply) return no_answer(reply.error());
  if (!reply->ok()) return refused(session, *reply);
  if (session.json) return print(reply->body + "\n");

  Zones zones(session);
  Table table({{"TIME"}, {"TYPE"}, {"PROMOTION"}, {"TICKETS", true}, {"CAUSE"}, {"DETAIL"}});
  for (const boost::json::value& item : elements(member(reply->json, "items"))) {
    const std::string id = shown(member(item, "promotionId"));
    const boost::json::value& cause = member(item, "cause");
    table.add({local_text(shown(member(item, "at")), zones.of(id)), shown(member(item, "type")), id,
               signed_text(member(item, "tickets")), cause.is_null() ? "" : shown(cause),
               shown(member(item, "detail"))});
  }
  return print(table.text() + sum_line(member(reply->json, "sum")) + "\n" +
               printable(shown(member(member(reply->json, "answer"), session.language))) + "\n");
}

}  // namespace

}  // namespace windfall::client

namespace windfall::app {

void add_user(CLI::App& app, Chosen& chosen) {
  CLI::App* group = app.add_subcommand("user", "Look at what happened to a person on a running server");
  group->footer("Example:\n  windfall user timeline alice");
  group->require_subcommand(1);

  CLI::App* command = group->add_subcommand(
      "timeline", "Everything that happened to a user, in local times, and an answer to read out");
  command->footer("Example:\n  windfall user timeline alice --promotion 1 --lang ko");
  auto options = std::make_shared<client::OperatorOptions>();
  auto user = std::make_shared<std::string>();
  auto promotion = std::make_shared<std::string>();
  command->add_option("USER", *user, "User id")->type_name("")->required();
  command->add_option("--promotion", *promotion, "Only this promotion")->type_name("ID");
  client::add_operator_options(*command, *options);
  client::act_when_chosen(*command, chosen, options, [user, promotion](client::Session& session) {
    return client::timeline(session, *user, *promotion);
  });
}

}  // namespace windfall::app

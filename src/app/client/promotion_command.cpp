// `windfall promotion …`: what an operator does to promotions from a terminal.
#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <string>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/utf8.hpp"
#include "app/client/answer_json.hpp"
#include "app/client/input_file.hpp"
#include "app/client/local_time.hpp"
#include "app/client/session.hpp"
#include "app/client/table.hpp"

namespace windfall::client {

namespace {

namespace json = boost::json;

/// The most that the server gives at once.
constexpr const char* kFirstPage = "/v1/admin/promotions?limit=100";
/// Somebody else changed the promotion between our look and our change: looked at again once. Whoever loses twice
/// should see why.
constexpr int kChangeTries = 2;

std::string path_of(const std::string& id) { return "/v1/admin/promotions/" + codec::percent_encode(id); }

int create(Session& session, const std::string& file) {
  const Result<InputFile> input = read_json_file(file, session.language);
  if (!input) return no_answer(input.error());
  const Result<Reply> reply =
      session.connection.send({.method = "POST", .path = "/v1/admin/promotions", .body = input->text, .if_match = {}});
  if (!reply) return no_answer(reply.error());
  if (!reply->ok()) return refused(session, *reply, &*input);
  for (const json::value& warning : elements(member(reply->json, "warnings"))) {
    std::fprintf(stderr, "warning: %s\n", printable(shown(warning)).c_str());
  }
  if (session.json) return print(reply->body + "\n");
  return print(printable(shown(member(reply->json, "id"))) + " " + printable(reply->etag) + "\n");
}

/// "12 of 50", or "-" where there is no stock.
std::string stock(const json::value& promotion, const char* left, const char* limit) {
  if (member(promotion, limit).is_null()) return "-";
  return shown(member(promotion, left)) + " of " + shown(member(promotion, limit));
}

std::string period(const json::value& promotion) {
  return shown(member(promotion, "startDate")) + " to " + shown(member(promotion, "endDate"));
}

int list(Session& session) {
  json::array all;
  std::string path = kFirstPage;
  while (!path.empty()) {
    const Result<Reply> page = session.connection.send({.path = path, .body = {}, .if_match = {}});
    if (!page) return no_answer(page.error());
    if (!page->ok()) return refused(session, *page);
    for (const json::value& promotion : elements(member(page->json, "items"))) all.push_back(promotion);
    const json::value& cursor = member(page->json, "nextCursor");
    path = cursor.is_string() ? kFirstPage + ("&cursor=" + codec::percent_encode(shown(cursor))) : "";
  }
  if (session.json)
    return print(json::serialize(json::object{{"items", std::move(all)}, {"nextCursor", nullptr}}) + "\n");
  Table table(
      {{"ID"}, {"STATUS"}, {"MODE"}, {"PERIOD"}, {"LEFT", true}, {"LEFT TODAY", true}, {"REWARD", true}, {"TITLE"}});
  for (const json::value& promotion : all) {
    table.add({shown(member(promotion, "id")), shown(member(promotion, "status")), shown(member(promotion, "mode")),
               period(promotion), stock(promotion, "leftJoinCount", "limitJoinCount"),
               stock(promotion, "leftTodayCount", "dailyLimitJoinCount"), shown(member(promotion, "rewardAmount")),
               shown(member(promotion, "title"))});
  }
  return print(table.text());
}

/// "LEADING leadPromoId=2,3 match=ANY": whatever members a rule has, so that a newer server's rules are shown as well.
std::string rule_text(const json::value& rule) {
  std::string text = shown(member(rule, "joinType"));
  const json::object* members = rule.if_object();
  if (members == nullptr) return text;
  for (const auto& [name, value] : *members) {
    if (name == "joinType") continue;
    text += " " + std::string(name.data(), name.size()) + "=";
    if (!value.is_array()) text += shown(value);
    bool first = true;
    for (const json::value& element : elements(value)) {
      if (!first) text += ",";
      first = false;
      text += shown(element);
    }
  }
  return text;
}

int show(Session& session, const std::string& id) {
  const Result<Reply> reply = session.connection.send({.path = path_of(id), .body = {}, .if_match = {}});
  if (!reply) return no_answer(reply.error());
  if (!reply->ok()) return refused(session, *reply);
  if (session.json) return print(reply->body + "\n");
  const json::value& promotion = reply->json;
  const Zone zone = zone_named(shown(member(promotion, "timezone")));
  std::string out;
  const auto line = [&out](const std::string& name, const std::string& value) {
    out += name + std::string(14 - name.size(), ' ') + printable(value) + "\n";
  };
  line("id", shown(member(promotion, "id")));
  line("title", shown(member(promotion, "title")));
  line("content", shown(member(promotion, "content")));
  line("image", shown(member(promotion, "imageUrl")));
  line("status", shown(member(promotion, "status")));
  line("mode", shown(member(promotion, "mode")));
  line("period", period(promotion) + " (" + shown(member(promotion, "timezone")) + ")");
  line("reward", shown(member(promotion, "rewardAmount")));
  line("left", stock(promotion, "leftJoinCount", "limitJoinCount"));
  line("left today", stock(promotion, "leftTodayCount", "dailyLimitJoinCount"));
  for (const json::value& rule : elements(member(promotion, "joinTypes"))) line("condition", rule_text(rule));
  if (!member(promotion, "lottery").is_null()) line("lottery", shown(member(promotion, "lottery")));
  line("created", local_text(shown(member(promotion, "createdDate")), zone));
  line("modified", local_text(shown(member(promotion, "lastModifiedDate")), zone));
  line("etag", reply->etag);
  return print(out);
}

int set_status(Session& session, const std::string& id, const std::string& status) {
  for (int left = kChangeTries; left > 0; --left) {
    const Result<Reply> before = session.connection.send({.path = path_of(id), .body = {}, .if_match = {}});
    if (!before) return no_answer(before.error());
    if (!before->ok()) return refused(session, *before);
    const Result<Reply> after = session.connection.send({.method = "PATCH",
                                                         .path = path_of(id),
                                                         .body = json::serialize(json::object{{"status", status}}),
                                                         .if_match = before->etag});
    if (!after) return no_answer(after.error());
    if (after->status == 412 && left > 1) continue;
    if (!after->ok()) return refused(session, *after);
    if (session.json) return print(after->body + "\n");
    return print(printable(shown(member(after->json, "id"))) + " " + printable(shown(member(after->json, "status"))) +
                 " " + printable(after->etag) + "\n");
  }
  return app::kExitFailed;
}

/// A subcommand that takes the id of one promotion.
void add_for_id(CLI::App& group, app::Chosen& chosen, const std::string& verb, const std::string& help,
                std::function<int(Session&, const std::string&)> act) {
  CLI::App* command = group.add_subcommand(verb, help);
  command->footer("Example:\n  windfall promotion " + verb + " 1");
  auto options = std::make_shared<OperatorOptions>();
  auto id = std::make_shared<std::string>();
  command->add_option("ID", *id, "Promotion")->type_name("")->required();
  add_operator_options(*command, *options);
  act_when_chosen(*command, chosen, options, [id, act = std::move(act)](Session& session) {
    if (!codec::is_identifier(*id))
      return wrong_usage("'" + *id + "' is no promotion id: 1 to 64 letters, digits, '_' or '-'");
    return act(session, *id);
  });
}

void add_create(CLI::App& group, app::Chosen& chosen) {
  CLI::App* command = group.add_subcommand("create", "Create a promotion; prints its id and ETag");
  command->footer(
      "Example:\n"
      "  windfall promotion create - <<'END'\n"
      "  "
      "{\"title\":\"Spring\",\"startDate\":\"2026-04-01\",\"endDate\":\"2026-04-30\",\"rewardAmount\":500,"
      "\"limitJoinCount\":1000}\n"
      "  END");
  auto options = std::make_shared<OperatorOptions>();
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "JSON of the promotion; - is standard input")->type_name("")->required();
  add_operator_options(*command, *options);
  act_when_chosen(*command, chosen, options, [file](Session& session) { return create(session, *file); });
}

void add_list(CLI::App& group, app::Chosen& chosen) {
  CLI::App* command = group.add_subcommand("list", "List all promotions, drafts and ended ones included");
  command->footer("Example:\n  windfall promotion list -o json | jq '.items[].id'");
  auto options = std::make_shared<OperatorOptions>();
  add_operator_options(*command, *options);
  act_when_chosen(*command, chosen, options, list);
}

}  // namespace

}  // namespace windfall::client

namespace windfall::app {

void add_promotion(CLI::App& app, Chosen& chosen) {
  CLI::App* group = app.add_subcommand("promotion", "Create, look at and change promotions on a running server");
  group->footer("Example:\n  windfall promotion list --url http://127.0.0.1:8080");
  group->require_subcommand(1);
  client::add_create(*group, chosen);
  client::add_list(*group, chosen);
  client::add_for_id(*group, chosen, "show", "Show one promotion", client::show);
  struct Change {
    const char* verb;
    const char* help;
    const char* status;
  };
  for (const Change& change : {Change{"pause", "Stop taking joins until it is resumed", "PAUSED"},
                               Change{"resume", "Take joins again, or publish a draft", "ACTIVE"},
                               Change{"end", "End it now and for good", "ENDED"}}) {
    client::add_for_id(*group, chosen, change.verb, change.help,
                       [status = std::string(change.status)](client::Session& session, const std::string& id) {
                         return client::set_status(session, id, status);
                       });
  }
}

}  // namespace windfall::app

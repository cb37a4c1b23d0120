// What those who run the service call, and what a development server offers beside.
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/page.hpp"

namespace windfall::http {

namespace {

std::optional<Answer> asset_answer(std::string_view path) {
  const Asset* asset = find_asset(path);
  if (asset == nullptr) return std::nullopt;
  Answer answer{
      .content_type = asset->content_type, .headers = page_headers(docs_policy()), .body = std::string(asset->bytes)};
  if (!asset->content_encoding.empty()) {
    answer.headers += "Content-Encoding: " + std::string(asset->content_encoding) + "\r\n";
  }
  return answer;
}

}  // namespace

Detached Api::get_livez(Call call) {
  if (wrong_query(call)) co_return;
  send(call, {.body = "{\"status\":\"ok\"}"});
  co_return;
}

Detached Api::get_readyz(Call call) {
  if (wrong_query(call)) co_return;
  const std::vector<ReadyCheck> checks = parts_.hooks.ready();
  bool ready = true;
  for (const ReadyCheck& check : checks) ready = ready && check.ready;
  Answer answer{.status = ready ? 200 : 503};
  codec::ObjectWriter body(answer.body);
  body.text("status", std::string_view(ready ? "ready" : "not ready"));
  codec::append_json_array(body.name("checks"), checks, [&](const ReadyCheck& check) {
    codec::ObjectWriter(answer.body)
        .text("name", std::string_view(check.name))
        .boolean("ready", check.ready)
        .text("detail", std::string_view(check.detail))
        .close();
  });
  body.close();
  send(call, std::move(answer));
  co_return;
}

Detached Api::get_version(Call call) {
  if (wrong_query(call)) co_return;
  Answer answer;
  codec::ObjectWriter(answer.body)
      .text("name", std::string_view("windfall"))
      .text("version", std::string_view(parts_.settings.version))
      .close();
  send(call, std::move(answer));
  co_return;
}

Detached Api::get_metrics(Call call) {
  if (wrong_query(call)) co_return;
  send(call, {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = parts_.hooks.metrics()});
  co_return;
}

Detached Api::get_openapi(Call call) {
  if (wrong_query(call)) co_return;
  std::optional<Answer> answer = asset_answer("/openapi.json");
  if (answer) {
    send(call, std::move(*answer));
  } else {
    send_problem(call, "NOT_FOUND");
  }
  co_return;
}

Detached Api::get_docs(Call call) {
  if (wrong_query(call)) co_return;
  std::optional<Answer> answer = asset_answer("/docs");
  if (answer) {
    send(call, std::move(*answer));
  } else {
    send_problem(call, "NOT_FOUND");
  }
  co_return;
}

Detached Api::get_docs_file(Call call) {
  if (wrong_query(call)) co_return;
  std::optional<Answer> answer = asset_answer("/docs/" + call.parameter);
  if (answer) {
    send(call, std::move(*answer));
  } else {
    send_problem(call, "NOT_FOUND");
  }
  co_return;
}

Detached Api::list_problems(Call call) {
  if (wrong_query(call)) co_return;
  send(call, page_answer(problem_index(call.language), call.language));
  co_return;
}

Detached Api::get_problem(Call call) {
  if (wrong_query(call)) co_return;
  if (std::optional<Answer> file = asset_answer("/problems/" + call.parameter)) {
    send(call, std::move(*file));
    co_return;
  }
  std::string page = problem_page(call.parameter, call.language);
  if (page.empty()) {
    send_problem(call, "NOT_FOUND");
  } else {
    send(call, page_answer(std::move(page), call.language));
  }
}

Detached Api::set_clock(Call call) {
  if (wrong_query(call)) co_return;
  const std::optional<std::optional<Instant>> body = read_body(call, [](codec::ObjectReader& reader) {
    if (!reader.has("now"))
      reader.refuse("now", "is required: an instant, or null for real time", "시각 또는 null이 필요합니다");
    return reader.optional_instant("now");
  });
  if (!body) co_return;
  parts_.hooks.set_clock(*body);
  parts_.jobs.clock_changed();
  Answer answer;
  codec::ObjectWriter(answer.body).instant("now", parts_.clock.now()).close();
  send(call, std::move(answer));
}

Detached Api::get_partner_book(Call call) {
  if (wrong_query(call)) co_return;
  if (!parts_.hooks.partner_book) {
    send_problem(call, "NOT_FOUND");
    co_return;
  }
  std::string book = co_await parts_.hooks.partner_book();
  send(call, {.body = std::move(book)});
}

}  // namespace windfall::http

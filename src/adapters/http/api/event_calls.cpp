// POST /v1/events: what pages and collectors saw, kept now and judged later.
#include <algorithm>
#include <utility>
#include <vector>

#include "adapters/codec/cloud_events.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/http/api/body.hpp"

namespace windfall::http {

namespace {

constexpr BodyTypes kEventBody{
    .media = {"application/cloudevents+json", "application/cloudevents-batch+json"},
    .ko = "Content-Type은 application/cloudevents+json이나 application/cloudevents-batch+json이어야 합니다",
    .en = "Content-Type must be application/cloudevents+json or application/cloudevents-batch+json"};

}  // namespace

Detached Api::send_events(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  const std::string_view body = call.request->body;
  if (!body.empty()) {
    if (std::optional<Answer> wrong = wrong_body(call, kEventBody)) {
      send(call, std::move(*wrong));
      co_return;
    }
  }
  const bool batch = is_media_type(call.request->header("content-type"), kEventBody.media[1]);
  codec::Decoded<std::vector<codec::CloudEvent>> events =
      batch && !body.empty() ? codec::decode_cloud_event_batch(body) : codec::decode_cloud_event(body);
  if (!events) {
    send(call, bad_input(events.error(), call.language, call.request->path));
    co_return;
  }
  const bool about_itself = call.caller.kind == Caller::Kind::participant;
  if (about_itself &&
      !std::ranges::all_of(*events, [&](const codec::CloudEvent& e) { return e.user_id == call.caller.user_id; })) {
    send_problem(call, "FORBIDDEN");
    co_return;
  }
  // Each is kept in the journal: a batch must not be the way around the limit.
  if (about_itself) {
    parts_.rate_limit.charge(call.caller.user, std::ssize(*events) - 1, parts_.clock.monotonic_ms());
  }
  std::vector<InboundEvent> inbound;
  inbound.reserve(events->size());
  for (codec::CloudEvent& event : *events) {
    inbound.push_back({.id = codec::inbound_id(call.caller.user, event.source, event.id),
                       .type = event.type,
                       .user = about_itself ? call.caller.user : parts_.callers.ref_of(event.user_id),
                       .user_id = std::move(event.user_id),
                       .about = std::move(event.about)});
  }
  Answer answer{.status = 202};
  codec::ObjectWriter(answer.body).integer("accepted", static_cast<std::int64_t>(inbound.size())).close();
  AnswerKept kept{.status = answer.status, .headers = {}, .body = answer.body};
  ++deciding_;
  const Result<std::size_t> taken =
      co_await parts_.lottery.inbox.take(std::move(inbound), call.command, std::move(kept));
  --deciding_;
  if (!taken) {
    ++counters_.failures;
    send(call, failed(taken.error(), call.language, call.request->path));
    co_return;
  }
  send(call, std::move(answer));
  parts_.lottery.judge.poke();
}

}  // namespace windfall::http

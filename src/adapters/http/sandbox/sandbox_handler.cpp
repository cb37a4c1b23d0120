#include "adapters/http/sandbox/sandbox_handler.hpp"

#include <chrono>
#include <utility>

#include "adapters/codec/json_out.hpp"

namespace windfall::http {

namespace {

constexpr std::string_view kJson = "application/json";

Response error(int status, std::string_view what) {
  Response response{.status = status, .content_type = kJson};
  codec::ObjectWriter(response.body).text("error", what).close();
  return response;
}

}  // namespace

void SandboxHandler::handle(const Request& request, Responder responder) {
  PartnerReply reply = partner_.answer({.method = request.method_text,
                                        .path = request.path,
                                        .idempotency_key = request.header("idempotency-key"),
                                        .webhook_id = request.header("webhook-id"),
                                        .webhook_timestamp = request.header("webhook-timestamp"),
                                        .webhook_signature = request.header("webhook-signature"),
                                        .body = request.body});
  Response response{.status = reply.status, .content_type = kJson, .body = std::move(reply.body)};
  if (reply.after_ms <= 0) {
    responder.send(std::move(response));
    return;
  }
  const std::uint64_t id = ++next_;
  Timer timer = loop_.call_after(std::chrono::milliseconds(reply.after_ms), [this, id] {
    auto node = held_.extract(id);
    node.mapped().responder.send(std::move(node.mapped().response));
  });
  held_.emplace(id, Held{std::move(responder), std::move(response), std::move(timer)});
}

std::size_t SandboxHandler::body_limit(Method, std::string_view) const { return kBodyLimit; }

Response SandboxHandler::transport_error(Violation violation, std::string_view, std::string_view) {
  const ViolationText& text = text_of(violation);
  return error(text.status, text.en);
}

void SandboxHandler::release() {
  auto held = std::exchange(held_, {});
  for (auto& [id, one] : held) one.responder.send(error(503, "the sandbox stops"));
}

}  // namespace windfall::http

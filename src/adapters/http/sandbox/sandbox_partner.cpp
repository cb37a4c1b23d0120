#include "adapters/http/sandbox/sandbox_partner.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <limits>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_in.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/object_reader.hpp"

namespace windfall::http {

namespace {

constexpr std::string_view kAccruals = "/points/accruals";
constexpr std::string_view kAccrual = "/points/accruals/";
/// Longest title or body of a notification, in characters.
constexpr std::size_t kMaxText = 2000;

PartnerReply error(int status, std::string_view what) {
  PartnerReply reply{.status = status};
  codec::ObjectWriter(reply.body).text("error", what).close();
  return reply;
}

PartnerReply bad_input(const codec::BadInput& bad) {
  if (bad.not_json) return error(400, fmt::format("{}: {}", bad.where, bad.detail_en));
  const bool named = !bad.errors.empty();
  return error(422,
               named ? fmt::format("{}: {}", bad.errors.front().pointer, bad.errors.front().detail_en) : bad.detail_en);
}

PartnerReply booking_reply(int status, const Booking& booking) {
  PartnerReply reply{.status = status};
  append_booking_json(reply.body, booking);
  return reply;
}

/// All of the faults; a member that is missing is 0. Shares are fractions, which the product's own JSON reader refuses
/// on principle.
std::optional<Faults> parse_faults(std::string_view body) {
  boost::system::error_code failed;
  const boost::json::value value = boost::json::parse({body.data(), body.size()}, failed);
  if (failed || !value.is_object()) return std::nullopt;
  Faults faults;
  for (const auto& [name, member] : value.get_object()) {
    const double number = member.to_number<double>(failed);
    if (failed) return std::nullopt;
    if (name == "fail") {
      faults.fail = number;
    } else if (name == "timeout") {
      faults.timeout = number;
    } else if (name == "duplicate") {
      faults.duplicate = number;
    } else if (name == "latencyMs" && member.is_int64()) {
      faults.latency_ms = member.get_int64();
    } else {
      return std::nullopt;
    }
  }
  return faults.valid() ? std::optional(faults) : std::nullopt;
}

}  // namespace

SandboxPartner::SandboxPartner(SandboxBook book, SandboxSettings settings)
    : book_(std::move(book)), settings_(std::move(settings)), dice_(settings_.seed) {}

PartnerReply SandboxPartner::answer(const PartnerRequest& request) {
  const bool get = request.method == "GET";
  const bool post = request.method == "POST";
  if (post && request.path == kAccruals) return accrue(request);
  if (get && request.path.starts_with(kAccrual)) return show(request.path.substr(kAccrual.size()));
  if (post && request.path == "/notifications") return notify(request);
  if (request.method == "PUT" && request.path == "/faults") return change_faults(request.body);
  if (get && request.path == "/book") {
    PartnerReply reply;
    book_.append_json(reply.body);
    return reply;
  }
  if (get && request.path == "/notifications-book") return show_notifications();
  if (get && request.path == "/livez") return {.body = R"({"status":"ok"})"};
  return error(404, "the sandbox partner has no such route");
}

PartnerReply SandboxPartner::accrue(const PartnerRequest& request) {
  if (auto refused = unsigned_call(request)) return std::move(*refused);
  const auto booking = codec::decode_object(request.body, [](codec::ObjectReader& in) {
    Booking read;
    read.event_id = in.required_identifier("eventId");
    read.user_id = in.required_user_id("userId");
    read.promotion_id = in.required_identifier("promotionId");
    read.amount = in.required_int("amount", {.min = 0, .max = std::numeric_limits<std::int64_t>::max()}).value_or(0);
    static_cast<void>(in.optional_instant("occurredAt"));
    return read;
  });
  if (!booking) return bad_input(booking.error());
  if (request.idempotency_key != booking->event_id) return error(400, "Idempotency-Key must be the eventId");

  const Fault fault = dice_.next(settings_.faults);
  if (fault == Fault::fail) return with_fault(fault, {});
  const auto outcome = book_.book(*booking);
  if (!outcome) return error(503, outcome.error().message);
  if (*outcome == SandboxBook::Outcome::contradicts) {
    return with_fault(Fault::none, error(409, "the key is booked for something else"));
  }
  return with_fault(fault, booking_reply(*outcome == SandboxBook::Outcome::booked ? 201 : 200, *booking));
}

PartnerReply SandboxPartner::show(std::string_view event_id) {
  const Fault fault = dice_.next(settings_.faults) == Fault::fail ? Fault::fail : Fault::none;
  const auto decoded = codec::percent_decode(event_id);
  const Booking* booking = decoded ? book_.find(*decoded) : nullptr;
  return with_fault(fault, booking != nullptr ? booking_reply(200, *booking) : error(404, "never seen"));
}

PartnerReply SandboxPartner::notify(const PartnerRequest& request) {
  if (auto refused = unsigned_call(request)) return std::move(*refused);
  const auto event_id = codec::decode_object(request.body, [](codec::ObjectReader& in) {
    std::string read = in.required_identifier("eventId");
    static_cast<void>(in.required_user_id("userId"));
    static_cast<void>(in.required_identifier("promotionId"));
    static_cast<void>(in.required_identifier("kind"));
    static_cast<void>(in.required_string("title", {.min = 0, .max = kMaxText}));
    static_cast<void>(in.required_string("body", {.min = 0, .max = kMaxText}));
    return read;
  });
  if (!event_id) return bad_input(event_id.error());
  if (request.idempotency_key != *event_id) return error(400, "Idempotency-Key must be the eventId");

  const Fault fault = dice_.next(settings_.faults);
  if (fault == Fault::fail) return with_fault(fault, {});
  Notified*& kept = notified_[*event_id];
  const bool fresh = kept == nullptr;
  if (fresh) kept = &notifications_.emplace_back(Notified{.body = std::string(request.body)});
  if (kept->body != request.body) return with_fault(Fault::none, error(409, "the key was used for something else"));
  PartnerReply reply{.status = fresh ? 201 : 200};
  codec::ObjectWriter(reply.body).text("eventId", *event_id).close();
  return with_fault(fault, std::move(reply));
}

/// `{"entries":[{"times":1,"notification":{…}}]}` in the order of arrival, each notification as it was sent.
PartnerReply SandboxPartner::show_notifications() const {
  PartnerReply reply;
  codec::ObjectWriter writer(reply.body);
  std::string& out = writer.name("entries");
  codec::append_json_array(out, notifications_, [&out](const Notified& one) {
    codec::ObjectWriter entry(out);
    entry.integer("times", one.times);
    entry.name("notification") += one.body;
    entry.close();
  });
  writer.close();
  return reply;
}

PartnerReply SandboxPartner::change_faults(std::string_view body) {
  const auto faults = parse_faults(body);
  if (!faults)
    return error(422, "expected {fail, timeout, duplicate: shares of calls, together at most 1, latencyMs: 0..60000}");
  settings_.faults = *faults;
  return {.body = std::string(body)};
}

std::optional<PartnerReply> SandboxPartner::unsigned_call(const PartnerRequest& request) const {
  if (!settings_.signature_holds) return std::nullopt;
  if (request.webhook_id == request.idempotency_key && settings_.signature_holds(request)) return std::nullopt;
  return error(401, "the signature does not hold");
}

PartnerReply SandboxPartner::with_fault(Fault fault, PartnerReply reply) const {
  switch (fault) {
    case Fault::none:
      break;
    case Fault::fail:
      reply = error(503, "failing on purpose");
      break;
    case Fault::timeout:
      reply.after_ms = settings_.hold_ms;
      return reply;
    case Fault::duplicate:
      reply = error(409, "booked before");
      break;
  }
  reply.after_ms = settings_.faults.latency_ms;
  return reply;
}

}  // namespace windfall::http

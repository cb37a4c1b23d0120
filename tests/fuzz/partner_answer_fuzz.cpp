// Any bytes as a partner's answer: each has the meaning that its status and end allow, booked is only what names the
// very accrual, and what is kept of the partner's words is one short printable line.
#include <string>
#include <string_view>
#include <variant>

#include "adapters/codec/json_in.hpp"
#include "adapters/codec/utf8.hpp"
#include "adapters/partner/reading.hpp"
#include "fuzz/honest.hpp"

namespace {

using namespace windfall;
using namespace windfall::fuzz;
using namespace windfall::partner;

constexpr std::string_view kHonest =
    R"({"eventId":"0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d","userId":"민지\"7","promotionId":"summer","amount":50})";
/// An excerpt of the partner's words, and what is said around it.
constexpr std::size_t kMostWords = 160 + 160;

Accrual accrual() {
  return {.event_id = "0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d",
          .user_id = "민지\"7",
          .promotion_id = "summer",
          .amount = 50,
          .occurred_at = {1'749'999'999'001}};
}

template <class T>
bool is(const PartnerAnswer& answer) {
  return std::holds_alternative<T>(answer);
}

void check_words(const PartnerAnswer& answer) {
  std::visit(
      [](const auto& one) {
        if constexpr (requires { one.why; }) {
          require(!one.why.empty() && one.why.size() <= kMostWords && codec::is_utf8(one.why));
          for (const char c : one.why) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
        }
      },
      answer);
}

void check_post(const Exchange& post) {
  const PartnerAnswer booked = read_accrual(accrual(), post);
  const PartnerAnswer notified = read_notification(accrual().user_id, post);
  check_words(booked);
  check_words(notified);
  require(!is<PartnerNeverSeen>(booked) && !is<PartnerNeverSeen>(notified) && !is<PartnerMismatch>(notified));
  const bool complete = post.end == Exchange::End::complete;
  const bool success = complete && post.status >= 200 && post.status < 300;
  require(success == (is<PartnerDone>(booked) || is<PartnerMismatch>(booked)));
  require((success || (complete && post.status == 409)) == is<PartnerDone>(notified));
  // Sent again is only what was certainly not booked.
  if (post.end == Exchange::End::not_sent) require(is<PartnerRetry>(booked) && is<PartnerRetry>(notified));
  if (post.end == Exchange::End::cut) require(is<PartnerUnknown>(booked) && is<PartnerUnknown>(notified));
}

void check_get(const Exchange& get) {
  const PartnerAnswer asked = read_ask(accrual(), get);
  const PartnerAnswer confirmed = read_confirmation(accrual(), get);
  check_words(asked);
  check_words(confirmed);
  require(!is<PartnerRetry>(asked) && !is<PartnerRefused>(asked) && !is<PartnerNeverSeen>(confirmed));
  const bool complete = get.end == Exchange::End::complete;
  require(is<PartnerNeverSeen>(asked) == (complete && get.status == 404));
  require(is<PartnerNeverSeen>(asked) || asked.index() == confirmed.index());
  if (!complete || get.status != 200) require(!is<PartnerDone>(asked) && !is<PartnerMismatch>(asked));
  if (!is<PartnerDone>(asked)) return;
  // Then it is the booking of nothing else.
  Accrual other = accrual();
  other.amount = 51;
  require(is<PartnerMismatch>(read_ask(other, get)));
  other = accrual();
  other.user_id = "민지";
  require(is<PartnerMismatch>(read_ask(other, get)));
  other = accrual();
  other.event_id.back() = 'e';
  require(is<PartnerMismatch>(read_ask(other, get)));
  require(codec::parse_json(get.body).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes says(data, size);
  Exchange exchange;
  const std::size_t how = says.byte();
  exchange.end = static_cast<Exchange::End>(how % 8 < 3 ? how % 3 : 0);
  exchange.status = how % 2 == 0 ? 200 : static_cast<int>((says.byte() << 8U) | says.byte()) % 1000;
  if (const std::size_t wait = says.byte(); wait > 0) exchange.retry_after_s = static_cast<std::int64_t>(wait);
  if (exchange.end != Exchange::End::complete) exchange.error = "connection closed";
  const bool changes = says.byte() % 4 != 0;
  exchange.body = changes ? changed(std::string(kHonest), says) : std::string(says.rest());
  check_post(exchange);
  check_get(exchange);
  exchange.body = kHonest;
  const bool answered = exchange.end == Exchange::End::complete && exchange.status == 200;
  require(is<PartnerDone>(read_ask(accrual(), exchange)) == answered);
  exchange.body.clear();
  exchange.body_too_long = true;
  check_get(exchange);
  return 0;
}

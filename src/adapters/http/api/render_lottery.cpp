#include "adapters/http/api/render_lottery.hpp"

#include <array>
#include <optional>
#include <vector>

#include "adapters/codec/encoding.hpp"

namespace windfall::http {

void render_account(std::string& out, const TicketAccount& account) {
  codec::ObjectWriter writer(out);
  writer.integer("held", account.held)
      .integer("granted", account.granted)
      .integer("drawn", account.drawn)
      .integer("revoked", account.revoked);
  codec::ObjectWriter causes(writer.name("byCause"));
  for (std::size_t cause = 0; cause < kGrantCauses; ++cause) {
    causes.integer(name_of(static_cast<GrantCause>(cause)), account.by_cause[cause]);
  }
  causes.close();
  writer.boolean("provisional", account.provisional).close();
}

void render_funnel(std::string& out, const InviteFunnel& funnel) {
  const auto step = [&funnel](FunnelStep s) { return funnel.steps[static_cast<std::size_t>(s)]; };
  codec::ObjectWriter writer(out);
  writer.integer("shared", step(FunnelStep::shared))
      .integer("opened", step(FunnelStep::opened))
      .integer("granted", step(FunnelStep::granted));
  codec::ObjectWriter reasons(writer.name("byReason"));
  for (const OpenReason reason :
       {OpenReason::own_link, OpenReason::already_credited, OpenReason::not_first_visit, OpenReason::inviter_limit}) {
    reasons.integer(code_of(reason), step(funnel_step_of(reason)));
  }
  reasons.close();
  writer.close();
}

void render_prize(std::string& out, const Prize& prize) {
  codec::ObjectWriter(out)
      .text("prizeId", prize.id)
      .text("name", prize.name)
      .text("kind", std::string_view(windfall::name_of(prize.kind)))
      .integer("value", prize.value)
      .close();
}

std::string_view name_of(GrantCause cause) {
  static constexpr std::array<std::string_view, kGrantCauses> kNames{"VISIT", "INVITE_SENT", "INVITE_OPENED",
                                                                     "ADJUSTMENT"};
  return kNames.at(static_cast<std::size_t>(cause));
}

void render_entry(std::string& out, const TicketEntry& entry) {
  std::string_view type = entry.cause == GrantCause::adjustment ? "ADJUSTMENT" : "GRANT";
  if (entry.type == TicketEntry::Type::draw) type = "DRAW";
  codec::ObjectWriter writer(out);
  writer.integer("seq", entry.seq).instant("at", entry.at).text("type", type);
  if (entry.cause) writer.text("cause", name_of(*entry.cause));
  writer.integer("tickets", entry.tickets).text("promotionId", entry.promotion_id).close();
}

codec::ObjectWriter begin_coupon(std::string& out, const CouponView& coupon) {
  codec::ObjectWriter writer(out);
  const auto instant_or_null = [&writer](std::string_view name, const std::optional<Instant>& at) {
    at ? writer.instant(name, *at) : writer.null(name);
  };
  writer.uuid("couponId", coupon.id)
      .text("promotionId", coupon.definition->promotion.id)
      .text("prizeId", coupon.prize().id)
      .text("name", coupon.prize().name)
      .integer("value", coupon.prize().value)
      .text("status", std::string_view(windfall::name_of(coupon.status)));
  instant_or_null("issuedAt", coupon.issued_at);
  instant_or_null("expiresAt", coupon.row.expires_at);
  return writer;
}

void render_coupon(std::string& out, const CouponView& coupon) { begin_coupon(out, coupon).close(); }

std::string seed_text(const Seed& seed) { return codec::to_hex(seed.bytes); }

std::string masked(std::string_view user_id) {
  std::vector<std::size_t> starts;  // of characters
  for (std::size_t i = 0; i < user_id.size(); ++i) {
    if ((static_cast<unsigned char>(user_id[i]) & 0xC0U) != 0x80U) starts.push_back(i);
  }
  constexpr std::size_t kShort = 6;
  if (starts.size() < kShort) {
    return std::string(user_id.substr(0, starts.size() > 1 ? starts[1] : user_id.size())) + "***";
  }
  return std::string(user_id.substr(0, starts[2])) + "***" + std::string(user_id.substr(starts[starts.size() - 2]));
}

bool taxable(const Prize& prize, const DrawRow& win) {
  // The Income Tax Act frees prizes of up to 50,000 KRW (article 84).
  constexpr std::int64_t kTaxFree = 50'000;
  return prize.value > kTaxFree && !win.test && !win.voided;
}

}  // namespace windfall::http

// Values of lotteries as the API's JSON.
#pragma once

#include <string>
#include <string_view>

#include "adapters/codec/json_out.hpp"
#include "application/on_request/coupons.hpp"
#include "application/on_request/show_tickets.hpp"
#include "application/port/lottery_ledger.hpp"
#include "application/port/promotion_store.hpp"
#include "domain/lottery/seed.hpp"
#include "domain/lottery/tickets.hpp"

namespace windfall::http {

void render_account(std::string& out, const TicketAccount& account);
void render_funnel(std::string& out, const InviteFunnel& funnel);
/// `{prizeId, name, kind, value}`
void render_prize(std::string& out, const Prize& prize);

/// An item of /v1/me/tickets.
void render_entry(std::string& out, const TicketEntry& entry);

/// A coupon without its code, which nobody but its owner is shown. begin_coupon() leaves the object open.
void render_coupon(std::string& out, const CouponView& coupon);
[[nodiscard]] codec::ObjectWriter begin_coupon(std::string& out, const CouponView& coupon);

/// Whether the tax office wants to know of a standing win: over 50,000 KRW, and no test, of which nobody gets anything.
[[nodiscard]] bool taxable(const Prize& prize, const DrawRow& win);

/// As written in the API: "VISIT", …
[[nodiscard]] std::string_view name_of(GrantCause cause);

/// 64 lower-case hex digits.
[[nodiscard]] std::string seed_text(const Seed& seed);

/// A user id as winners are shown: the first two and the last two characters, under six characters the first only.
[[nodiscard]] std::string masked(std::string_view user_id);

}  // namespace windfall::http

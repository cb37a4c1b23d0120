#include "adapters/http/api/render.hpp"

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"

namespace windfall::http {

void render_participation(std::string& out, const ParticipationJson& participation) {
  out.reserve(out.size() + 320);
  codec::ObjectWriter(out)
      .uuid("participationId", participation.participation_id)
      .text("promotionId", participation.promotion_id)
      .text("userId", participation.user_id)
      .day("day", participation.day)
      .integer("rewardAmount", participation.amount)
      .instant("participatedAt", participation.at)
      .text("accrual", participation.accrual)
      .uuid("accrualEventId", participation.effect_id)
      .close();
}

void render_row(std::string& out, const ParticipationRow& row, std::string_view user_id, const PromotionStore& store) {
  const PromotionStore::EventIds ids = store.event_ids(row.promotion_id, row.epoch, row.sequence);
  render_participation(out, {.participation_id = ids.event,
                             .promotion_id = row.promotion_id,
                             .user_id = user_id,
                             .day = row.day,
                             .amount = row.amount,
                             .at = row.at,
                             .accrual = name_of(row.accrual),
                             .effect_id = ids.effect});
}

codec::PromotionView shown(const PromotionView& view) {
  return {.status = view.status, .left_join_count = view.left_join_count, .left_today = view.left_today_count};
}

void render(std::string& out, const PromotionView& view, std::span<const std::string> warnings) {
  codec::PromotionText(*view.definition).append_to(out, shown(view), warnings);
}

std::string detail_of(const JoinRefusal& refusal) {
  struct Detail {
    std::string operator()(const OutsidePeriod&) const { return ""; }
    std::string operator()(const PromotionPaused&) const { return ""; }
    std::string operator()(const Blocked&) const { return ""; }
    std::string operator()(const SoldOut& e) const { return e.scope == SoldOut::Scope::day ? "DAY" : "TOTAL"; }
    std::string operator()(const ConditionNotMet& e) const { return e.condition; }
    std::string operator()(const AlreadyParticipated& e) const { return codec::to_text(e.day); }
  };
  return std::visit(Detail{}, refusal);
}

std::string_view name_of(AccrualState state) {
  switch (state) {
    case AccrualState::pending:
      return "PENDING";
    case AccrualState::done:
      return "DONE";
    case AccrualState::failed:
      break;
  }
  return "FAILED";
}

void append_csv_text(std::string& out, std::string_view text) {
  // A spreadsheet would run what starts like a formula; the quote in front is the usual defence.
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  if (!formula && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  if (formula) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace windfall::http

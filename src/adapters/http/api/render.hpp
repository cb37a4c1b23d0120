// Values of the use cases as the API's JSON.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "adapters/codec/promotion_json.hpp"
#include "application/on_request/browse.hpp"
#include "application/port/ledger.hpp"
#include "application/port/promotion_store.hpp"

namespace windfall::http {

struct ParticipationJson {
  Uuid participation_id;
  std::string_view promotion_id;
  std::string_view user_id;
  LocalDay day;
  Amount amount = 0;
  Instant at;
  std::string_view accrual;  ///< PENDING, DONE, FAILED
  Uuid effect_id;
};
void render_participation(std::string& out, const ParticipationJson& participation);

/// A row of the ledger as a Participation.
void render_row(std::string& out, const ParticipationRow& row, std::string_view user_id, const PromotionStore& store);

/// What an answer says of a promotion beside its definition.
[[nodiscard]] codec::PromotionView shown(const PromotionView& view);
/// Appends the API's Promotion, with the warnings of a create or a patch if there are some.
void render(std::string& out, const PromotionView& view, std::span<const std::string> warnings = {});

/// A refusal's reason in the API's words, for the log of refusals: the scope, the condition or the day.
[[nodiscard]] std::string detail_of(const JoinRefusal& refusal);

[[nodiscard]] std::string_view name_of(AccrualState state);

/// A field of a CSV file, quoted where RFC 4180 asks for it or a spreadsheet would run it.
void append_csv_text(std::string& out, std::string_view text);

}  // namespace windfall::http

// PostgresLedger as keeper of effects for a ledger that is elsewhere. The same tables, of which only those are filled
// that effects need: people, promotions, places. A participation has no row here, so that every effect carries ordinal
// 0, under which a person's are found.
#include "adapters/postgres/access.hpp"
#include "adapters/postgres/batch.hpp"
#include "adapters/postgres/effect_state.hpp"
#include "adapters/postgres/postgres_ledger.hpp"
#include "adapters/postgres/projector.hpp"
#include "adapters/postgres/term.hpp"

namespace windfall::postgres {

namespace {

void make_or_cancel(Batch& rows, const Recorded& recorded, const EffectChange& change) {
  if (change.what == EffectChange::What::cancelled) {
    rows.cancel_effect(recorded, change.id);
    return;
  }
  rows.add_effect(recorded, {.id = change.id,
                             .kind = change.kind,
                             .ordinal = 0,
                             .user = change.user,
                             .amount = change.amount,
                             .prize = change.prize});
}

}  // namespace

Result<bool> PostgresLedger::apply_effects(const LogBatch& batch, const std::vector<EffectChange>& changes) {
  return apply_by(batch, [&](Batch& rows) {
    auto change = changes.begin();
    for (const Recorded* recorded : rows.events()) {
      if (const auto* defined = std::get_if<DefinitionChanged>(&recorded->event)) {
        write_promotion(rows.db(), *recorded, *defined);
      } else if (const auto* settled = std::get_if<EffectSettled>(&recorded->event)) {
        rows.settle_effect(*recorded, *settled);
      } else if (const auto* audited = std::get_if<Audited>(&recorded->event)) {
        rows.dismiss_effect(*audited);
      } else if (std::holds_alternative<UserErased>(recorded->event)) {
        ++rows.progress.erasures;
      }
      const auto index = static_cast<std::size_t>(recorded - batch.events.data());
      while (change != changes.end() && change->event < index) ++change;  // of events that were applied before
      for (; change != changes.end() && change->event == index; ++change) make_or_cancel(rows, *recorded, *change);
    }
    rows.write();
  });
}

Result<bool> PostgresLedger::still_leads() {
  if (!options_.term) return true;
  return write([&](Connection& db) {
    hold_term(db, options_.term());
    return true;
  });
}

Result<std::vector<std::pair<EffectId, AccrualState>>> PostgresLedger::accrual_states(
    const std::vector<EffectId>& ids) {
  return read([&](Connection& db) {
    Array wanted = Array::of_uuids(ids.size());
    for (const EffectId& id : ids) wanted.add(id);
    std::vector<std::pair<EffectId, AccrualState>> out;
    if (ids.empty()) return out;
    Rows rows = db.select("select id, state from effect where id = any($1::uuid[])", wanted);
    out.reserve(static_cast<std::size_t>(rows.count()));
    while (rows.next()) {
      const auto state = static_cast<EffectState>(rows.integer(1));
      out.emplace_back(rows.uuid(0), state == EffectState::done   ? AccrualState::done
                                     : state == EffectState::dead ? AccrualState::failed
                                                                  : AccrualState::pending);
    }
    return out;
  });
}

}  // namespace windfall::postgres

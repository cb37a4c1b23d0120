// A dead letter that an operator has dismissed. The audit is the log's only word of it: its subject names the effect,
// and says whose debt was given up, so that ledgers can apply it and nobody loses sight of the money.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "application/port/effects.hpp"
#include "domain/kernel/event.hpp"

namespace windfall::codec {

/// Action of its audit.
inline constexpr std::string_view kDismissal = "dismissDeadLetter";

/// "dead letter 0f0e…: ACCRUAL, amount 500, promotion p"; nothing of the person.
[[nodiscard]] std::string dismissal_subject(const DeadLetter& letter);
/// The effect whose dead letter is dismissed by this event, if it is such a record.
[[nodiscard]] std::optional<EffectId> dismissed_effect(const Audited& event);

}  // namespace windfall::codec

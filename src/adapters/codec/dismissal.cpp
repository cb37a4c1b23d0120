#include "adapters/codec/dismissal.hpp"

#include <fmt/format.h>

#include "adapters/codec/encoding.hpp"

namespace windfall::codec {

namespace {

constexpr std::string_view kStart = "dead letter ";
constexpr std::size_t kUuidText = 36;

}  // namespace

std::string dismissal_subject(const DeadLetter& letter) {
  return fmt::format("{}{}: {}, amount {}, promotion {}", kStart, to_uuid_text(letter.effect), letter.kind,
                     letter.amount, letter.promotion_id);
}

std::optional<EffectId> dismissed_effect(const Audited& event) {
  if (event.audit.action != kDismissal || !event.subject.starts_with(kStart)) return std::nullopt;
  return from_uuid_text(std::string_view(event.subject).substr(kStart.size(), kUuidText));
}

}  // namespace windfall::codec

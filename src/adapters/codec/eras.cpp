#include "adapters/codec/eras.hpp"

#include <algorithm>

namespace windfall::codec {

std::string restore_subject(const Lineage& old_lineage) { return std::string{kRestoreSubject} + to_hex(old_lineage); }

std::optional<Lineage> ended_lineage(const Recorded& recorded) {
  const auto* audited = std::get_if<Audited>(&recorded.event);
  if (audited == nullptr || audited->audit.action != kRestoreAction || !audited->subject.starts_with(kRestoreSubject)) {
    return std::nullopt;
  }
  const auto bytes = from_hex(std::string_view(audited->subject).substr(kRestoreSubject.size()));
  Lineage lineage{};
  if (!bytes || bytes->size() != lineage.size()) return std::nullopt;
  std::ranges::copy(*bytes, lineage.begin());
  return lineage;
}

const Lineage& Eras::of(std::string_view promotion, Sequence sequence) const {
  for (const Era& era : ended_) {
    const auto last = era.last_sequences.find(promotion);
    if (last != era.last_sequences.end() && sequence <= last->second) return era.lineage;
  }
  return current_;
}

}  // namespace windfall::codec

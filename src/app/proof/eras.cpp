#include "app/proof/eras.hpp"

#include <algorithm>

#include "adapters/codec/encoding.hpp"

namespace windfall::proof {

std::string restore_subject(const Lineage& old_lineage) {
  return std::string{kRestoreSubject} + codec::to_hex(old_lineage);
}

std::optional<Lineage> ended_lineage(const Recorded& recorded) {
  const auto* audited = std::get_if<Audited>(&recorded.event);
  if (audited == nullptr || audited->audit.action != kRestoreAction || !audited->subject.starts_with(kRestoreSubject)) {
    return std::nullopt;
  }
  const auto bytes = codec::from_hex(std::string_view(audited->subject).substr(kRestoreSubject.size()));
  Lineage lineage{};
  if (!bytes || bytes->size() != lineage.size()) return std::nullopt;
  std::ranges::copy(*bytes, lineage.begin());
  return lineage;
}

}  // namespace windfall::proof

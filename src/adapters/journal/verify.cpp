#include "adapters/journal/verify.hpp"

#include <fmt/format.h>

#include <utility>

namespace windfall::journal {

Result<Verdict> verify(const std::string& directory, const RecoverySettings& settings, FileSystem& files) {
  auto opened = open_for_reading(files, directory);
  if (!opened) return tl::make_unexpected(opened.error());
  auto found = survey(files, directory, opened->record.lineage, settings.visit, OnDamage::carry_on);
  if (!found) return tl::make_unexpected(found.error());

  Verdict verdict{opened->record, std::move(*found), false, {}, {}};
  const Survey& survey = verdict.survey;
  verdict.clean_stop = survey.last_kind == FrameKind::clean_stop && survey.frames > 0;
  verdict.findings = survey.damage;
  if (survey.torn_tail) verdict.notes.push_back(*survey.torn_tail);
  for (const IdentityPlace& identity : survey.unsound) {
    const bool erased = settings.is_erased && settings.is_erased(identity.ref);
    auto& list = erased ? verdict.notes : verdict.findings;
    list.push_back({segment_path(directory, identity.segment_first_sequence), identity.offset,
                    erased ? "an erasure was cut short" : "the checksum of an identity does not match"});
  }
  if (settings.covered > survey.last_sequence) {
    verdict.findings.push_back({segment_path(directory, survey.tail.segment_first_sequence), survey.tail.offset,
                                fmt::format("the ledger has seen frame {}, but the journal ends with frame {}",
                                            settings.covered, survey.last_sequence)});
  }
  return verdict;
}

}  // namespace windfall::journal

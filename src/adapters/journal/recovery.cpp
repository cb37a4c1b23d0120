#include "adapters/journal/recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "adapters/journal/erasure.hpp"

namespace windfall::journal {
namespace {

Result<void> refuse_damage(const Survey& found, const std::string& directory, const RecoverySettings& settings) {
  if (!found.damage.empty()) return fail(FailureCode::damaged, to_text(found.damage.front()));
  if (settings.covered > found.last_sequence) {
    const Finding end{
        segment_path(directory, std::max<std::uint64_t>(found.tail.segment_first_sequence, 1)), found.tail.offset,
        fmt::format("the ledger has seen frame {}, but the journal ends with frame {}{}", settings.covered,
                    found.last_sequence, found.torn_tail ? ": " + found.torn_tail->what : "")};
    return fail(FailureCode::damaged, to_text(end));
  }
  for (const IdentityPlace& identity : found.unsound) {
    if (settings.is_erased && settings.is_erased(identity.ref)) continue;
    return fail(FailureCode::damaged,
                to_text(Finding{segment_path(directory, identity.segment_first_sequence), identity.offset,
                                "the checksum of an identity does not match, and it was not erased"}));
  }
  return {};
}

/// The last process may have died, or its last sync may have failed, with the last frame only in the system's memory;
/// after a failed sync the system even takes it for written. Hence it is written once more, and synced together with
/// the cut.
Io<void> settle(File& file, const Tail& tail) {
  if (auto cut = write_zeros(file, tail.offset, tail.rubbish_end - tail.offset); !cut) return cut;
  std::string last_frame(tail.last_frame_bytes, '\0');
  const std::uint64_t start = tail.offset - tail.last_frame_bytes;
  if (auto count = read_fully(file, last_frame, start); !count) return tl::make_unexpected(count.error());
  if (auto written = write_fully(file, last_frame, start); !written) return written;
  return file.sync();
}

}  // namespace

Result<RecoveredTail> recover(FileSystem& files, const std::string& directory, const LineageId& lineage,
                              const RecoverySettings& settings) {
  auto found = survey(files, directory, lineage, settings.visit, OnDamage::stop);
  if (!found) return tl::make_unexpected(found.error());
  if (auto good = refuse_damage(*found, directory, settings); !good) return tl::make_unexpected(good.error());
  RecoveredTail tail{std::move(*found), nullptr, 0};
  if (tail.survey.tail.segment_first_sequence == 0) return tail;

  if (auto erased = erase_at(files, directory, tail.survey.unsound, [](const std::string&) {}); !erased) {
    return tl::make_unexpected(erased.error());
  }
  const std::string path = segment_path(directory, tail.survey.tail.segment_first_sequence);
  auto file = files.open(path, OpenMode::write);
  if (!file) return io_failure("open", path, file.error());
  if (auto settled = settle(**file, tail.survey.tail); !settled) return io_failure("settle", path, settled.error());
  const auto size = (*file)->size();
  if (!size) return io_failure("measure", path, size.error());
  tail.file = std::move(*file);
  tail.capacity = *size;
  return tail;
}

}  // namespace windfall::journal

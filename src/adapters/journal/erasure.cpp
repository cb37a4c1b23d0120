#include "adapters/journal/erasure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

namespace windfall::journal {
namespace {

Result<void> collect(std::string_view segment, const std::string& path, std::uint64_t first_sequence,
                     const LineageId& lineage, std::uint64_t last_sequence,
                     const std::map<UserRef, std::uint64_t>& last_frames, std::vector<IdentityPlace>& places) {
  std::uint64_t offset = 0;
  for (std::uint64_t sequence = first_sequence; sequence <= last_sequence; ++sequence) {
    const auto frame = parse_frame(segment.substr(offset), lineage);
    if (!frame || frame->sequence != sequence) {
      return fail(FailureCode::damaged, to_text(Finding{path, offset, fmt::format("frame {} is bad", sequence)}));
    }
    for (const StoredIdentity identity : frame->identities) {
      if (identity.state == IdentityState::erased) continue;
      const auto found = last_frames.find(identity.ref);
      if (found == last_frames.end() || sequence > found->second) continue;
      places.push_back({identity.ref, first_sequence, offset + identity.erasable_offset, identity.erasable_bytes});
    }
    offset += frame->bytes.size();
  }
  return {};
}

}  // namespace

Result<std::vector<IdentityPlace>> find_identities(FileSystem& files, const std::string& directory,
                                                   const LineageId& lineage, std::uint64_t durable,
                                                   std::span<const Erasure> erasures) {
  std::map<UserRef, std::uint64_t> last_frames;
  for (const Erasure& erasure : erasures) last_frames.emplace(erasure.ref, erasure.last_frame);
  const auto segments = list_segments(files, directory);
  if (!segments) return tl::make_unexpected(segments.error());

  std::vector<IdentityPlace> places;
  FileImage image;
  for (std::size_t i = 0; i < segments->size() && (*segments)[i] <= durable; ++i) {
    const std::uint64_t first = (*segments)[i];
    // The segment after this one may be younger than `durable`, but then this one holds all up to there.
    const std::uint64_t next = i + 1 < segments->size() ? (*segments)[i + 1] : durable + 1;
    const std::string path = segment_path(directory, first);
    auto file = files.open(path, OpenMode::read);
    if (!file) return io_failure("open", path, file.error());
    if (auto loaded = image.load(**file); !loaded) return io_failure("read", path, loaded.error());
    auto collected = collect(image.bytes(), path, first, lineage, std::min(durable, next - 1), last_frames, places);
    if (!collected) return tl::make_unexpected(collected.error());
  }
  return places;
}

Result<void> erase_at(FileSystem& files, const std::string& directory, std::span<const IdentityPlace> places,
                      const std::function<void(const std::string&)>& on_fatal) {
  while (!places.empty()) {
    const std::uint64_t segment = places.front().segment_first_sequence;
    const std::string path = segment_path(directory, segment);
    auto file = files.open(path, OpenMode::write);
    if (!file) return io_failure("open", path, file.error());
    for (; !places.empty() && places.front().segment_first_sequence == segment; places = places.subspan(1)) {
      if (auto zeroed = write_zeros(**file, places.front().offset, places.front().bytes); !zeroed) {
        return io_failure("erase an identity in", path, zeroed.error());
      }
    }
    if (auto synced = (*file)->sync(); !synced) {
      auto failure = io_failure("sync", path, synced.error());
      on_fatal(failure.value().message);
      return failure;
    }
  }
  return {};
}

}  // namespace windfall::journal

// Any bytes of a journal: what is read as a frame is written as the same bytes, no part of it is one, and erasing who
// is in it changes nothing that the chain covers; all else is a fault with a name.
#include <algorithm>
#include <string>

#include "adapters/journal/crc32c.hpp"
#include "adapters/journal/format.hpp"
#include "fuzz/honest.hpp"

namespace {

using namespace windfall::fuzz;
using namespace windfall::journal;

constexpr LineageId kLineage{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

std::string honest_frames() {
  const Identity identities[] = {{{1, 2}, "alice"}, {{3, 4}, "b"}};
  FrameDraft draft;
  draft.add("body", identities);
  std::string bytes(draft.seal(FrameKind::data, kLineage, 7, {5, 6}));
  const FrameHash hash = draft.hash();
  draft.clear();
  return bytes.append(draft.seal(FrameKind::clean_stop, kLineage, 8, hash));
}

void store_u32(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>((value >> (8 * i)) & 0xFF);
}
// Of what is small in an honest frame: its two low bytes.
std::size_t load(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]) | std::size_t{static_cast<unsigned char>(bytes[at + 1])} << 8U;
}

/// Makes checksum and trailer of the first frame right for what it claims to hold, and its length if that is too short.
void reseal(std::string& bytes) {
  if (bytes.size() < kFrameOverhead) return;
  const std::size_t body_end = kFrameHeaderBytes + load(bytes, 56);
  std::size_t end = body_end;
  std::string covered;
  for (std::size_t i = load(bytes, 60); i > 0 && end + kIdentityHeaderBytes <= bytes.size(); --i) {
    covered += bytes.substr(end, kIdentityCoveredBytes);
    end += kIdentityHeaderBytes + static_cast<unsigned char>(bytes[end + kIdentityCoveredBytes - 1]);
  }
  if (end + kFrameTrailerBytes > bytes.size()) return;
  const std::size_t length = std::max(end + kFrameTrailerBytes, std::min(load(bytes, 4), bytes.size()));
  store_u32(bytes, 4, static_cast<std::uint32_t>(length));
  const std::string_view all = bytes;
  const std::uint32_t sum = crc32c(covered, crc32c(all.substr(12, body_end - 12), crc32c(all.substr(0, 8))));
  store_u32(bytes, 8, sum);
  store_u32(bytes, length - kFrameTrailerBytes, sum);
}

void check_identities(const FrameView& frame) {
  std::string erased(frame.bytes);
  std::vector<Identity> sound;
  for (const StoredIdentity identity : frame.identities) {
    require(identity.erasable_offset + identity.erasable_bytes + kFrameTrailerBytes <= frame.bytes.size());
    require(identity.state != IdentityState::unsound || frame.has_unsound_identity);
    require((identity.state == IdentityState::sound) == !identity.id.empty());
    if (!identity.id.empty() && identity.id.front() != '\0') sound.push_back({identity.ref, identity.id});
    erased.replace(identity.erasable_offset, identity.erasable_bytes, identity.erasable_bytes, '\0');
  }
  if (sound.size() == frame.identities.size()) {
    FrameDraft draft;
    draft.add(frame.body, sound);
    require(draft.seal(frame.kind, kLineage, frame.sequence, frame.previous) == frame.bytes);
    require(draft.hash() == hash_of(frame));
  }
  const auto nobody = parse_frame(erased, kLineage);
  require(nobody && hash_of(*nobody) == hash_of(frame) && nobody->body == frame.body && !nobody->has_unsound_identity);
  for (const StoredIdentity identity : nobody->identities) require(identity.state == IdentityState::erased);
}

void check(const FrameView& frame, std::size_t flipped) {
  for (std::size_t size = 0; size < frame.bytes.size(); ++size) {
    const auto part = parse_frame(frame.bytes.substr(0, size), kLineage);
    require(!part && part.error() == (size < kFrameHeaderBytes ? FrameFault::none_here : FrameFault::too_long));
  }
  check_identities(frame);
  if (frame.has_unsound_identity) return;  // the flip might make it right again
  std::string other(frame.bytes);
  other[flipped % other.size()] ^= 0x10;
  const auto read = parse_frame(other, kLineage);
  require(!read || (read->has_unsound_identity && hash_of(*read) == hash_of(frame)));
}

std::size_t frames_in(const std::string& bytes, std::size_t flipped) {
  std::size_t frames = 0;
  const std::vector<char> input = exactly(bytes);
  for (std::string_view left = view_of(input); !left.empty();) {
    const auto frame = parse_frame(left, kLineage);
    if (frame) check(*frame, flipped), ++frames;
    require(frame ? find_frame(left, 0, kLineage, frame->sequence) == 0 : describe(frame.error()) != "unknown fault");
    const std::size_t next = frame ? frame->bytes.size() : find_frame(left, 1, kLineage, 0);
    if (next == std::string_view::npos) break;
    left.remove_prefix(next);
    require(frame || parse_frame(left, kLineage) || parse_frame(left, kLineage).error() == FrameFault::unknown_version);
  }
  return frames;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes says(data, size);
  const std::size_t kind = says.byte() % 3;
  const std::size_t flipped = says.byte();
  std::string bytes = kind == 0 ? std::string(says.rest()) : changed(honest_frames(), says);
  if (kind == 2) reseal(bytes);
  require(frames_in(bytes, flipped) == 2 || bytes != honest_frames());
  const std::string file = kind == 0 ? bytes : changed(encode_lineage({.lineage = kLineage, .fingerprint = {}}), says);
  const auto lineage = decode_lineage(file, "lineage");
  require(!lineage || encode_lineage(*lineage) == file);
  return 0;
}

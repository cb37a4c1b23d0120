#include "adapters/redis/outbox_entry.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "adapters/codec/event_codec.hpp"
#include "domain/kernel/changes.hpp"

namespace windfall::redis {

namespace {

static_assert(std::endian::native == std::endian::little, "integers are copied as they stand");

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kHasCommand = 1;
constexpr std::uint8_t kHasIdentity = 2;

tl::unexpected<Failure> damaged(std::string_view id, std::string_view what) {
  return fail(FailureCode::damaged, fmt::format("outbox entry {}: {}", id, what));
}

template <class T>
void put(std::string& out, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  out.append(raw, sizeof(T));
}

/// Takes values off the front; after the first that is not there all read as nothing and ok() is false.
class Bytes {
 public:
  explicit Bytes(std::string_view in) : in_(in) {}
  template <class T>
  T fixed() {
    T value{};
    const std::string_view raw = text(sizeof(T));
    if (ok_) std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }
  std::string_view text(std::size_t length) {
    if (length > in_.size()) {
      ok_ = false;
      in_ = {};
      return {};
    }
    const std::string_view found = in_.substr(0, length);
    in_.remove_prefix(length);
    return found;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool any_left() const { return !in_.empty(); }

 private:
  std::string_view in_;
  bool ok_ = true;
};

/// "12 -3 4": numbers between single blanks.
bool read_numbers(std::string_view text, std::vector<std::int64_t>& out) {
  while (true) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + end, out.emplace_back());
    if (problem != std::errc{} || stop != text.data() + end) return false;
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

/// A definition names itself; everything else was decided under the one before.
Revision revision_named_by(const Event& event, Revision in_force) {
  const bool defines = std::holds_alternative<DefinitionChanged>(event) || std::holds_alternative<KeyChanged>(event);
  return defines ? Revision{in_force.value + 1} : in_force;
}

/// What the script assigned to one proposal.
struct Assigned {
  PartitionNo partition;
  Epoch epoch;
  Sequence sequence;  ///< of the next event
  Instant time;
  Revision revision;
  std::vector<std::int64_t> taken;
};

/// Appends the events of one payload; empty = read, else what is wrong with it.
std::string_view read_payload(std::string_view payload, Assigned& assigned, std::vector<OutboxEntry::Kept>& out) {
  Bytes bytes(payload);
  if (bytes.fixed<std::uint8_t>() != kVersion) return "a payload of another version";
  const auto flags = bytes.fixed<std::uint8_t>();
  if ((flags & ~(kHasCommand | kHasIdentity)) != 0) return "unknown flags";
  std::optional<Command> command;
  std::optional<LogBatch::Named> identity;
  if ((flags & kHasCommand) != 0) {
    command.emplace();
    command->hash.hi = bytes.fixed<std::uint64_t>();
    command->hash.lo = bytes.fixed<std::uint64_t>();
    command->fingerprint = bytes.fixed<std::uint64_t>();
  }
  if ((flags & kHasIdentity) != 0) {
    identity.emplace();
    identity->user.hi = bytes.fixed<std::uint64_t>();
    identity->user.lo = bytes.fixed<std::uint64_t>();
    identity->id = bytes.text(bytes.fixed<std::uint32_t>());
  }
  if (!bytes.ok() || !bytes.any_left()) return "a payload is cut short";
  while (bytes.any_left()) {
    const std::string_view body = bytes.text(bytes.fixed<std::uint32_t>());
    if (!bytes.ok()) return "a payload is cut short";
    Result<Event> event = codec::decode_event(body);
    if (!event) return "an event that cannot be read";
    const bool keeps = keeps_taken(*event);
    if (keeps && assigned.taken.empty()) return "an event lacks what it took";
    Recorded recorded{.partition = assigned.partition,
                      .epoch = assigned.epoch,
                      .sequence = assigned.sequence,
                      .time = assigned.time,
                      .revision = revision_named_by(*event, assigned.revision),
                      .command = std::exchange(command, std::nullopt),
                      .event = std::move(*event),
                      .taken = keeps ? assigned.taken : std::vector<std::int64_t>{}};
    out.push_back({.recorded = std::move(recorded), .identity = std::exchange(identity, std::nullopt)});
    ++assigned.sequence.value;
  }
  return {};
}

}  // namespace

std::string outbox_payload(const Proposal& proposal, const Identity& identity) {
  std::string out;
  const bool named = identity.user != UserRef{};
  put(out, kVersion);
  put(out, static_cast<std::uint8_t>((proposal.command ? kHasCommand : 0U) | (named ? kHasIdentity : 0U)));
  if (proposal.command) {
    put(out, proposal.command->hash.hi);
    put(out, proposal.command->hash.lo);
    put(out, proposal.command->fingerprint);
  }
  if (named) {
    put(out, identity.user.hi);
    put(out, identity.user.lo);
    put(out, static_cast<std::uint32_t>(identity.id.size()));
    out += identity.id;
  }
  for (const Event& event : proposal.events) {
    const std::size_t length_at = out.size();
    put(out, std::uint32_t{0});
    codec::encode_event(event, out);
    const auto length = static_cast<std::uint32_t>(out.size() - length_at - sizeof(std::uint32_t));
    std::memcpy(out.data() + length_at, &length, sizeof(length));
  }
  return out;
}

Result<OutboxEntry> read_outbox_entry(const Reply& entry, PartitionNo partition) {
  if (entry.type != Reply::Type::array || entry.items.size() != 2) return damaged("?", "not an entry");
  OutboxEntry read{.id = entry.items[0].text, .epoch = {}, .events = {}};
  const std::vector<Reply>& fields = entry.items[1].items;
  std::vector<std::int64_t> numbers;
  const std::size_t dash = read.id.find('-');
  if (dash == std::string::npos || !read_numbers(std::string_view(read.id).substr(0, dash), numbers) ||
      !read_numbers(std::string_view(read.id).substr(dash + 1), numbers) || numbers[0] < 0 ||
      numbers[0] > std::numeric_limits<std::uint32_t>::max()) {
    return damaged(read.id, "not an id of an epoch and a sequence");
  }
  read.epoch.value = static_cast<std::uint32_t>(numbers[0]);
  const std::int64_t last = numbers[1];
  numbers.clear();
  if (fields.size() < 4 || fields.size() % 2 != 0 || fields[0].text != "b" || !read_numbers(fields[1].text, numbers) ||
      numbers.size() != 2) {
    return damaged(read.id, "it does not begin with sequence and time");
  }
  Assigned assigned{.partition = partition,
                    .epoch = read.epoch,
                    .sequence = {static_cast<std::uint64_t>(numbers[0]) + 1},
                    .time = {numbers[1]},
                    .revision = {},
                    .taken = {}};
  for (std::size_t i = 2; i < fields.size(); i += 2) {
    numbers.clear();
    if (!read_numbers(fields[i].text, numbers)) return damaged(read.id, "a proposal without its revision");
    assigned.revision.value = static_cast<std::uint32_t>(numbers[0]);
    assigned.taken.assign(numbers.begin() + 1, numbers.end());
    if (const auto wrong = read_payload(fields[i + 1].text, assigned, read.events); !wrong.empty()) {
      return damaged(read.id, wrong);
    }
  }
  if (assigned.sequence.value != static_cast<std::uint64_t>(last) + 1) {
    return damaged(read.id, fmt::format("its events end at {}", assigned.sequence.value - 1));
  }
  return read;
}

}  // namespace windfall::redis

#include "adapters/redis/commit_reply.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <utility>

namespace windfall::redis {

namespace {

constexpr std::size_t kFingerprintBytes = 8;

tl::unexpected<Failure> damaged(std::string_view what) {
  return fail(FailureCode::damaged, fmt::format("reply of the script: {}", what));
}

/// Words between single blanks; after the first that is not a number where one is asked for, ok() is false.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool any_left() const { return !rest_.empty(); }
  [[nodiscard]] bool ok() const { return ok_; }
  std::string_view word() {
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ok_ = ok_ && !found.empty();
    return found;
  }
  template <class Integer = std::int64_t>
  Integer number() {
    return number_in<Integer>(word());
  }
  /// '-' reads as nothing.
  std::optional<std::int64_t> number_or_none() {
    const std::string_view found = word();
    return found == "-" ? std::nullopt : std::optional(number_in<std::int64_t>(found));
  }

 private:
  template <class Integer>
  Integer number_in(std::string_view text) {
    Integer value{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    ok_ = ok_ && problem == std::errc{} && end == text.data() + text.size();
    return value;
  }

  std::string_view rest_;
  bool ok_ = true;
};

/// What every verdict of a call has in common.
struct Frame {
  Epoch epoch;
  std::uint64_t sequence = 0;  ///< of the last event so far
  Instant time;
};

Result<Verdict> read_verdict(std::string_view text, const Submission& submission, Frame& frame) {
  if (text.empty()) return damaged("an empty verdict");
  const char kind = text.front();
  if (kind == 'x') return fail(FailureCode::invalid, std::string(text.substr(std::min<std::size_t>(2, text.size()))));
  if (kind == 'p') {
    Result<CommandRecord> record =
        read_command_record(submission.command ? submission.command->hash : CommandHash{}, text.substr(1));
    if (!record) return tl::unexpected(record.error());
    return Repeated{*record};
  }
  Words words(text);
  words.word();
  const auto values = [&words](std::size_t count) {
    std::vector<std::int64_t> read;
    read.reserve(count);
    for (std::size_t i = 0; i < count; ++i) read.push_back(words.number());
    return read;
  };
  Verdict verdict;
  if (kind == 'a') {
    Accepted accepted;
    accepted.assignment = {
        .epoch = frame.epoch, .sequence = {frame.sequence + 1}, .time = frame.time, .taken = values(submission.takes)};
    accepted.looks = values(submission.looks);
    frame.sequence += submission.events;
    verdict = std::move(accepted);
  } else if (kind == 'r') {
    Refused refused;
    refused.guard = words.number<std::uint32_t>();
    refused.time = frame.time;
    refused.looks = values(submission.looks);
    verdict = std::move(refused);
  } else if (kind == 's') {
    verdict = Stale{.now = frame.time, .revision = {words.number<std::uint32_t>()}};
  } else {
    return damaged("an unknown verdict");
  }
  if (!words.ok() || words.any_left()) return damaged(fmt::format("verdict '{}'", text));
  return verdict;
}

}  // namespace

std::int64_t Header::counter(const CounterKey& key) const {
  const auto found = counters.find(counter_name(key));
  return found == counters.end() ? 0 : found->second;
}

Result<Header> read_header(std::string_view text) {
  Words words(text);
  Header header;
  header.epoch.value = words.number<std::uint32_t>();
  header.sequence.value = words.number<std::uint64_t>();
  header.revision.value = words.number<std::uint32_t>();
  if (const auto time = words.number_or_none()) header.time = Instant{*time};
  header.created.ms = words.number_or_none().value_or(0);
  header.modified.ms = words.number_or_none().value_or(0);
  words.number_or_none();  // the days of the commands kept: the script's own business
  words.number_or_none();
  header.buckets = words.number<std::uint32_t>();
  while (words.ok() && words.any_left()) {
    const std::string_view name = words.word();
    header.counters.emplace(name, words.number());
  }
  if (!words.ok() || header.buckets == 0) return damaged(fmt::format("header '{}'", text));
  return header;
}

Result<std::optional<Header>> read_header(const Reply& reply) {
  if (reply.type == Reply::Type::nil) return std::optional<Header>{};
  if (reply.type == Reply::Type::error) return fail(FailureCode::unavailable, "redis: " + reply.text);
  Result<Header> header = read_header(reply.text);
  if (!header) return tl::unexpected(header.error());
  return std::optional<Header>{std::move(*header)};
}

std::string text_of(const CommandRecord& record) {
  return bytes_of_fingerprint(record.fingerprint) + fmt::format("{} {} {} {} {}", record.sequence.value, record.time.ms,
                                                                record.shown[0], record.shown[1], record.epoch.value);
}

Result<CommandRecord> read_command_record(CommandHash hash, std::string_view text) {
  if (text.size() < kFingerprintBytes) return damaged("a command's record is cut short");
  CommandRecord record{.hash = hash, .fingerprint = 0, .sequence = {}, .time = {}, .shown = {}, .epoch = {}};
  std::memcpy(&record.fingerprint, text.data(), kFingerprintBytes);
  Words words(text.substr(kFingerprintBytes));
  record.sequence.value = words.number<std::uint64_t>();
  record.time.ms = words.number();
  for (std::int64_t& value : record.shown) value = words.number();
  record.epoch.value = words.number<std::uint32_t>();
  if (!words.ok() || words.any_left()) return damaged("a command's record");
  return record;
}

Result<CommitReply> read_commit_reply(const Reply& reply, std::span<const Submission* const> submissions) {
  if (reply.type == Reply::Type::error) return fail(FailureCode::unavailable, "redis: " + reply.text);
  if (reply.type != Reply::Type::array || reply.items.size() < 2) return damaged("not a list");
  CommitReply result;
  const std::string& word = reply.items[0].text;
  if (!reply.items[1].text.empty()) {
    Result<Header> header = read_header(reply.items[1].text);
    if (!header) return tl::unexpected(header.error());
    result.header = std::move(*header);
  }
  if (word == "fenced" || word == "overloaded") {
    result.outcome = word == "fenced" ? CommitReply::Outcome::fenced : CommitReply::Outcome::overloaded;
    return result;
  }
  constexpr std::size_t kHead = 4;
  if (word != "decided" || !result.header || reply.items.size() != kHead + submissions.size()) {
    return damaged(fmt::format("'{}' with {} items", word, reply.items.size()));
  }
  Words before(reply.items[2].text);
  Words time(reply.items[3].text);
  Frame frame{.epoch = result.header->epoch, .sequence = before.number<std::uint64_t>(), .time = {time.number()}};
  if (!before.ok() || !time.ok()) return damaged("sequence or time");
  result.verdicts.reserve(submissions.size());
  for (std::size_t i = 0; i < submissions.size(); ++i) {
    result.verdicts.push_back(read_verdict(reply.items[kHead + i].text, *submissions[i], frame));
  }
  if (frame.sequence != result.header->sequence.value) {
    return damaged(
        fmt::format("accepted up to {}, but the header has {}", frame.sequence, result.header->sequence.value));
  }
  return result;
}

}  // namespace windfall::redis

#include "adapters/http/sandbox/sandbox_book.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "adapters/codec/json_in.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/object_reader.hpp"

namespace windfall::http {

namespace {

/// About what one entry takes in the answer to GET /book.
constexpr std::size_t kEntryBytes = 160;
/// Bytes read from the file at once.
constexpr std::size_t kReadBytes = 256 * 1024;

tl::unexpected<Failure> file_failure(const std::string& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return fail(full ? FailureCode::disk_full : FailureCode::unavailable,
              fmt::format("{}: {}", path, std::strerror(error)));
}

codec::Decoded<Booking> parse_line(std::string_view line) {
  return codec::decode_object(line, [](codec::ObjectReader& in) {
    Booking booking;
    booking.event_id = in.required_identifier("eventId");
    booking.user_id = in.required_user_id("userId");
    booking.promotion_id = in.required_identifier("promotionId");
    booking.amount = in.required_int("amount", {.min = INT64_MIN, .max = INT64_MAX}).value_or(0);
    return booking;
  });
}

}  // namespace

void append_booking_json(std::string& out, const Booking& booking) {
  codec::ObjectWriter(out)
      .text("eventId", booking.event_id)
      .text("userId", booking.user_id)
      .text("promotionId", booking.promotion_id)
      .integer("amount", booking.amount)
      .close();
}

Result<SandboxBook> SandboxBook::open(const std::string& path) {
  SandboxBook book;
  if (path.empty()) return book;
  book.path_ = path;
  book.file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (book.file_ < 0) return file_failure(path, errno);
  if (auto loaded = book.load(); !loaded) return tl::unexpected(loaded.error());
  return book;
}

SandboxBook::~SandboxBook() {
  if (file_ >= 0) ::close(file_);
}

SandboxBook::SandboxBook(SandboxBook&& other) noexcept
    : bookings_(std::move(other.bookings_)),
      by_event_(std::move(other.by_event_)),
      path_(std::move(other.path_)),
      file_(std::exchange(other.file_, -1)),
      size_(other.size_) {}

Result<bool> SandboxBook::load() {
  std::string buffer;
  for (std::int64_t read_at = 0;;) {
    const std::size_t kept = buffer.size();
    buffer.resize(kept + kReadBytes);
    const ssize_t got = ::pread(file_, buffer.data() + kept, kReadBytes, read_at);
    if (got < 0) return file_failure(path_, errno);
    buffer.resize(kept + static_cast<std::size_t>(got));
    if (got == 0) break;
    read_at += got;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = buffer.find('\n', begin)) != std::string::npos; begin = end + 1) {
      auto booking = parse_line(std::string_view(buffer).substr(begin, end - begin));
      if (!booking || find(booking->event_id) != nullptr) {
        return fail(FailureCode::damaged, fmt::format("{}: no booking, or a second one, at byte {}", path_, size_));
      }
      keep(std::move(*booking));
      size_ += static_cast<std::int64_t>(end - begin + 1);
    }
    buffer.erase(0, begin);
  }
  if (!buffer.empty() && ::ftruncate(file_, size_) != 0) return file_failure(path_, errno);
  return true;
}

Result<SandboxBook::Outcome> SandboxBook::book(const Booking& booking) {
  if (const Booking* before = find(booking.event_id)) {
    const bool same = before->user_id == booking.user_id && before->promotion_id == booking.promotion_id &&
                      before->amount == booking.amount;
    return same ? Outcome::repeated : Outcome::contradicts;
  }
  if (auto written = append(booking); !written) return tl::unexpected(written.error());
  keep(booking);
  return Outcome::booked;
}

Result<bool> SandboxBook::append(const Booking& booking) {
  if (file_ < 0) return true;
  std::string line;
  append_booking_json(line, booking);
  line += '\n';
  const ssize_t wrote = ::write(file_, line.data(), line.size());
  if (wrote == static_cast<ssize_t>(line.size())) {
    size_ += wrote;
    return true;
  }
  const int error = wrote < 0 ? errno : ENOSPC;
  if (::ftruncate(file_, size_) != 0) return file_failure(path_, errno);
  return file_failure(path_, error);
}

void SandboxBook::keep(Booking booking) {
  booking.times = 1;
  const Booking& kept = bookings_.emplace_back(std::move(booking));
  by_event_.emplace(kept.event_id, &kept);
}

const Booking* SandboxBook::find(std::string_view event_id) const {
  const auto found = by_event_.find(event_id);
  return found == by_event_.end() ? nullptr : found->second;
}

void SandboxBook::append_json(std::string& out) const {
  out.reserve(out.size() + 16 + bookings_.size() * kEntryBytes);
  out += "{\"entries\":";
  codec::append_json_array(out, bookings_, [&out](const Booking& booking) {
    codec::ObjectWriter(out)
        .text("eventId", booking.event_id)
        .text("userId", booking.user_id)
        .text("promotionId", booking.promotion_id)
        .integer("amount", booking.amount)
        .integer("times", booking.times)
        .close();
  });
  out += '}';
}

}  // namespace windfall::http

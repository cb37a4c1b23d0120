// The sandbox partner's book: what was booked under which key. It honours the key: booking again under the same key
// changes nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::http {

struct Booking {
  std::string event_id;
  std::string user_id;
  std::string promotion_id;
  Amount amount = 0;
  int times = 1;  ///< how often it was really booked: 1, as long as the key is honoured
};

/// Not thread-safe: lives on the loop thread.
class SandboxBook {
 public:
  /// A book that reads `path` and appends to it, or, if empty, lives in memory only. A torn last line (the process died
  /// while writing) is cut off. Failure: unavailable (the file cannot be opened), damaged (a line is no booking).
  static Result<SandboxBook> open(const std::string& path);

  SandboxBook() = default;
  ~SandboxBook();
  SandboxBook(SandboxBook&& other) noexcept;
  SandboxBook& operator=(SandboxBook&&) = delete;
  SandboxBook(const SandboxBook&) = delete;
  SandboxBook& operator=(const SandboxBook&) = delete;

  enum class Outcome : std::uint8_t {
    booked,
    repeated,     ///< the same was booked under this key before
    contradicts,  ///< the key is booked for another user, promotion or amount; the first one stays
  };
  /// Written to the file before it returns, but not synced: the sandbox survives its process, not its machine. Failure:
  /// disk_full or unavailable, and nothing was booked.
  Result<Outcome> book(const Booking& booking);

  /// nullptr if the key was never seen.
  [[nodiscard]] const Booking* find(std::string_view event_id) const;
  [[nodiscard]] std::size_t size() const { return bookings_.size(); }

  /// `{"entries":[{eventId,userId,promotionId,amount,times}]}` in the order of booking.
  void append_json(std::string& out) const;

 private:
  Result<bool> load();
  Result<bool> append(const Booking& booking);
  void keep(Booking booking);

  std::deque<Booking> bookings_;
  std::unordered_map<std::string_view, const Booking*> by_event_;  ///< keys live in bookings_, which never moves them
  std::string path_;
  int file_ = -1;
  std::int64_t size_ = 0;  ///< bytes of whole lines
};

/// The four members that the partner's answers name.
void append_booking_json(std::string& out, const Booking& booking);

}  // namespace windfall::http

// Compares what callers were told with what the server keeps and what the partner booked, to the unit. A request whose
// answer was lost may have been carried out or not: it is allowed one place in every book, and no more than one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_in.hpp"
#include "app/load/generator.hpp"
#include "app/load/target.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::load {

/// A join that was answered 201.
struct Accepted {
  Visit visit;
  LocalDay day{};
  Amount amount = 0;
  codec::Uuid event{};   ///< accrualEventId
  bool accrues = false;  ///< the partner is to book it: there is an amount, and it is not in TEST mode
};

/// All that callers know. Not thread-safe.
class Answers {
 public:
  /// 48 bytes each: a GiB. What does not fit counts as unreadable, which is a difference.
  static constexpr std::size_t kMost = 20'000'000;

  void add(const Arrived& arrived);
  [[nodiscard]] const std::vector<Accepted>& accepted() const { return accepted_; }
  [[nodiscard]] const std::vector<Visit>& unknown() const { return unknown_; }
  /// 201 answers that are no participation, or beyond kMost.
  [[nodiscard]] std::int64_t unreadable() const { return unreadable_; }

 private:
  std::vector<Accepted> accepted_;
  std::vector<Visit> unknown_;
  std::int64_t unreadable_ = 0;
};

struct Difference {
  std::string kind;  ///< JOINS, STOCK, LEDGER, JOINED_TWICE, BOOK_MISSING, BOOK_EXTRA, BOOK_TWICE, BOOK_WRONG, …
  std::string promotion;
  std::string detail;
};

/// What GET …/stats says of one promotion.
struct Stats {
  std::int64_t joins = 0;
  std::int64_t left = 0;
  std::int64_t condition_not_met = 0;
  std::int64_t already_participated = 0;
  std::int64_t sold_out = 0;
  std::int64_t pending = 0;
  std::int64_t done = 0;
  std::int64_t failed = 0;
};

/// Where to ask, and in whose name.
struct Books {
  Target server;
  std::string admin_key;
  std::chrono::milliseconds patience{10'000};  ///< figures wait for the ledger to catch up
};

Result<Stats> read_stats(const Books& books, const std::string& promotion);

/// Waits until no accrual of these promotions is pending; false if some still are and none was done for `seconds`.
/// `keep_on` is asked between looks; false ends the waiting.
Result<bool> wait_for_accruals(const Books& books, const std::vector<std::string>& promotions, double seconds,
                               const std::function<bool()>& keep_on);

/// Who took part where: promotions by Visit::path, users by prefix.
struct Cast {
  std::vector<std::string> promotions;
  std::string user_prefix;
};

struct CountOf {
  std::size_t promotion = 0;  ///< index into Cast::promotions
  Stats before;
  Stats after;
};

/// Each user at most once a day and promotion; what the server counted as joined and took from the stock between
/// `before` and `after` is what was answered.
void compare_counts(const Cast& cast, const Answers& answers, const CountOf& count, std::vector<Difference>& found);

/// GET /v1/admin/reconciliation: no differences of its own.
void compare_ledger(const codec::JsonValue& reconciliation, const Cast& cast, std::vector<Difference>& found);

/// The partner's book, entry by entry: every accepted join that accrues stands there once, with its user, promotion and
/// amount, was booked once, and nobody else of the cast does.
void compare_book(const codec::JsonValue& book, const Cast& cast, const Answers& answers,
                  std::vector<Difference>& found);

/// A list of objects; at most `kListed` of them, since a broken book differs everywhere.
inline constexpr std::size_t kListed = 20;
void append_differences(std::string& out, const std::vector<Difference>& differences);

}  // namespace windfall::load

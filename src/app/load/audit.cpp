#include "app/load/audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <span>
#include <thread>
#include <tuple>
#include <unordered_map>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "app/load/http_call.hpp"

namespace windfall::load {

namespace {

constexpr int kCreated = 201;
constexpr std::chrono::milliseconds kLook{200};

using UserDay = std::tuple<std::uint32_t, LocalDay>;

/// The number of a user of the cast, or nullopt.
std::optional<std::uint32_t> user_number(const Cast& cast, std::string_view user) {
  if (!user.starts_with(cast.user_prefix)) return std::nullopt;
  const std::string_view digits = user.substr(cast.user_prefix.size());
  std::uint32_t number = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  return std::to_string(number) == digits ? std::optional(number) : std::nullopt;
}

}  // namespace

void Answers::add(const Arrived& arrived) {
  if (arrived.status == 0) unknown_.push_back(arrived.visit);
  if (arrived.status != kCreated) return;
  const codec::Decoded<codec::JsonValue> body = codec::parse_json_object(arrived.body);
  const std::optional<LocalDay> day = body ? codec::parse_day(text_at(*body, {"day"})) : std::nullopt;
  const std::optional<codec::Uuid> event =
      body ? codec::from_uuid_text(text_at(*body, {"accrualEventId"})) : std::nullopt;
  if (!day || !event || accepted_.size() >= kMost) {
    ++unreadable_;
    return;
  }
  accepted_.push_back({.visit = arrived.visit,
                       .day = *day,
                       .amount = integer_at(*body, {"rewardAmount"}),
                       .event = *event,
                       .accrues = text_at(*body, {"accrual"}) == "PENDING"});
}

Result<Stats> read_stats(const Books& books, const std::string& promotion) {
  const auto body =
      call_for_json(books.server, {.path = "/v1/admin/promotions/" + codec::percent_encode(promotion) + "/stats",
                                   .admin_key = books.admin_key,
                                   .patience = books.patience});
  if (!body) return tl::unexpected(body.error());
  return Stats{.joins = integer_at(*body, {"joins"}),
               .left = integer_at(*body, {"leftJoinCount"}),
               .condition_not_met = integer_at(*body, {"refusals", "CONDITION_NOT_MET"}),
               .already_participated = integer_at(*body, {"refusals", "ALREADY_PARTICIPATED"}),
               .sold_out = integer_at(*body, {"refusals", "SOLD_OUT"}),
               .pending = integer_at(*body, {"accruals", "pending"}),
               .done = integer_at(*body, {"accruals", "done"}),
               .failed = integer_at(*body, {"accruals", "failed"})};
}

Result<bool> wait_for_accruals(const Books& books, const std::vector<std::string>& promotions, double seconds,
                               const std::function<bool()>& keep_on) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point progress = Clock::now();
  std::int64_t most_done = 0;
  while (true) {
    bool settled = true;
    std::int64_t done = 0;
    for (const std::string& promotion : promotions) {
      const Result<Stats> stats = read_stats(books, promotion);
      // 503 while the ledger is far behind: the very thing that is waited for.
      if (!stats && stats.error().code != FailureCode::unavailable) return tl::unexpected(stats.error());
      settled = settled && stats && stats->pending == 0;
      if (stats) done += stats->done;
    }
    if (settled) return true;
    const Clock::time_point now = Clock::now();
    if (done > most_done) progress = now;  // a slow machine is not one that has given up
    most_done = std::max(most_done, done);
    if (now > progress + std::chrono::duration<double>(seconds) || !keep_on()) return false;
    std::this_thread::sleep_for(kLook);
  }
}

void compare_counts(const Cast& cast, const Answers& answers, const CountOf& count, std::vector<Difference>& found) {
  const std::string& promotion = cast.promotions[count.promotion];
  const auto differs = [&](const char* kind, std::string detail) {
    found.push_back({.kind = kind, .promotion = promotion, .detail = std::move(detail)});
  };
  std::set<UserDay> joined;
  std::int64_t accepted = 0;
  for (const Accepted& one : answers.accepted()) {
    if (one.visit.path != count.promotion) continue;
    ++accepted;
    if (!joined.emplace(one.visit.user, one.day).second) {
      differs("JOINED_TWICE", fmt::format("{}{} was accepted twice", cast.user_prefix, one.visit.user));
    }
  }
  const std::int64_t unknown = std::ranges::count(answers.unknown(), count.promotion, &Visit::path);
  const std::int64_t joins = count.after.joins - count.before.joins;
  const std::int64_t used = count.before.left - count.after.left;
  if (joins < accepted || joins > accepted + unknown) {
    differs("JOINS",
            fmt::format("{} were answered 201 and {} not at all, the server counts {}", accepted, unknown, joins));
  }
  if (used != joins) differs("STOCK", fmt::format("{} joined, {} were taken from the stock", joins, used));
  if (answers.unreadable() > 0) {
    differs("ANSWERS", fmt::format("{} answers 201 are no participation", answers.unreadable()));
  }
  if (count.after.left < 0) differs("STOCK", fmt::format("{} are left", count.after.left));
}

void compare_ledger(const codec::JsonValue& reconciliation, const Cast& cast, std::vector<Difference>& found) {
  for (const codec::JsonValue& one : list_at(reconciliation, {"differences"})) {
    found.push_back({.kind = "LEDGER",
                     .promotion = std::string(text_at(one, {"promotionId"})),
                     .detail = fmt::format("{}: {} expected, {} found", text_at(one, {"kind"}),
                                           integer_at(one, {"expected"}), integer_at(one, {"found"}))});
  }
  for (const std::string& promotion : cast.promotions) {
    const auto& lines = list_at(reconciliation, {"promotions"});
    const auto line = std::ranges::find_if(
        lines, [&](const codec::JsonValue& one) { return text_at(one, {"promotionId"}) == promotion; });
    if (line == lines.end()) {
      found.push_back({.kind = "LEDGER", .promotion = promotion, .detail = "is not in the reconciliation"});
    } else if (integer_at(*line, {"joins", "hotState"}) != integer_at(*line, {"joins", "ledger"})) {
      found.push_back(
          {.kind = "LEDGER",
           .promotion = promotion,
           .detail = fmt::format("{} joins decided, {} in the ledger", integer_at(*line, {"joins", "hotState"}),
                                 integer_at(*line, {"joins", "ledger"}))});
    }
  }
}

void compare_book(const codec::JsonValue& book, const Cast& cast, const Answers& answers,
                  std::vector<Difference>& found) {
  // What is to be booked, by event; what has been met is taken out.
  std::unordered_map<std::string, const Accepted*> owed;
  for (const Accepted& one : answers.accepted()) {
    if (one.accrues) owed.emplace(codec::to_uuid_text(one.event), &one);
  }
  std::multiset<std::tuple<std::uint32_t, std::uint32_t>> unknown;
  for (const Visit& visit : answers.unknown()) unknown.emplace(visit.path, visit.user);

  for (const codec::JsonValue& entry : list_at(book, {"entries"})) {
    const std::string event(text_at(entry, {"eventId"}));
    const std::string_view user = text_at(entry, {"userId"});
    const std::string_view promotion = text_at(entry, {"promotionId"});
    const auto path = std::ranges::find(cast.promotions, promotion);
    const std::optional<std::uint32_t> number = user_number(cast, user);
    const auto differs = [&](const char* kind, std::string detail) {
      found.push_back({.kind = kind, .promotion = std::string(promotion), .detail = std::move(detail)});
    };
    const auto expected = owed.find(event);
    if (expected == owed.end()) {
      if (path == cast.promotions.end() || !number) continue;  // booked for somebody else than the cast
      const auto lost = unknown.find({static_cast<std::uint32_t>(path - cast.promotions.begin()), *number});
      if (lost == unknown.end()) {
        differs("BOOK_EXTRA", fmt::format("{} of {} answers no accepted join, or a second time", event, user));
      } else {
        unknown.erase(lost);
      }
    } else {
      const Accepted& join = *expected->second;
      if (!number || *number != join.visit.user || promotion != cast.promotions[join.visit.path] ||
          integer_at(entry, {"amount"}) != join.amount) {
        differs("BOOK_WRONG", fmt::format("{} is booked for {} with {}", event, user, integer_at(entry, {"amount"})));
      }
      owed.erase(expected);
    }
    if (integer_at(entry, {"times"}) != 1) {
      differs("BOOK_TWICE", fmt::format("{} was booked {} times", event, integer_at(entry, {"times"})));
    }
  }
  for (const auto& [event, join] : owed) {
    found.push_back({.kind = "BOOK_MISSING",
                     .promotion = cast.promotions[join->visit.path],
                     .detail = fmt::format("{} of {}{} is not booked", event, cast.user_prefix, join->visit.user)});
  }
}

void append_differences(std::string& out, const std::vector<Difference>& differences) {
  const std::span<const Difference> listed(differences.data(), std::min(differences.size(), kListed));
  codec::append_json_array(out, listed, [&](const Difference& one) {
    codec::ObjectWriter(out)
        .text("kind", std::string_view(one.kind))
        .text("promotionId", std::string_view(one.promotion))
        .text("detail", std::string_view(one.detail))
        .close();
  });
}

}  // namespace windfall::load

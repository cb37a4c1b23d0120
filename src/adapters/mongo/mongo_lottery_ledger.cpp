// MongoLedger as LotteryLedger; cancel_effect() is whoever's who keeps effects.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/mongo/client.hpp"
#include "adapters/mongo/known.hpp"
#include "adapters/mongo/mongo_ledger.hpp"
#include "adapters/mongo/reading.hpp"
#include "adapters/mongo/schema.hpp"

namespace windfall::mongo {

namespace {

/// Draws of one page of an export: a few megabytes.
constexpr int kExportPage = 8192;

Document of_partition(PartitionNo partition) {
  Document filter;
  filter.integer("partition", std::int64_t{partition.value});
  return filter;
}

Document filter_of(const LotteryLedger::Page& page, std::int64_t last) {
  Document filter;
  if (page.user) filter.user("userRef", *page.user);
  if (page.partition) filter.integer("partition", std::int64_t{page.partition->value});
  filter.document("seq", behind(page.after, last));
  return filter;
}

}  // namespace

Result<std::vector<TicketEntry>> MongoLedger::tickets(const Page& page) {
  if (page.limit <= 0) return std::vector<TicketEntry>{};
  const Result<Progress> now = numbers();
  if (!now) return tl::unexpected(now.error());
  const Find find{.filter = filter_of(page, now->entry), .sort = by("seq"), .limit = page.limit};
  std::vector<TicketEntry> out;
  std::vector<std::optional<UserRef>> others;
  std::vector<UserRef> users{*page.user};
  Result<bool> read = client_->each(kTickets, find, [&](const View& view) {
    const std::int64_t tickets = view.integer("tickets");
    out.push_back({.seq = view.integer("seq"),
                   .type = tickets > 0 ? TicketEntry::Type::grant : TicketEntry::Type::revocation,
                   .at = view.time("at"),
                   .promotion_id = view.text("promotionId"),
                   .cause = static_cast<GrantCause>(view.integer("cause")),
                   .tickets = tickets,
                   .other_user = {},
                   .reason = view.text("reason"),
                   .user_id = {}});
    others.push_back(view.has("otherRef") ? std::optional{view.user("otherRef")} : std::nullopt);
    if (others.back()) users.push_back(*others.back());
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  const Result<Names> names = names_of(*client_, users);
  if (!names) return tl::unexpected(names.error());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (others[i]) out[i].other_user = name_in(*names, *others[i]);
  }
  // Tickets that were drawn are entries of the account as well.
  read = client_->each(kDraws, find, [&](const View& view) {
    const Draw draw = mongo::draw_of(view);
    if (draw.place.segment == WinPlace::kSecondChance) return true;
    out.push_back({.seq = draw.seq,
                   .type = TicketEntry::Type::draw,
                   .at = draw.at,
                   .promotion_id = draw.promotion_id,
                   .cause = std::nullopt,
                   .tickets = -1,
                   .other_user = {},
                   .reason = {},
                   .user_id = {}});
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  std::ranges::sort(out, {}, &TicketEntry::seq);
  if (out.size() > static_cast<std::size_t>(page.limit)) out.resize(static_cast<std::size_t>(page.limit));
  for (TicketEntry& entry : out) entry.user_id = name_in(*names, *page.user);
  return out;
}

Result<std::vector<DrawRow>> MongoLedger::draws(const Page& page) {
  if (page.limit <= 0) return std::vector<DrawRow>{};
  const Result<Progress> now = numbers();
  if (!now) return tl::unexpected(now.error());
  return draw_rows(*client_, {.filter = filter_of(page, now->entry), .sort = by("seq"), .limit = page.limit});
}

Result<std::vector<DrawRow>> MongoLedger::winners(const LatestPage& page) {
  if (page.limit <= 0 || page.before <= 0) return std::vector<DrawRow>{};
  const Result<Progress> now = numbers();
  if (!now) return tl::unexpected(now.error());
  Document filter = of_partition(page.partition);
  filter.boolean("won", true)
      .integer("voided", std::int64_t{0})
      .document("seq", behind(0, std::min(page.before - 1, now->entry)));
  return draw_rows(*client_, {.filter = filter, .sort = by("seq", -1), .limit = page.limit});
}

Result<std::vector<CouponRow>> MongoLedger::coupons(const Page& page) {
  if (page.limit <= 0) return std::vector<CouponRow>{};
  const Result<Progress> now = numbers();
  if (!now) return tl::unexpected(now.error());
  Document filter = filter_of(page, now->entry);
  Document there;
  there.boolean("$exists", true);
  filter.document("coupon", there);
  return coupon_rows(*client_, {.filter = filter, .sort = by("seq"), .limit = page.limit});
}

Result<std::optional<DrawRow>> MongoLedger::draw_of(const EffectId& event_id) {
  Document filter;
  filter.text("eventId", codec::to_uuid_text(event_id));
  Result<std::vector<DrawRow>> rows = draw_rows(*client_, {.filter = filter, .limit = 1});
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::optional{std::move(rows->front())};
}

Result<std::optional<CouponRow>> MongoLedger::coupon_of(const EffectId& event_id) {
  Document filter;
  filter.text("eventId", codec::to_uuid_text(event_id));
  Result<std::vector<CouponRow>> rows = coupon_rows(*client_, {.filter = filter, .limit = 1});
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::optional{std::move(rows->front())};
}

Result<std::vector<CouponRow>> MongoLedger::pending_coupons(PartitionNo partition, std::uint32_t prize, int limit) {
  if (limit <= 0) return std::vector<CouponRow>{};
  const Result<Progress> now = numbers();
  if (!now) return tl::unexpected(now.error());
  Document filter = of_partition(partition);
  filter.boolean("waitsForCode", true).integer("prize", std::int64_t{prize}).document("seq", behind(0, now->entry));
  return coupon_rows(*client_, {.filter = filter, .sort = by("seq"), .limit = limit});
}

Result<std::vector<UserRef>> MongoLedger::second_chance_pool(PartitionNo partition, std::int64_t allowed) {
  struct Count {
    std::int64_t draws = 0;
    std::int64_t wins = 0;
  };
  std::unordered_map<UserRef, Count, HashOfRef> counts;
  const Result<bool> read = client_->each(kDraws, {.filter = of_partition(partition)}, [&](const View& view) {
    if (view.integer("segment") == WinPlace::kSecondChance) return true;
    Count& count = counts[view.user("userRef")];
    ++count.draws;
    if (view.boolean("won")) ++count.wins;
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  std::vector<UserRef> pool;
  for (const auto& [user, count] : counts) {
    if (count.draws > count.wins && count.wins < allowed) pool.push_back(user);
  }
  return pool;
}

Result<std::vector<std::uint32_t>> MongoLedger::voided_items(PartitionNo partition) {
  Document filter = of_partition(partition);
  filter.boolean("won", true).integer("voided", std::int64_t{1});
  std::vector<std::uint32_t> items;
  const Result<bool> read = client_->each(kDraws, {.filter = filter, .sort = by("item")}, [&](const View& view) {
    items.push_back(static_cast<std::uint32_t>(view.integer("item")));
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return items;
}

Result<LotteryTotals> MongoLedger::lottery_totals(PartitionNo partition) {
  Document filter;
  filter.integer("_id", std::int64_t{partition.value});
  const auto found = client_->find_one(kLotteryTotals, filter);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return LotteryTotals{};
  const LotteryTotal total = lottery_total_of(View(**found));
  return LotteryTotals{.granted = total.granted,
                       .revoked = total.revoked,
                       .drawn = total.drawn,
                       .won = total.won,
                       .second_chance = total.second_won,
                       .voided = total.voided,
                       .accruals = total.accruals};
}

Result<std::vector<DailyWins>> MongoLedger::wins_by_day(PartitionNo partition) {
  Document filter = of_partition(partition);
  filter.boolean("won", true);
  std::map<std::pair<LocalDay, std::uint32_t>, DailyWins> days;
  const Result<bool> read = client_->each(kDraws, {.filter = filter}, [&](const View& view) {
    const Draw draw = mongo::draw_of(view);
    DailyWins& day = days[{draw.won->day, draw.won->prize}];
    day.day = draw.won->day;
    day.prize = draw.won->prize;
    ++(draw.place.segment == WinPlace::kSecondChance ? day.second_chance : day.wins);
    if (draw.won->voided != 0) ++day.voided;
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  std::vector<DailyWins> out;
  out.reserve(days.size());
  for (const auto& [key, day] : days) out.push_back(day);
  return out;
}

Result<std::vector<SegmentRow>> MongoLedger::segments(PartitionNo partition) {
  std::vector<SegmentRow> out;
  const Find find{.filter = of_partition(partition), .sort = by("segment"), .limit = 0};
  const Result<bool> read = client_->each(kSegments, find, [&](const View& view) {
    const auto number = [&view](const char* name) { return static_cast<std::uint32_t>(view.integer(name)); };
    out.push_back({.at = view.time("at"),
                   .segment = number("segment"),
                   .previous = view.integer("previous"),
                   .quota = number("quota"),
                   .length = number("length"),
                   .first_item = number("firstItem"),
                   .paused = view.boolean("paused")});
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return out;
}

Result<bool> MongoLedger::each_draw(PartitionNo partition, const std::function<bool(const DrawRow&)>& row) {
  Page page{.user = std::nullopt, .partition = partition, .after = 0, .limit = kExportPage};
  while (true) {
    const Result<std::vector<DrawRow>> rows = draws(page);
    if (!rows) return tl::unexpected(rows.error());
    if (rows->empty()) return true;
    for (const DrawRow& each : *rows) {
      if (!row(each)) return false;
    }
    page.after = rows->back().seq;
  }
}

}  // namespace windfall::mongo

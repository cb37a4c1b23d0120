#include "model/oracle.hpp"

#include <algorithm>

namespace windfall::model {

namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kDay = 86'400'000;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string OracleAnswer::text() const {
  std::string out = code;
  if (!scope.empty()) out += " scope=" + scope;
  if (!condition.empty()) out += " condition=" + condition;
  if (retry_at) out += " retryAt=" + std::to_string(*retry_at);
  if (already) out += " already";
  if (replayed) out += " replayed";
  if (day != 0) out += " day=" + std::to_string(day);
  if (amount != 0) out += " amount=" + std::to_string(amount);
  if (at != 0) out += " at=" + std::to_string(at);
  return out;
}

void Oracle::create(const OraclePromotion& promotion) {
  promotions_[promotion.id] = promotion;
  last_decided_[promotion.id] = clock_;
}

std::string Oracle::patch(const OraclePromotion& promotion) {
  const OraclePromotion& before = promotions_.at(promotion.id);
  if (promotion.limit < before.limit && promotion.limit < joins_of(promotion.id)) return "422";
  const bool less_daily = promotion.daily && (!before.daily || *promotion.daily < *before.daily);
  if (less_daily && *promotion.daily < joins_on(promotion.id, today(promotion.id))) return "422";
  last_decided_[promotion.id] = now_of(promotion.id);
  promotions_[promotion.id] = promotion;
  return "200";
}

void Oracle::block(const std::string& user, bool blocked) {
  blocked_.erase(user);
  if (blocked) blocked_.insert(user);
}

OracleAnswer Oracle::join(const std::string& user, const std::vector<std::string>& segments, const std::string& id,
                          const std::string& key) {
  if (!promotions_.contains(id) || promotions_[id].status == "DRAFT") return {.code = "PROMOTION_NOT_FOUND"};
  const OraclePromotion& promotion = promotions_[id];
  const std::int64_t now = now_of(id);
  const std::int64_t day = day_at(promotion.zone, now);

  // "A 2xx answer is kept 24 h and repeated byte for byte."
  for (const Join& join : joins_) {
    if (key.empty() || join.key != key || join.user != user || join.promotion != id || now - join.at >= kDay) continue;
    return {.replayed = true, .day = join.day, .amount = join.amount, .at = join.at};
  }

  bool already = false;
  for (const Join& join : joins_) already |= join.user == user && join.promotion == id && join.day == day;

  if (promotion.status == "ENDED" || day < promotion.start || day > promotion.end) return {.code = "OUTSIDE_PERIOD"};
  if (promotion.status == "PAUSED" || all_paused_) return {.code = "PROMOTION_PAUSED"};
  if (blocked_.contains(user)) return {.code = "BLOCKED"};
  if (joins_of(id) >= promotion.limit) return {.code = "SOLD_OUT", .scope = "TOTAL", .already = already};
  if (promotion.daily && joins_on(id, day) >= *promotion.daily) {
    OracleAnswer answer{.code = "SOLD_OUT", .scope = "DAY", .already = already};
    std::int64_t next = (now / kMinute + 1) * kMinute;
    while (day_at(promotion.zone, next) == day) next += kMinute;
    if (day_at(promotion.zone, next) <= promotion.end) answer.retry_at = next;
    return answer;
  }
  for (const OracleRule& rule : promotion.rules) {
    if (!holds(rule, promotion, user, segments)) return {.code = "CONDITION_NOT_MET", .condition = rule.type};
  }
  if (already) return {.code = "ALREADY_PARTICIPATED", .day = day};

  joins_.push_back({.user = user,
                    .promotion = id,
                    .mode = promotion.mode,
                    .key = key,
                    .day = day,
                    .amount = promotion.reward,
                    .at = now});
  last_decided_[id] = now;
  return {.day = day, .amount = promotion.reward, .at = now};
}

bool Oracle::holds(const OracleRule& rule, const OraclePromotion& promotion, const std::string& user,
                   const std::vector<std::string>& segments) const {
  if (rule.type == "SEGMENT") {
    return std::any_of(segments.begin(), segments.end(), [&](const std::string& s) { return contains(rule.names, s); });
  }
  if (rule.type == "N_DUP_LIMIT") return joins_by(user, promotion.id) < rule.number;

  // "TEST: its participations count for no rule of a LIVE promotion"; "a TEST promotion's own rules count TEST and LIVE
  // joins".
  std::vector<std::string> joined;
  for (const Join& join : joins_) {
    if (join.user == user && (promotion.mode == "TEST" || join.mode == "LIVE")) joined.push_back(join.promotion);
  }
  if (rule.type == "FIRST_TIME") return joined.empty();
  if (rule.type == "MIN_JOIN_COUNT") return static_cast<std::int64_t>(joined.size()) >= rule.number;
  std::size_t led = 0;  // LEADING
  for (const std::string& lead : rule.names) led += contains(joined, lead) ? 1 : 0;
  return rule.any ? led > 0 : led == rule.names.size();
}

std::int64_t Oracle::joins_of(const std::string& promotion) const {
  return std::count_if(joins_.begin(), joins_.end(), [&](const Join& join) { return join.promotion == promotion; });
}

std::int64_t Oracle::joins_on(const std::string& promotion, std::int64_t day) const {
  return std::count_if(joins_.begin(), joins_.end(),
                       [&](const Join& join) { return join.promotion == promotion && join.day == day; });
}

std::int64_t Oracle::joins_by(const std::string& user, const std::string& promotion) const {
  return std::count_if(joins_.begin(), joins_.end(),
                       [&](const Join& join) { return join.promotion == promotion && join.user == user; });
}

std::int64_t Oracle::spent(const std::string& promotion) const {
  std::int64_t sum = 0;
  for (const Join& join : joins_) sum += join.promotion == promotion ? join.amount : 0;
  return sum;
}

std::int64_t Oracle::today(const std::string& promotion) const {
  return day_at(promotions_.at(promotion).zone, now_of(promotion));
}

/// "A promotion that has already decided later than that keeps its own last time."
std::int64_t Oracle::now_of(const std::string& promotion) const {
  return std::max(clock_, last_decided_.at(promotion));
}

std::int64_t Oracle::day_at(const std::string& zone, std::int64_t ms) const {
  const Offsets& offsets = zones_.at(zone);
  std::int64_t minutes = offsets.front().second;
  for (const auto& [from, offset] : offsets) {
    if (ms >= from) minutes = offset;
  }
  const std::int64_t local = ms + minutes * kMinute;
  std::int64_t day = local / kDay;
  while (day * kDay > local) --day;
  return day;
}

}  // namespace windfall::model

#include "adapters/codec/lottery_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/promotion_words.hpp"

namespace windfall::codec {

namespace {

enum class Cause : std::uint8_t { visit, invite };
constexpr std::array kCauses{Word<Cause>{"VISIT", Cause::visit}, Word<Cause>{"INVITE", Cause::invite}};
constexpr std::array kPrizeKinds{Word<PrizeKind>{"GIFTICON", PrizeKind::gifticon},
                                 Word<PrizeKind>{"POINTS", PrizeKind::points}};
enum class Notice : std::uint8_t { win, ticket_granted };
constexpr std::array kNotices{Word<Notice>{"WIN", Notice::win}, Word<Notice>{"TICKET_GRANTED", Notice::ticket_granted}};

constexpr IntRange kTickets{.min = 0, .max = kMaxTicketsPerGrant};

std::uint32_t small(std::optional<std::int64_t> value, std::uint32_t otherwise) {
  return value ? static_cast<std::uint32_t>(*value) : otherwise;
}

Grant read_grant(const ObjectReader::Item& item, FieldErrors& errors) {
  ObjectReader reader(*item.value, item.pointer, errors);
  const auto cause = reader.required_word<Cause>("cause", kCauses);
  if (!cause) return VisitGrant{};  // refused already; without a cause no member is known or unknown
  Grant result = VisitGrant{};
  if (*cause == Cause::visit) {
    result = VisitGrant{.tickets = small(reader.optional_int("tickets", kTickets), VisitGrant{}.tickets)};
  } else {
    InviteGrant invite;
    invite.inviter_tickets = small(reader.optional_int("inviterTickets", kTickets), invite.inviter_tickets);
    invite.friend_tickets = small(reader.optional_int("friendTickets", kTickets), invite.friend_tickets);
    invite.first_visit_only = reader.optional_bool("firstVisitOnly").value_or(invite.first_visit_only);
    invite.inviter_limit_per_day =
        small(reader.optional_int("inviterLimitPerDay", {.min = 1, .max = kMaxInviterLimitPerDay}),
              invite.inviter_limit_per_day);
    result = invite;
  }
  reader.finish();
  return result;
}

std::vector<Grant> read_grants(ObjectReader& reader) {
  std::vector<Grant> grants;
  for (const ObjectReader::Item& item : reader.required_array("grants", 0, kCauses.size())) {
    Grant grant = read_grant(item, reader.errors());
    const bool twice = std::ranges::any_of(grants, [&](const Grant& other) { return other.index() == grant.index(); });
    if (twice) {
      reader.errors().add(pointer_to(item.pointer, "cause"), "stands here twice; one grant per cause",
                          "두 번 지정되었습니다. 원인마다 하나만 둘 수 있습니다");
    }
    grants.push_back(grant);
  }
  return grants;
}

std::optional<TrafficCurve> read_curve(ObjectReader& reader) {
  const std::vector<ObjectReader::Item> items = reader.find("trafficCurve") == nullptr
                                                    ? std::vector<ObjectReader::Item>{}
                                                    : reader.required_array("trafficCurve", kHoursPerDay, kHoursPerDay);
  if (items.size() != kHoursPerDay) return std::nullopt;
  TrafficCurve curve{};
  bool right = true;
  for (std::size_t hour = 0; hour < kHoursPerDay; ++hour) {
    const auto* weight = items[hour].value->get_if<std::int64_t>();
    if (weight == nullptr || *weight < 0 || *weight > std::int64_t{kMaxCurveWeight}) {
      reader.errors().add(items[hour].pointer, fmt::format("must be an integer from 0 to {}", kMaxCurveWeight),
                          fmt::format("0에서 {} 사이의 정수여야 합니다", kMaxCurveWeight));
      right = false;
      continue;
    }
    curve[hour] = static_cast<std::uint32_t>(*weight);
  }
  if (right && !has_weight(curve)) {
    reader.refuse("trafficCurve", "needs at least one weight above 0", "0보다 큰 가중치가 하나는 있어야 합니다");
  }
  return curve;
}

WinRatePermille read_win_rate(ObjectReader& parent) {
  WinRatePermille rate;
  const JsonValue* value = parent.find("winRatePermille");
  if (value == nullptr) return rate;
  ObjectReader reader(*value, pointer_to(parent.pointer(), "winRatePermille"), parent.errors());
  constexpr IntRange kRate{.min = kMinWinRatePermille, .max = kMaxWinRatePermille};
  rate.min = small(reader.optional_int("min", kRate), rate.min);
  rate.max = small(reader.optional_int("max", kRate), rate.max);
  if (rate.min > rate.max) reader.refuse("min", "must not be above max", "max보다 클 수 없습니다");
  reader.finish();
  return rate;
}

Lottery::Notifications read_notifications(ObjectReader& reader) {
  Lottery::Notifications chosen;
  if (reader.find("notifications") == nullptr) return chosen;
  chosen = {.win = false, .ticket_granted = false};
  for (const ObjectReader::Item& item : reader.optional_array("notifications", kNotices.size())) {
    const auto* text = item.value->get_if<std::string>();
    const auto word = std::ranges::find_if(
        kNotices, [&](const Word<Notice>& known) { return text != nullptr && known.text == *text; });
    if (word == kNotices.end()) {
      reader.errors().add(item.pointer, "must be one of WIN, TICKET_GRANTED",
                          "WIN, TICKET_GRANTED 가운데 하나여야 합니다");
      continue;
    }
    bool& flag = word->value == Notice::win ? chosen.win : chosen.ticket_granted;
    if (flag) reader.errors().add(item.pointer, "stands here twice", "두 번 지정되었습니다");
    flag = true;
  }
  return chosen;
}

Prize read_prize(const ObjectReader::Item& item, FieldErrors& errors) {
  ObjectReader reader(*item.value, item.pointer, errors);
  Prize prize;
  prize.id = reader.required_identifier("prizeId");
  prize.name = reader.required_string("name", {.min = 1, .max = kMaxPrizeName});
  prize.kind = reader.required_word<PrizeKind>("kind", kPrizeKinds).value_or(PrizeKind::gifticon);
  prize.value = reader.required_int("value", {.min = 0, .max = kMaxPrizeValue}).value_or(0);
  prize.count = small(reader.required_int("count", {.min = 1, .max = kMaxItems}), 1);
  if (const auto days = reader.optional_int("validDays", {.min = 1, .max = kMaxValidDays})) {
    prize.valid_days = static_cast<std::uint32_t>(*days);
    if (prize.kind == PrizeKind::points) {
      reader.refuse("validDays", "points do not expire", "포인트에는 유효 기간이 없습니다");
    }
  }
  reader.finish();
  return prize;
}

std::vector<Prize> read_prizes(ObjectReader& reader) {
  std::vector<Prize> prizes;
  std::int64_t items = 0;
  for (const ObjectReader::Item& item : reader.required_array("prizes", 1, kMaxPrizeKinds)) {
    Prize prize = read_prize(item, reader.errors());
    if (!prize.id.empty() && std::ranges::find(prizes, prize.id, &Prize::id) != prizes.end()) {
      reader.errors().add(pointer_to(item.pointer, "prizeId"), "stands here twice", "두 번 지정되었습니다");
    }
    items += prize.count;
    prizes.push_back(std::move(prize));
  }
  if (items > std::int64_t{kMaxItems}) {
    reader.refuse("prizes", fmt::format("counts must not add up to more than {}", kMaxItems),
                  fmt::format("수량의 합은 {}을(를) 넘을 수 없습니다", kMaxItems));
  }
  return prizes;
}

void append_grant(std::string& out, const Grant& grant) {
  ObjectWriter writer(out);
  writer.text("cause", windfall::name_of(grant));
  if (const auto* visit = std::get_if<VisitGrant>(&grant)) {
    writer.integer("tickets", visit->tickets);
  } else {
    const auto& invite = std::get<InviteGrant>(grant);
    writer.integer("inviterTickets", invite.inviter_tickets)
        .integer("friendTickets", invite.friend_tickets)
        .boolean("firstVisitOnly", invite.first_visit_only)
        .integer("inviterLimitPerDay", invite.inviter_limit_per_day);
  }
  writer.close();
}

void append_prize(std::string& out, const Prize& prize) {
  ObjectWriter writer(out);
  writer.text("prizeId", prize.id)
      .text("name", prize.name)
      .text("kind", windfall::name_of(prize.kind))
      .integer("value", prize.value)
      .integer("count", prize.count);
  if (prize.kind == PrizeKind::gifticon) {
    writer.integer_or_null("validDays",
                           prize.valid_days ? std::optional<std::int64_t>{*prize.valid_days} : std::nullopt);
  }
  writer.close();
}

/// RFC 7396, section 2.
void merge(JsonValue& target, const JsonValue& patch) {
  const auto* changes = patch.get_if<JsonValue::Object>();
  if (changes == nullptr) {
    target = patch;
    return;
  }
  if (target.get_if<JsonValue::Object>() == nullptr) target.value = JsonValue::Object{};
  auto& members = std::get<JsonValue::Object>(target.value);
  for (const JsonValue::Member& change : *changes) {
    const auto found = std::ranges::find(members, change.name, &JsonValue::Member::name);
    if (change.value.is_null()) {
      if (found != members.end()) members.erase(found);
    } else if (found != members.end()) {
      merge(found->value, change.value);
    } else {
      JsonValue added;
      merge(added, change.value);
      members.push_back({.name = change.name, .value = std::move(added)});
    }
  }
}

}  // namespace

Lottery read_lottery(const ObjectReader::Item& item, FieldErrors& errors) {
  ObjectReader reader(*item.value, item.pointer, errors);
  Lottery lottery;
  lottery.grants = read_grants(reader);
  lottery.max_wins_per_user =
      small(reader.optional_int("maxWinsPerUser", {.min = 1, .max = kMaxWinsPerUser}), lottery.max_wins_per_user);
  if (const auto minutes = reader.optional_int("segmentMinutes", {.min = 1, .max = kMinutesPerDay})) {
    if (is_segment_length(*minutes)) {
      lottery.segment_minutes = static_cast<std::uint32_t>(*minutes);
    } else {
      reader.refuse("segmentMinutes", "must divide a day of 1440 minutes", "하루(1440분)를 나누어떨어지게 해야 합니다");
    }
  }
  lottery.traffic_curve = read_curve(reader);
  lottery.expected_draws_per_day =
      reader.optional_int("expectedDrawsPerDay", {.min = 1, .max = kMaxExpectedDrawsPerDay});
  lottery.win_rate = read_win_rate(reader);
  lottery.second_chance = reader.optional_bool("secondChance").value_or(lottery.second_chance);
  lottery.notifications = read_notifications(reader);
  lottery.prizes = read_prizes(reader);
  reader.finish();
  return lottery;
}

void append_lottery(std::string& out, const Lottery& lottery) {
  ObjectWriter writer(out);
  append_json_array(writer.name("grants"), lottery.grants, [&out](const Grant& grant) { append_grant(out, grant); });
  writer.integer("maxWinsPerUser", lottery.max_wins_per_user).integer("segmentMinutes", lottery.segment_minutes);
  if (lottery.traffic_curve) {
    append_json_array(writer.name("trafficCurve"), *lottery.traffic_curve,
                      [&out](std::uint32_t weight) { append_json_integer(out, weight); });
  } else {
    writer.null("trafficCurve");
  }
  writer.integer_or_null("expectedDrawsPerDay", lottery.expected_draws_per_day);
  ObjectWriter rate(writer.name("winRatePermille"));
  rate.integer("min", lottery.win_rate.min).integer("max", lottery.win_rate.max).close();
  writer.boolean("secondChance", lottery.second_chance);
  std::vector<std::string_view> notices;
  if (lottery.notifications.win) notices.emplace_back("WIN");
  if (lottery.notifications.ticket_granted) notices.emplace_back("TICKET_GRANTED");
  append_json_array(writer.name("notifications"), notices,
                    [&out](std::string_view notice) { append_json_string(out, notice); });
  append_json_array(writer.name("prizes"), lottery.prizes, [&out](const Prize& prize) { append_prize(out, prize); });
  writer.close();
}

JsonValue merged_lottery(const Lottery& current, const JsonValue& patch) {
  std::string text;
  append_lottery(text, current);
  Decoded<JsonValue> value = parse_json(text);
  assert(value);
  merge(*value, patch);
  return std::move(*value);
}

void append_secrets(std::string& out, const LotterySecrets& secrets) {
  ObjectWriter writer(out);
  writer.text("sealedSeed", secrets.sealed_seed).day("planEnd", secrets.plan_end);
  if (secrets.published) writer.instant("published", *secrets.published);
  if (secrets.ended) writer.instant("ended", *secrets.ended);
  writer.boolean("secondChance", secrets.second_chance);
  writer.close();
}

LotterySecrets read_secrets(const ObjectReader::Item& item, FieldErrors& errors) {
  ObjectReader reader(*item.value, item.pointer, errors);
  LotterySecrets secrets;
  secrets.sealed_seed = reader.required_string("sealedSeed", {.min = 0, .max = SIZE_MAX});
  secrets.plan_end = reader.required_day("planEnd").value_or(LocalDay{});
  secrets.published = reader.optional_instant("published");
  secrets.ended = reader.optional_instant("ended");
  secrets.second_chance = reader.optional_bool("secondChance").value_or(false);
  reader.finish();
  return secrets;
}

}  // namespace windfall::codec

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "adapters/codec/join_type_json.hpp"
#include "adapters/codec/lottery_json.hpp"
#include "adapters/codec/object_reader.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/promotion_words.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/system/time_zone.hpp"

namespace windfall::codec {

namespace {

constexpr IntRange kRewardRange{.min = 0, .max = kMaxAmount};
constexpr IntRange kCountRange{.min = 1, .max = kMaxAmount};

/// http or https, a host, and nothing that would need escaping in a page; characters beyond ASCII are left to the
/// browser.
bool is_http_url(std::string_view url) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  const auto skip_scheme = [&](std::string_view scheme) {
    if (!std::ranges::equal(url.substr(0, scheme.size()), scheme, {}, lower)) return false;
    url.remove_prefix(scheme.size());
    return true;
  };
  if (!skip_scheme("https://") && !skip_scheme("http://")) return false;
  if (url.empty() || url.find_first_of("/?#:@") == 0) return false;
  return std::ranges::none_of(url, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F ||
           std::string_view{"\"<>\\^`{|}"}.find(c) != std::string_view::npos;
  });
}

std::string read_zone(ObjectReader& reader) {
  static constexpr Length kZoneName{.min = 1, .max = 64};  // the longest name of the database has 32
  const auto zone = reader.optional_string("timezone", kZoneName);
  if (!zone) return std::string{kDefaultZone};
  if (!system::known_zone(*zone)) {
    reader.refuse("timezone", "must be a name of the IANA time zone database, such as Asia/Seoul",
                  "Asia/Seoul과 같은 IANA 시간대 이름이어야 합니다");
  }
  return *zone;
}

std::optional<std::string> read_image_url(ObjectReader& reader) {
  auto url = reader.optional_string("imageUrl", {.min = 1, .max = kMaxImageUrl});
  if (url && !is_http_url(*url)) {
    reader.refuse("imageUrl", "must be an http or https URL", "http 또는 https URL이어야 합니다");
  }
  return url;
}

void refuse_read_only(ObjectReader& reader) {
  reader.read_only({"leftJoinCount", "leftTodayCount", "createdDate", "lastModifiedDate", "revision"});
}

void check_period(ObjectReader& reader, LocalDay start, LocalDay end) {
  if (end < start) {
    reader.refuse("endDate", "must not be before startDate", "startDate보다 빠를 수 없습니다");
  } else if (end.days - start.days >= kMaxPeriodDays) {
    reader.refuse("endDate", fmt::format("the period must not be longer than {} days", kMaxPeriodDays),
                  fmt::format("기간은 {}일을 넘을 수 없습니다", kMaxPeriodDays));
  }
}

/// Members that only daily promotions have, beside joinTypes.
constexpr std::array<std::string_view, 3> kJoins{"rewardAmount", "limitJoinCount", "dailyLimitJoinCount"};

/// The members that create and patch share, in the order of the API. A patch reads a member only if the body has it.
class PromotionReader {
 public:
  enum class Kind : std::uint8_t { create, patch, patch_of_begun };
  PromotionReader(ObjectReader& reader, Kind kind, Promotion& promotion)
      : reader_(reader), kind_(kind), promotion_(promotion) {}

  void read() {
    if (wants("title")) promotion_.title = reader_.required_string("title", {.min = 1, .max = kMaxTitle});
    if (wants("content")) promotion_.content = reader_.optional_string("content", {.min = 0, .max = kMaxContent});
    if (wants("imageUrl")) promotion_.image_url = read_image_url(reader_);
    const bool stays_what_it_is = read_lottery_terms();
    if (!stays_what_it_is) {
      pass_over_joins();
    } else if (promotion_.lottery) {
      refuse_joins();
    } else {
      read_joins();
    }
    read_period();
    if (wants("timezone")) promotion_.timezone = read_zone(reader_);
    if (wants("startDate") || wants("endDate") || wants("timezone")) check_days();
    if (stays_what_it_is && !promotion_.lottery && wants("joinTypes"))
      promotion_.join_types = read_join_types(reader_, promotion_.id);
    refuse_read_only(reader_);
  }

 private:
  [[nodiscard]] bool wants(std::string_view member) const { return kind_ == Kind::create || reader_.has(member); }

  /// Whatever they are, one of the two kinds of promotions would have them refused.
  void pass_over_joins() {
    for (const std::string_view member : kJoins) static_cast<void>(reader_.find(member));
    static_cast<void>(reader_.find("joinTypes"));
  }

  void read_joins() {
    if (wants("rewardAmount")) {
      promotion_.reward_amount = reader_.required_int("rewardAmount", kRewardRange).value_or(0);
    }
    if (wants("limitJoinCount")) {
      promotion_.limit_join_count = reader_.required_int("limitJoinCount", kCountRange).value_or(1);
    }
    if (wants("dailyLimitJoinCount")) {
      promotion_.daily_limit_join_count = reader_.optional_int("dailyLimitJoinCount", kCountRange);
    }
  }

  /// Nobody joins a lottery: tickets and draws take the place of stock, reward and conditions.
  void refuse_joins() {
    for (const std::string_view member : kJoins) {
      if (reader_.find(member) == nullptr) continue;
      reader_.refuse(member, "must be absent or null beside lottery", "lottery와 함께 쓸 수 없습니다");
    }
    if (!reader_.optional_array("joinTypes", kMaxJoinTypes).empty()) {
      reader_.refuse("joinTypes", "must be empty beside lottery", "lottery와 함께 쓸 수 없습니다");
    }
  }

  /// False if the body would make a lottery of a daily promotion, or the other way round.
  bool read_lottery_terms() {
    if (!reader_.has("lottery")) return true;
    const JsonValue* value = reader_.find("lottery");
    if (kind_ == Kind::create) {
      if (value != nullptr) {
        promotion_.lottery = read_lottery({.value = value, .pointer = "/lottery"}, reader_.errors());
      }
      return true;
    }
    if ((value != nullptr) != promotion_.lottery.has_value()) {
      if (kind_ == Kind::patch_of_begun && promotion_.lottery) {
        promotion_.lottery.reset();  // as any other change of its terms: changes_of_begun() has the answer
      } else {
        reader_.refuse("lottery",
                       "whether a promotion is a lottery is fixed when it is created; register a new promotion",
                       "추첨 프로모션인지 아닌지는 생성할 때 정해지며 바꿀 수 없습니다. 새 프로모션을 등록하세요");
      }
      return false;
    }
    if (value != nullptr) {
      const JsonValue merged = merged_lottery(*promotion_.lottery, *value);
      promotion_.lottery = read_lottery({.value = &merged, .pointer = "/lottery"}, reader_.errors());
    }
    return true;
  }

  void read_period() {
    bool dates_stand = true;
    const auto read_date = [&](std::string_view member, LocalDay& date) {
      if (!wants(member)) return;
      const auto value = reader_.required_day(member);
      dates_stand = dates_stand && value.has_value();
      date = value.value_or(date);
    };
    read_date("startDate", promotion_.start);
    read_date("endDate", promotion_.end);
    if (dates_stand && (wants("startDate") || wants("endDate")))
      check_period(reader_, promotion_.start, promotion_.end);
  }

  /// Of a period and a zone that are right by themselves.
  void check_days() {
    if (promotion_.end < promotion_.start) return;
    const Result<Zone> zone = system::load_zone(promotion_.timezone);
    if (zone && !zone->has_day(promotion_.start, promotion_.end)) {
      reader_.refuse("endDate", "the time zone skips every day of the period",
                     "시간대가 건너뛰는 날짜라서 기간에 속하는 날이 없습니다");
    }
  }

  ObjectReader& reader_;
  Kind kind_;
  Promotion& promotion_;
};

Lifecycle read_first_lifecycle(ObjectReader& reader) {
  if (const JsonValue* status = reader.find("status")) {
    const auto* text = status->get_if<std::string>();
    if (text != nullptr && *text == "DRAFT") return Lifecycle::draft;
    reader.refuse("status", "must be DRAFT or left out: the dates decide",
                  "DRAFT만 지정할 수 있습니다. 그 밖에는 날짜로 정해집니다");
  }
  return Lifecycle::open;
}

/// The contract's changes of status; nullopt if the patch asks for none or for one that is not possible.
std::optional<Status> read_status_change(ObjectReader& reader, Status present) {
  static constexpr std::array<Word<Status>, 3> kRequests{
      {{"ACTIVE", Status::active}, {"PAUSED", Status::paused}, {"ENDED", Status::ended}}};
  if (!reader.has("status")) return std::nullopt;
  const auto wanted = reader.required_word<Status>("status", kRequests);
  if (!wanted) return std::nullopt;
  if (*wanted == present) {
    reader.refuse("status", fmt::format("is {} already", windfall::name_of(present)),
                  fmt::format("이미 {} 상태입니다", windfall::name_of(present)));
    return std::nullopt;
  }
  const bool possible = *wanted == Status::ended || (*wanted == Status::paused && present == Status::active) ||
                        (*wanted == Status::active && (present == Status::paused || present == Status::draft));
  if (!possible) {
    reader.refuse(
        "status", fmt::format("cannot become {} from {}", windfall::name_of(*wanted), windfall::name_of(present)),
        fmt::format("{} 상태에서 {} 상태로 바꿀 수 없습니다", windfall::name_of(present), windfall::name_of(*wanted)));
    return std::nullopt;
  }
  return wanted;
}

Lifecycle lifecycle_of(Status requested) {
  if (requested == Status::paused) return Lifecycle::paused;
  return requested == Status::ended ? Lifecycle::ended : Lifecycle::open;
}

/// `secondChance` goes with an end only.
bool read_second_chance(ObjectReader& reader, const Promotion& promotion, std::optional<Status> requested) {
  const bool wanted = reader.optional_bool("secondChance").value_or(false);
  if (!reader.has("secondChance")) return false;
  if (!promotion.lottery) {
    reader.refuse("secondChance", "only a lottery promotion has a second chance",
                  "추첨 프로모션에만 2차 추첨이 있습니다");
  } else if (requested != Status::ended) {
    reader.refuse("secondChance", "goes with status ENDED only", "status가 ENDED일 때만 쓸 수 있습니다");
  }
  return wanted;
}

/// Members that are 422 in any patch, whatever their value.
void refuse_fixed(ObjectReader& reader) {
  for (const std::string_view member : {"id", "mode"}) {
    static_cast<void>(reader.find(member));
    if (reader.has(member)) reader.refuse(member, "is fixed at creation", "생성할 때 정해지며 바꿀 수 없습니다");
  }
}

/// A malformed date is refused where it is read.
void refuse_past_end(ObjectReader& reader, LocalDay today) {
  const JsonValue* value = reader.find("endDate");
  const auto* text = value != nullptr ? value->get_if<std::string>() : nullptr;
  const auto end = text != nullptr ? parse_day(*text) : std::nullopt;
  if (end && *end < today) {
    reader.refuse("endDate", fmt::format("must not be before today, {}", to_text(today)),
                  fmt::format("오늘({})보다 빠를 수 없습니다", to_text(today)));
  }
}

/// Only the rule is compared, as it is written.
bool same_join_types(const Promotion& a, const Promotion& b) {
  Promotion with_rules_of_b = a;
  with_rules_of_b.join_types = b.join_types;
  return encode_definition(a) == encode_definition(with_rules_of_b);
}

bool same_lottery(const Promotion& a, const Promotion& b) {
  if (!a.lottery || !b.lottery) return a.lottery.has_value() == b.lottery.has_value();
  std::string of_a;
  std::string of_b;
  append_lottery(of_a, *a.lottery);
  append_lottery(of_b, *b.lottery);
  return of_a == of_b;
}

/// Changes of what must stay once people have joined.
FieldErrors changes_of_begun(const Promotion& current, const Promotion& next) {
  FieldErrors errors;
  const auto stays = [&errors](const char* pointer, bool same) {
    if (!same)
      errors.add(pointer, "cannot change once the promotion has begun", "시작된 프로모션에서는 바꿀 수 없습니다");
  };
  stays("/startDate", next.start == current.start);
  stays("/timezone", next.timezone == current.timezone);
  stays("/joinTypes", same_join_types(current, next));
  stays("/lottery", same_lottery(current, next));
  return errors;
}

BadInput in_progress(FieldErrors& errors) {
  BadInput bad = errors.take();
  bad.in_progress = true;
  return bad;
}

}  // namespace

Decoded<Promotion> decode_create(std::string_view body) {
  return decode_object(body, [](ObjectReader& reader) {
    Promotion promotion;
    promotion.id = reader.optional_identifier("id").value_or("");
    PromotionReader(reader, PromotionReader::Kind::create, promotion).read();
    promotion.mode = reader.optional_word<Mode>("mode", kModes).value_or(Mode::live);
    promotion.lifecycle = read_first_lifecycle(reader);
    return promotion;
  });
}

Decoded<Patched> apply_patch(const Promotion& current, const PatchContext& context, std::string_view body) {
  auto patched = decode_object(body, [&](ObjectReader& reader) {
    Patched result{.next = current, .requested_status = std::nullopt};
    refuse_fixed(reader);
    const auto kind = context.begun ? PromotionReader::Kind::patch_of_begun : PromotionReader::Kind::patch;
    PromotionReader(reader, kind, result.next).read();
    refuse_past_end(reader, context.today);
    result.requested_status = read_status_change(reader, context.status);
    if (result.requested_status) result.next.lifecycle = lifecycle_of(*result.requested_status);
    result.next.secrets.second_chance = read_second_chance(reader, current, result.requested_status) ||
                                        (current.secrets.second_chance && !result.requested_status);
    return result;
  });
  if (!patched || !context.begun) return patched;
  if (FieldErrors errors = changes_of_begun(current, patched->next); !errors.empty()) {
    return tl::unexpected(in_progress(errors));
  }
  return patched;
}

Result<Promotion> decode_definition(std::string_view text) {
  const auto decoded = decode_object(text, [](ObjectReader& reader) {
    // The limits of texts and numbers are those of the day it was kept; what a join type may look like has not changed
    // since.
    constexpr Length kAnyLength{.min = 0, .max = SIZE_MAX};
    constexpr IntRange kAny{.min = INT64_MIN, .max = INT64_MAX};
    Promotion promotion;
    reader.required_int("format", {.min = kDefinitionFormat, .max = kDefinitionFormat});
    promotion.id = reader.required_string("id", kAnyLength);
    promotion.title = reader.required_string("title", kAnyLength);
    promotion.content = reader.optional_string("content", kAnyLength);
    promotion.image_url = reader.optional_string("imageUrl", kAnyLength);
    promotion.reward_amount = reader.required_int("rewardAmount", kAny).value_or(0);
    promotion.limit_join_count = reader.required_int("limitJoinCount", kAny).value_or(0);
    promotion.daily_limit_join_count = reader.optional_int("dailyLimitJoinCount", kAny);
    promotion.start = reader.required_day("startDate").value_or(LocalDay{});
    promotion.end = reader.required_day("endDate").value_or(LocalDay{});
    promotion.timezone = reader.required_string("timezone", kAnyLength);
    promotion.lifecycle = reader.required_word<Lifecycle>("lifecycle", kLifecycles).value_or(Lifecycle::open);
    promotion.mode = reader.required_word<Mode>("mode", kModes).value_or(Mode::live);
    promotion.join_types = read_join_types(reader, {});
    if (const JsonValue* lottery = reader.find("lottery")) {
      promotion.lottery = read_lottery({.value = lottery, .pointer = "/lottery"}, reader.errors());
      const JsonValue* secrets = reader.find("secrets");
      const JsonValue none;
      promotion.secrets =
          read_secrets({.value = secrets == nullptr ? &none : secrets, .pointer = "/secrets"}, reader.errors());
    } else {
      promotion.secrets.ended = reader.optional_instant("endedAsDraft");
    }
    return promotion;
  });
  if (decoded) return *decoded;
  const BadInput& bad = decoded.error();
  return fail(FailureCode::damaged, bad.not_json ? fmt::format("definition: {} at {}", bad.detail_en, bad.where)
                                                 : fmt::format("definition: {} {}", bad.errors.front().pointer,
                                                               bad.errors.front().detail_en));
}

}  // namespace windfall::codec

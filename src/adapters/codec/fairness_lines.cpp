#include "adapters/codec/fairness_lines.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/object_reader.hpp"
#include "adapters/codec/utf8.hpp"

namespace windfall::codec {

namespace {

// Numbers of an export count draws and people; 15 digits are more than there are, and exact in every JSON reader.
constexpr std::size_t kMaxDigits = 15;

struct Append {
  std::string& out;

  void number(std::string_view before, std::uint64_t value) const {
    out += before;
    append_json_integer(out, static_cast<std::int64_t>(value));
  }
  void user(const Pseudonym& user) const {
    out += ",\"user\":\"";
    out += to_text(user);
    out += '"';
  }
  void prize(std::string_view id) const {
    out += ",\"prizeId\":";
    append_json_string(out, id);
  }
  void flag(std::string_view before, bool value) const {
    out += before;
    out += value ? "true" : "false";
  }

  void operator()(const ExportHeader& line) const {
    out += "{\"type\":\"header\",\"algorithm\":\"";
    out += kFairnessAlgorithm;
    out += "\",\"promotionId\":";
    append_json_string(out, line.promotion);
    out += ",\"commitment\":";
    append_json_string(out, line.commitment);
    out += ",\"plan\":";
    append_json_string(out, line.plan);
    out += ",\"seed\":\"" + to_hex(line.seed.bytes) + "\"}";
  }
  void operator()(const ExportSegment& line) const {
    number("{\"type\":\"segment\",\"segment\":", line.segment.value);
    number(",\"quota\":", line.quota);
    number(",\"length\":", line.length);
    number(",\"draws\":", line.draws);
    flag(",\"paused\":", line.paused == DrawHistory::Paused::yes);
    out += '}';
  }
  void operator()(const ExportDraw& line) const {
    number("{\"type\":\"draw\",\"segment\":", line.segment.value);
    number(",\"serial\":", line.serial);
    user(line.user);
    out += line.prize ? ",\"outcome\":\"WIN\"" : ",\"outcome\":\"LOSE\"";
    if (line.prize) prize(*line.prize);
    out += '}';
  }
  void operator()(const ExportVoid& line) const {
    number("{\"type\":\"void\",\"segment\":", line.segment.value);
    number(",\"serial\":", line.serial);
    out += '}';
  }
  void operator()(const ExportClosed& line) const {
    flag("{\"type\":\"closed\",\"secondChance\":", line.second_chance == ExportClosed::SecondChance::yes);
    number(",\"pool\":", line.pool);
    number(",\"items\":", line.items);
    out += '}';
  }
  void operator()(const ExportSecondWin& line) const {
    number("{\"type\":\"second\",\"number\":", line.number);
    user(line.user);
    prize(line.prize);
    out += '}';
  }
  void operator()(const ExportSecondVoid& line) const {
    number("{\"type\":\"void\",\"second\":", line.number);
    out += '}';
  }
  void operator()(const ExportEnd& line) const {
    number("{\"type\":\"end\",\"draws\":", line.draws);
    number(",\"wins\":", line.wins);
    number(",\"secondWins\":", line.second_wins);
    number(",\"voided\":", line.voided);
    number(",\"shortfall\":", line.shortfall);
    out += '}';
  }
};

/// Reads the one spelling from the front. After the first thing that does not fit, nothing fits any more.
class Spelling {
 public:
  explicit Spelling(std::string_view text) : rest_(text) {}

  /// The text, if it stands here.
  bool skip(std::string_view expected) {
    if (!fits_ || !rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  void expect(std::string_view expected) { fits_ = skip(expected); }
  std::uint64_t number(std::string_view before) {
    expect(before);
    std::size_t digits = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') ++digits;
    fits_ = fits_ && digits >= 1 && digits <= kMaxDigits && (digits == 1 || rest_[0] != '0');
    std::uint64_t value = 0;
    if (fits_) std::from_chars(rest_.data(), rest_.data() + digits, value);
    rest_.remove_prefix(fits_ ? digits : 0);
    return value;
  }
  std::uint32_t small(std::string_view before) {
    const std::uint64_t value = number(before);
    fits_ = fits_ && value <= UINT32_MAX;
    return static_cast<std::uint32_t>(value);
  }
  bool flag(std::string_view before) {
    expect(before);
    if (skip("true")) return true;
    expect("false");
    return false;
  }
  Pseudonym user() {
    expect(",\"user\":\"");
    Pseudonym user;
    const std::optional<std::string> bytes = from_hex(rest_.substr(0, user.bytes.size() * 2));
    fits_ = fits_ && bytes && bytes->size() == user.bytes.size();
    if (fits_) {
      std::ranges::transform(*bytes, user.bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
      rest_.remove_prefix(user.bytes.size() * 2);
    }
    expect("\"");
    return user;
  }
  /// An id needs no escaping. Whatever else stood here would be told to whoever verifies, on a terminal and in JSON.
  std::string_view prize() {
    expect(",\"prizeId\":\"");
    const std::size_t length = std::min(rest_.find('"'), rest_.size());
    const std::string_view id = rest_.substr(0, length);
    fits_ = fits_ && is_identifier(id);
    rest_.remove_prefix(length);
    expect("\"");
    return id;
  }
  template <class Line>
  tl::expected<ExportLine, std::string> end(Line line) {
    expect("}");
    if (fits_ && rest_.empty()) return ExportLine{std::move(line)};
    return tl::unexpected(std::string("is not spelled as such a line of an export is"));
  }

 private:
  std::string_view rest_;
  bool fits_ = true;
};

std::string why(const BadInput& bad) {
  if (bad.errors.empty()) return bad.where + ": " + bad.detail_en;
  return bad.errors.front().pointer + ": " + bad.errors.front().detail_en;
}

tl::expected<ExportLine, std::string> decode_header(std::string_view text) {
  ExportHeader header;
  const auto decoded = decode_object(text, [&](ObjectReader& reader) {
    constexpr Length kAny{.min = 0, .max = SIZE_MAX};
    reader.required_string("type", kAny);
    const std::string algorithm = reader.required_string("algorithm", kAny);
    if (algorithm != kFairnessAlgorithm) reader.refuse("algorithm", "is not one that this version knows", "");
    header.promotion = reader.required_identifier("promotionId");
    header.commitment = reader.required_string("commitment", kAny);
    if (const auto digest = from_hex(header.commitment); !digest || digest->size() != sizeof(Digest))
      reader.refuse("commitment", "must be 64 lower-case hex digits", "");
    header.plan = reader.required_string("plan", kAny);
    const std::optional<std::string> seed = from_hex(reader.required_string("seed", kAny));
    if (!seed || seed->size() != header.seed.bytes.size()) {
      reader.refuse("seed", "must be 64 lower-case hex digits", "");
    } else {
      std::ranges::transform(*seed, header.seed.bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
    }
    return true;
  });
  if (!decoded) return tl::unexpected("is no header: " + why(decoded.error()));
  std::string spelled;
  append_export_line(spelled, header);
  spelled.pop_back();
  if (spelled != text) return tl::unexpected(std::string("is not spelled as such a line of an export is"));
  return ExportLine{std::move(header)};
}

constexpr Word<PrizeKind> kKinds[] = {{"GIFTICON", PrizeKind::gifticon}, {"POINTS", PrizeKind::points}};

std::uint32_t narrow(std::optional<std::int64_t> value) { return static_cast<std::uint32_t>(value.value_or(1)); }

void read_prizes(ObjectReader& reader, Plan& plan) {
  for (const ObjectReader::Item& item : reader.required_array("prizes", 1, kMaxPrizeKinds)) {
    ObjectReader prize(*item.value, item.pointer, reader.errors());
    Prize read;
    read.id = prize.required_identifier("prizeId");
    read.name = prize.required_string("name", {.min = 1, .max = kMaxPrizeName});
    read.kind = prize.required_word<PrizeKind>("kind", kKinds).value_or(PrizeKind::points);
    read.value = prize.required_int("value", {.min = 0, .max = kMaxPrizeValue}).value_or(0);
    read.count = narrow(prize.required_int("count", {.min = 1, .max = kMaxItems}));
    if (const auto days = prize.optional_int("validDays", {.min = 1, .max = kMaxValidDays}))
      read.valid_days = narrow(days);
    prize.finish();
    plan.prizes.push_back(std::move(read));
  }
  std::int64_t items = 0;
  for (const Prize& prize : plan.prizes) items += prize.count;
  if (items > kMaxItems) reader.refuse("prizes", "are too many", "");
}

void read_days(ObjectReader& reader, Plan& plan) {
  LocalDay expected = plan.start;
  for (const ObjectReader::Item& item : reader.required_array("days", 1, kMaxLotteryDays)) {
    ObjectReader day(*item.value, item.pointer, reader.errors());
    const std::optional<LocalDay> date = day.required_day("date");
    if (date && *date != expected) day.refuse("date", "must be the next day of the period", "");
    const auto quota = day.required_int("quota", {.min = 0, .max = kMaxItems});
    plan.day_quotas.push_back(static_cast<std::uint32_t>(quota.value_or(0)));
    day.finish();
    ++expected.days;
  }
  if (expected.days != plan.end.days + 1) reader.refuse("days", "must be those from startDate to endDate", "");
}

void read_curve(ObjectReader& reader, Plan& plan) {
  const auto hours = reader.optional_array("trafficCurve", kHoursPerDay);
  if (hours.empty()) return;
  if (hours.size() != kHoursPerDay) return reader.refuse("trafficCurve", "must have 24 weights", "");
  TrafficCurve curve{};
  for (std::size_t hour = 0; hour < hours.size(); ++hour) {
    const auto* weight = hours[hour].value->get_if<std::int64_t>();
    if (weight == nullptr || *weight < 0 || *weight > kMaxCurveWeight)
      return reader.refuse("trafficCurve", "has a weight beyond its limits", "");
    curve[hour] = static_cast<std::uint32_t>(*weight);
  }
  if (!has_weight(curve)) reader.refuse("trafficCurve", "must have a weight above 0", "");
  plan.traffic_curve = curve;
}

void read_win_rate(ObjectReader& reader, Plan& plan) {
  const JsonValue* value = reader.find("winRatePermille");
  if (value == nullptr) return reader.refuse("winRatePermille", "is required", "");
  ObjectReader rate(*value, pointer_to(reader.pointer(), "winRatePermille"), reader.errors());
  constexpr IntRange kRates{.min = kMinWinRatePermille, .max = kMaxWinRatePermille};
  plan.win_rate = {.min = narrow(rate.required_int("min", kRates)), .max = narrow(rate.required_int("max", kRates))};
  if (plan.win_rate.min > plan.win_rate.max) rate.refuse("min", "must not be above max", "");
  rate.finish();
}

Plan read_plan(ObjectReader& reader) {
  Plan plan;
  plan.promotion = reader.required_identifier("promotionId");
  plan.start = reader.required_day("startDate").value_or(LocalDay{});
  plan.end = reader.required_day("endDate").value_or(LocalDay{});
  plan.timezone = reader.required_string("timezone", {.min = 1, .max = kMaxPrizeName});
  plan.segment_minutes = narrow(reader.required_int("segmentMinutes", {.min = 1, .max = kMinutesPerDay}));
  if (!is_segment_length(plan.segment_minutes)) reader.refuse("segmentMinutes", "must divide 1440", "");
  plan.expected_draws_per_day = reader.optional_int("expectedDrawsPerDay", {.min = 0, .max = kMaxExpectedDrawsPerDay});
  plan.max_wins_per_user = narrow(reader.required_int("maxWinsPerUser", {.min = 1, .max = kMaxWinsPerUser}));
  read_curve(reader, plan);
  read_win_rate(reader, plan);
  read_prizes(reader, plan);
  read_days(reader, plan);
  return plan;
}

}  // namespace

void append_export_line(std::string& out, const ExportLine& line) {
  std::visit(Append{out}, line);
  out += '\n';
}

tl::expected<ExportLine, std::string> decode_export_line(std::string_view line) {
  Spelling text(line);
  // In the order of how often they come; members are read in the order of their spelling.
  if (text.skip("{\"type\":\"draw\"")) {
    ExportDraw draw;
    draw.segment = {text.small(",\"segment\":")};
    draw.serial = text.number(",\"serial\":");
    draw.user = text.user();
    if (text.skip(",\"outcome\":\"WIN\"")) {
      draw.prize = text.prize();
    } else {
      text.expect(",\"outcome\":\"LOSE\"");
    }
    return text.end(draw);
  }
  if (text.skip("{\"type\":\"segment\"")) {
    ExportSegment segment;
    segment.segment = {text.small(",\"segment\":")};
    segment.quota = text.small(",\"quota\":");
    segment.length = text.small(",\"length\":");
    segment.draws = text.number(",\"draws\":");
    segment.paused = DrawHistory::Paused{text.flag(",\"paused\":")};
    return text.end(segment);
  }
  if (text.skip("{\"type\":\"void\",\"second\":")) return text.end(ExportSecondVoid{.number = text.number("")});
  if (text.skip("{\"type\":\"void\"")) {
    ExportVoid voided;
    voided.segment = {text.small(",\"segment\":")};
    voided.serial = text.number(",\"serial\":");
    return text.end(voided);
  }
  if (text.skip("{\"type\":\"second\"")) {
    ExportSecondWin win;
    win.number = text.number(",\"number\":");
    win.user = text.user();
    win.prize = text.prize();
    return text.end(win);
  }
  if (text.skip("{\"type\":\"closed\"")) {
    ExportClosed closed;
    closed.second_chance = ExportClosed::SecondChance{text.flag(",\"secondChance\":")};
    closed.pool = text.number(",\"pool\":");
    closed.items = text.number(",\"items\":");
    return text.end(closed);
  }
  if (text.skip("{\"type\":\"end\"")) {
    ExportEnd end;
    end.draws = text.number(",\"draws\":");
    end.wins = text.number(",\"wins\":");
    end.second_wins = text.number(",\"secondWins\":");
    end.voided = text.number(",\"voided\":");
    end.shortfall = text.number(",\"shortfall\":");
    return text.end(end);
  }
  if (text.skip("{\"type\":\"header\"")) return decode_header(line);
  return tl::unexpected(std::string("is not of a type that exports have"));
}

tl::expected<Plan, std::string> decode_plan(std::string_view text) {
  const Decoded<Plan> plan = decode_object(text, read_plan);
  if (!plan) return tl::unexpected(why(plan.error()));
  std::uint64_t laid = 0;
  for (const std::uint32_t quota : plan->day_quotas) laid += quota;
  const std::uint32_t items = items_of(plan->prizes);
  if (laid != items)
    return tl::unexpected("its days hold " + std::to_string(laid) + " items, its prizes " + std::to_string(items));
  if (plan_text(*plan) != text) return tl::unexpected(std::string("it is not canonical JSON of a plan"));
  return *plan;
}

}  // namespace windfall::codec

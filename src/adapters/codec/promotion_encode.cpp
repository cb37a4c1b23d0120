#include "adapters/codec/join_type_json.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/lottery_json.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/promotion_words.hpp"

namespace windfall::codec {

PromotionText::PromotionText(const Definition& definition) : has_stock_(!definition.promotion.lottery) {
  const Promotion& promotion = definition.promotion;
  // A lottery has no stock and no reward of a join.
  const auto of_joins = [&](std::int64_t value) {
    return has_stock_ ? std::optional<std::int64_t>{value} : std::nullopt;
  };
  ObjectWriter writer(text_);
  writer.text("id", promotion.id)
      .text("title", promotion.title)
      .text_or_null("content", promotion.content)
      .text_or_null("imageUrl", promotion.image_url)
      .integer_or_null("rewardAmount", of_joins(promotion.reward_amount))
      .integer_or_null("limitJoinCount", of_joins(promotion.limit_join_count));
  left_join_count_at_ = writer.name("leftJoinCount").size();
  writer.integer_or_null("dailyLimitJoinCount", promotion.daily_limit_join_count);
  left_today_at_ = writer.name("leftTodayCount").size();
  writer.day("startDate", promotion.start).day("endDate", promotion.end).text("timezone", promotion.timezone);
  status_at_ = writer.name("status").size();
  writer.text("mode", name_of(promotion.mode));
  append_join_types(writer.name("joinTypes"), promotion.join_types);
  if (promotion.lottery) {
    append_lottery(writer.name("lottery"), *promotion.lottery);
  } else {
    writer.null("lottery");
  }
  writer.instant("createdDate", definition.created)
      .instant("lastModifiedDate", definition.modified)
      .integer("revision", definition.revision.value);
}

void PromotionText::append_to(std::string& out, const PromotionView& view,
                              std::span<const std::string> warnings) const {
  const auto append_count = [&out](std::optional<std::int64_t> count) {
    if (count) {
      append_json_integer(out, *count);
    } else {
      out += "null";
    }
  };
  const std::string_view text = text_;
  out += text.substr(0, left_join_count_at_);
  append_count(has_stock_ ? std::optional{view.left_join_count} : std::nullopt);
  out += text.substr(left_join_count_at_, left_today_at_ - left_join_count_at_);
  append_count(view.left_today);
  out += text.substr(left_today_at_, status_at_ - left_today_at_);
  append_json_string(out, windfall::name_of(view.status));
  out += text.substr(status_at_);
  if (!warnings.empty()) {
    out += ",\"warnings\":";
    append_json_strings(out, warnings);
  }
  out += '}';
}

std::string_view name_of(Mode mode) { return text_of<Mode>(kModes, mode); }

std::string encode_definition(const Promotion& promotion) {
  std::string out;
  ObjectWriter writer(out);
  writer.integer("format", kDefinitionFormat)
      .text("id", promotion.id)
      .text("title", promotion.title)
      .text_or_null("content", promotion.content)
      .text_or_null("imageUrl", promotion.image_url)
      .integer("rewardAmount", promotion.reward_amount)
      .integer("limitJoinCount", promotion.limit_join_count)
      .integer_or_null("dailyLimitJoinCount", promotion.daily_limit_join_count)
      .day("startDate", promotion.start)
      .day("endDate", promotion.end)
      .text("timezone", promotion.timezone)
      .text("lifecycle", text_of<Lifecycle>(kLifecycles, promotion.lifecycle))
      .text("mode", name_of(promotion.mode));
  append_join_types(writer.name("joinTypes"), promotion.join_types);
  if (promotion.lottery) {
    append_lottery(writer.name("lottery"), *promotion.lottery);
    append_secrets(writer.name("secrets"), promotion.secrets);
  } else if (promotion.secrets.ended) {
    writer.instant("endedAsDraft", *promotion.secrets.ended);
  }
  writer.close();
  return out;
}

}  // namespace windfall::codec

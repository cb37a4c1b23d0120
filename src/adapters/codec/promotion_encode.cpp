#include "adapters/codec/join_type_json.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/lottery_json.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/promotion_words.hpp"

namespace windfall::codec {

namespace {

void write_members(ObjectWriter& writer, const Definition& definition, const PromotionView& view) {
  const Promotion& promotion = definition.promotion;
  // A lottery has no stock and no reward of a join.
  const auto of_joins = [&](std::int64_t value) {
    return promotion.lottery ? std::nullopt : std::optional<std::int64_t>{value};
  };
  writer.text("id", promotion.id)
      .text("title", promotion.title)
      .text_or_null("content", promotion.content)
      .text_or_null("imageUrl", promotion.image_url)
      .integer_or_null("rewardAmount", of_joins(promotion.reward_amount))
      .integer_or_null("limitJoinCount", of_joins(promotion.limit_join_count))
      .integer_or_null("leftJoinCount", of_joins(view.left_join_count))
      .integer_or_null("dailyLimitJoinCount", promotion.daily_limit_join_count)
      .integer_or_null("leftTodayCount", view.left_today)
      .day("startDate", promotion.start)
      .day("endDate", promotion.end)
      .text("timezone", promotion.timezone)
      .text("status", windfall::name_of(view.status))
      .text("mode", name_of(promotion.mode));
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

}  // namespace

std::string_view name_of(Mode mode) { return text_of<Mode>(kModes, mode); }

void render_promotion(std::string& out, const Definition& definition, const PromotionView& view) {
  ObjectWriter writer(out);
  write_members(writer, definition, view);
  writer.close();
}

void render_promotion(std::string& out, const Definition& definition, const PromotionView& view,
                      std::span<const std::string> warnings) {
  ObjectWriter writer(out);
  write_members(writer, definition, view);
  append_json_strings(writer.name("warnings"), warnings);
  writer.close();
}

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

#include "adapters/codec/join_type_json.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/promotion_words.hpp"

namespace windfall::codec {

namespace {

constexpr IntRange kTimes{.min = 1, .max = kMaxAmount};
constexpr std::array kMatches{Word<Leading::Match>{"ALL", Leading::Match::all},
                              Word<Leading::Match>{"ANY", Leading::Match::any}};

using Empty = JoinType (*)();

/// Every alternative by its name.
template <class... Types>
constexpr std::array<Word<Empty>, sizeof...(Types)> alternatives(std::type_identity<std::variant<Types...>>) {
  return {{{Types::kName, [] { return JoinType{Types{}}; }}...}};
}

/// Reads one entry.
class JoinTypeReader {
 public:
  JoinTypeReader(const ObjectReader::Item& item, std::string_view own_id, FieldErrors& errors)
      : reader_(*item.value, item.pointer, errors), own_id_(own_id) {}

  JoinType read() {
    static constexpr auto kTypes = alternatives(std::type_identity<JoinType>{});
    const auto empty = reader_.required_word<Empty>("joinType", kTypes);
    if (!empty) return {};  // refused already; without a type no member is known or unknown
    JoinType result = (*empty)();
    std::visit([this](auto& type) { members_of(type); }, result);
    reader_.finish();
    return result;
  }

 private:
  void members_of(DupLimit& rule) { rule.limit = reader_.required_int("limitDupJoinCount", kTimes).value_or(1); }
  void members_of(Leading& rule) {
    rule.promotions = reader_.required_identifiers("leadPromoId", kMaxLeadPromotions);
    rule.match = reader_.optional_word<Leading::Match>("match", kMatches).value_or(Leading::Match::all);
    const auto self = std::ranges::find(rule.promotions, own_id_);
    if (own_id_.empty() || self == rule.promotions.end()) return;
    const auto index = static_cast<std::size_t>(self - rule.promotions.begin());
    reader_.errors().add(pointer_to(pointer_to(reader_.pointer(), "leadPromoId"), index),
                         "must not name the promotion itself", "프로모션 자신을 지정할 수 없습니다");
  }
  void members_of(FirstTime&) {}
  void members_of(MinJoinCount& rule) { rule.count = reader_.required_int("minJoinCount", kTimes).value_or(1); }
  void members_of(InSegment& rule) { rule.segments = reader_.required_identifiers("segments", kMaxSegments); }

  ObjectReader reader_;
  std::string_view own_id_;
};

struct AppendMembers {
  ObjectWriter& writer;

  void operator()(const DupLimit& rule) const { writer.integer("limitDupJoinCount", rule.limit); }
  void operator()(const Leading& rule) const {
    append_json_strings(writer.name("leadPromoId"), rule.promotions);
    if (rule.match != Leading::Match::all) writer.text("match", text_of<Leading::Match>(kMatches, rule.match));
  }
  void operator()(const FirstTime&) const {}
  void operator()(const MinJoinCount& rule) const { writer.integer("minJoinCount", rule.count); }
  void operator()(const InSegment& rule) const { append_json_strings(writer.name("segments"), rule.segments); }
};

}  // namespace

std::vector<JoinType> read_join_types(ObjectReader& reader, std::string_view own_id) {
  std::vector<JoinType> result;
  for (const ObjectReader::Item& item : reader.optional_array("joinTypes", kMaxJoinTypes)) {
    result.push_back(JoinTypeReader(item, own_id, reader.errors()).read());
  }
  return result;
}

void append_join_types(std::string& out, const std::vector<JoinType>& join_types) {
  append_json_array(out, join_types, [&out](const JoinType& join_type) {
    ObjectWriter writer(out);
    writer.text("joinType", windfall::name_of(join_type));
    std::visit(AppendMembers{writer}, join_type);
    writer.close();
  });
}

}  // namespace windfall::codec

#include "domain/promotion/join_guards.hpp"

#include <algorithm>

#include "domain/promotion/keys.hpp"

namespace windfall {

namespace {

/// TEST joins count for no rule of a LIVE promotion.
bool counts_for(const Promotion& promotion, const JoinFacts::Other& other) {
  return promotion.mode == Mode::test || other.mode == Mode::live;
}

bool joined(const Promotion& promotion, const JoinFacts& facts, std::string_view id) {
  return std::ranges::any_of(facts.others, [&](const JoinFacts::Other& other) {
    return other.id == id && other.joins > 0 && counts_for(promotion, other);
  });
}

struct AppendGuards {
  const JoinMoment& at;
  std::vector<Guard>& guards;

  [[nodiscard]] SetKey own_days() const { return keys::joined_days(at.definition.partition, at.request.user); }
  void only_if(bool known_to_hold) const {
    if (!known_to_hold) guards.emplace_back(Fewer{.set = own_days(), .than = 0});
  }

  void operator()(const DupLimit& rule) const { guards.emplace_back(Fewer{.set = own_days(), .than = rule.limit}); }
  void operator()(const Leading& rule) const {
    const auto has = [this](const std::string& id) { return joined(at.definition.promotion, at.facts, id); };
    only_if(rule.match == Leading::Match::all ? std::ranges::all_of(rule.promotions, has)
                                              : std::ranges::any_of(rule.promotions, has));
  }
  void operator()(const FirstTime&) const {
    for (const JoinFacts::Other& other : at.facts.others) {
      if (!counts_for(at.definition.promotion, other)) continue;
      guards.emplace_back(Fewer{.set = keys::joined_days(other.partition, at.request.user), .than = 1});
    }
  }
  void operator()(const MinJoinCount& rule) const {
    std::int64_t joins = 0;
    for (const JoinFacts::Other& other : at.facts.others) {
      if (counts_for(at.definition.promotion, other)) joins += other.joins;
    }
    only_if(joins >= rule.count);
  }
  void operator()(const InSegment& rule) const {
    only_if(std::ranges::any_of(rule.segments, [this](const std::string& segment) {
      return std::ranges::find(at.request.segments, segment) != at.request.segments.end();
    }));
  }
};

}  // namespace

void append_guards(const JoinType& join_type, const JoinMoment& moment, std::vector<Guard>& guards) {
  std::visit(AppendGuards{moment, guards}, join_type);
}

}  // namespace windfall

#include "app/proof/join_rule_check.hpp"

#include <algorithm>
#include <variant>

namespace windfall::proof {

namespace {

struct Judge {
  const JoinHistory& history;

  RuleVerdict operator()(const DupLimit& rule) const { return only_if(history.own_joins < rule.limit); }
  RuleVerdict operator()(const Leading& rule) const {
    const bool led = rule.match == Leading::Match::all ? std::ranges::all_of(rule.promotions, history.has_joined)
                                                       : std::ranges::any_of(rule.promotions, history.has_joined);
    return only_if(!history.complete || led);
  }
  RuleVerdict operator()(const FirstTime&) const { return only_if(history.joins_over_all() == 0); }
  RuleVerdict operator()(const MinJoinCount& rule) const {
    return only_if(!history.complete || history.joins_over_all() >= rule.count);
  }
  RuleVerdict operator()(const InSegment&) const { return RuleVerdict::not_in_the_log; }

 private:
  static RuleVerdict only_if(bool holds) { return holds ? RuleVerdict::holds : RuleVerdict::broken; }
};

}  // namespace

RuleVerdict judge(const JoinType& join_type, const JoinHistory& history) {
  return std::visit(Judge{history}, join_type);
}

}  // namespace windfall::proof

// What each join type asks the store to check.
#pragma once

#include <vector>

#include "domain/promotion/join.hpp"

namespace windfall {

struct JoinMoment {
  const Definition& definition;
  const JoinRequest& request;
  const JoinFacts& facts;
  LocalDay day;  ///< the promotion's, at the request
};

/// Appends guards that hold exactly if the join type does. What is known for good becomes no guard or one that never
/// holds, so that the order of refusals stays the order of guards.
void append_guards(const JoinType& join_type, const JoinMoment& moment, std::vector<Guard>& guards);

}  // namespace windfall

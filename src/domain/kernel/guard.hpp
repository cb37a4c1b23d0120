// Guards taken apart: what a guard looks at, and whether it holds for a value. Lets a reader ask "what would a commit
// say?" without one.
#pragma once

#include "domain/kernel/proposal.hpp"

namespace windfall {

[[nodiscard]] inline Look look_of(const Guard& guard) {
  struct Of {
    Look operator()(const Below& g) const { return g.counter; }
    Look operator()(const AtLeast& g) const { return g.counter; }
    Look operator()(const Equals& g) const { return g.counter; }
    Look operator()(const Absent& g) const { return MemberOf{.set = g.set, .member = g.member}; }
    Look operator()(const Fewer& g) const { return SizeOf{.set = g.set}; }
  };
  return std::visit(Of{}, guard);
}

[[nodiscard]] inline bool holds_for(const Guard& guard, std::int64_t value) {
  struct Holds {
    std::int64_t value;
    bool operator()(const Below& g) const { return value < g.limit; }
    bool operator()(const AtLeast& g) const { return value >= g.amount; }
    bool operator()(const Equals& g) const { return value == g.value; }
    bool operator()(const Absent&) const { return value == 0; }
    bool operator()(const Fewer& g) const { return value < g.than; }
  };
  return std::visit(Holds{value}, guard);
}

}  // namespace windfall

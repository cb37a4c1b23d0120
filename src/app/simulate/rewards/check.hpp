// One check that counts, and keeps what it found first.
#pragma once

#include "app/simulate/invariants.hpp"

namespace windfall::simulate {

struct Check {
  InvariantResult result;
  template <class Text>
  void expect(bool holds, Text text) {
    ++result.checked;
    if (holds) return;
    if (result.violations++ == 0) result.first = text();
  }
};

}  // namespace windfall::simulate

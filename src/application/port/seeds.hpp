// The secrets of lotteries: made once, kept encrypted in the definition, opened where decks are computed. The key
// stands outside the data directory.
#pragma once

#include <string>
#include <string_view>

#include "domain/kernel/result.hpp"
#include "domain/lottery/seed.hpp"

namespace windfall {

class Seeds {
 public:
  virtual ~Seeds() = default;
  /// 32 new unpredictable bytes, sealed for this promotion.
  virtual Result<std::string> make(std::string_view promotion_id) = 0;
  /// Thread-safe. Failures: damaged if the text was altered, or sealed for another promotion or with another key.
  virtual Result<Seed> open(std::string_view promotion_id, std::string_view sealed) = 0;
};

}  // namespace windfall

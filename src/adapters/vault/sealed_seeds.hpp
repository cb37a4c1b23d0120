// The seeds of lotteries under the master keys: random bytes, sealed for one promotion, as text for its definition.
#pragma once

#include "application/port/seals.hpp"
#include "application/port/seeds.hpp"

namespace windfall::vault {

class SealedSeeds final : public Seeds {
 public:
  explicit SealedSeeds(Seals& seals) : seals_(seals) {}

  Result<std::string> make(std::string_view promotion_id) override;
  Result<Seed> open(std::string_view promotion_id, std::string_view sealed) override;

 private:
  Seals& seals_;
};

}  // namespace windfall::vault

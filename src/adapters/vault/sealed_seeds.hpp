// The seeds of lotteries under the master keys: random bytes, sealed for one promotion, as text for its definition.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "application/port/seals.hpp"
#include "application/port/seeds.hpp"

namespace windfall::vault {

class SealedSeeds final : public Seeds {
 public:
  /// The seed of a promotion as it is sealed in the definition that is in force; empty if there is none.
  using InForce = std::function<std::string(std::string_view promotion_id)>;

  /// A seed stays what it is for good, so one that history has under a withdrawn key is opened as `in_force` has it,
  /// which is called from any thread.
  explicit SealedSeeds(Seals& seals, InForce in_force = {}) : seals_(seals), in_force_(std::move(in_force)) {}

  Result<std::string> make(std::string_view promotion_id) override;
  Result<Seed> open(std::string_view promotion_id, std::string_view sealed) override;
  /// The same seed under the current key; nullopt if it is under that one already. Failures: those of open().
  Result<std::optional<std::string>> reseal(std::string_view promotion_id, std::string_view sealed);

 private:
  std::string seal(std::string_view promotion_id, const Seed& seed);
  Result<Seed> open_as_it_stands(std::string_view promotion_id, std::string_view sealed);

  Seals& seals_;
  InForce in_force_;
};

}  // namespace windfall::vault

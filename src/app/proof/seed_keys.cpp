#include "app/proof/seed_keys.hpp"

#include <utility>

#include "adapters/vault/master_keys.hpp"

namespace windfall::proof {

namespace {

struct Opener {
  Opener(std::unique_ptr<vault::KeySeals> made, vault::SealedSeeds::InForce in_force)
      : seals(std::move(made)), seeds(*seals, std::move(in_force)) {}
  std::unique_ptr<vault::KeySeals> seals;
  vault::SealedSeeds seeds;
};

}  // namespace

std::string default_master_keys(const std::string& directory) {
  std::string path = directory;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path + ".keys";
}

Result<OpenSeed> open_seeds_with(const vault::MasterKeys& keys, vault::SealedSeeds::InForce in_force) {
  Result<std::unique_ptr<vault::KeySeals>> seals = vault::KeySeals::make(keys);
  if (!seals) return tl::unexpected(seals.error());
  return OpenSeed(
      [opener = std::make_shared<Opener>(std::move(*seals), std::move(in_force))](
          std::string_view promotion, std::string_view sealed) { return opener->seeds.open(promotion, sealed); });
}

Result<OpenSeed> open_seeds_with(const std::string& path, const std::string& directory,
                                 vault::SealedSeeds::InForce in_force) {
  const Result<vault::MasterKeys> keys = vault::load_master_keys(path, directory);
  if (!keys) return tl::unexpected(keys.error());
  return open_seeds_with(*keys, std::move(in_force));
}

}  // namespace windfall::proof

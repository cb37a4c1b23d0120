#include "app/proof/seed_keys.hpp"

#include <utility>

#include "adapters/vault/master_keys.hpp"
#include "adapters/vault/sealed_seeds.hpp"

namespace windfall::proof {

namespace {

struct Opener {
  explicit Opener(std::unique_ptr<vault::KeySeals> made) : seals(std::move(made)), seeds(*seals) {}
  std::unique_ptr<vault::KeySeals> seals;
  vault::SealedSeeds seeds;
};

}  // namespace

std::string default_master_keys(const std::string& directory) {
  std::string path = directory;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path + ".keys";
}

Result<OpenSeed> open_seeds_with(const vault::MasterKeys& keys) {
  Result<std::unique_ptr<vault::KeySeals>> seals = vault::KeySeals::make(keys);
  if (!seals) return tl::unexpected(seals.error());
  return OpenSeed(
      [opener = std::make_shared<Opener>(std::move(*seals))](std::string_view promotion, std::string_view sealed) {
        return opener->seeds.open(promotion, sealed);
      });
}

Result<OpenSeed> open_seeds_with(const std::string& path, const std::string& directory) {
  const Result<vault::MasterKeys> keys = vault::load_master_keys(path, directory);
  if (!keys) return tl::unexpected(keys.error());
  return open_seeds_with(*keys);
}

}  // namespace windfall::proof

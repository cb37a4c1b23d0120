#include "app/proof/reseal_seeds.hpp"

#include <fmt/format.h>

#include <utility>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/vault/key_seals.hpp"
#include "adapters/vault/sealed_seeds.hpp"
#include "app/proof/stopped_store.hpp"

namespace windfall::proof {

Result<std::int64_t> reseal_seeds(const std::string& directory, const vault::MasterKeys& keys, Instant now) {
  const auto seals = vault::KeySeals::make(keys);
  if (!seals) return tl::unexpected(seals.error());
  vault::SealedSeeds seeds(**seals);
  const Result<std::unique_ptr<StoppedStore>> opened = StoppedStore::open(directory);
  if (!opened) return tl::unexpected(opened.error());
  StoppedStore& stopped = **opened;

  std::int64_t count = 0;
  std::string events;
  for (const DefinitionPtr& definition : stopped.store.all()) {
    if (!definition->promotion.lottery) continue;
    Promotion next = definition->promotion;
    Result<std::optional<std::string>> anew = seeds.reseal(next.id, next.secrets.sealed_seed);
    if (!anew) return tl::unexpected(anew.error());
    if (!*anew) continue;
    next.secrets.sealed_seed = std::move(**anew);
    const Audit audit{.actor = "system",
                      .action = "keys.reseal",
                      .reason = fmt::format("its seed is sealed under master key {}", (*seals)->current().value)};
    codec::encode(
        stopped.next(*definition, now,
                     DefinitionChanged{.id = next.id, .definition = codec::encode_definition(next), .audit = audit}),
        events);
    ++count;
  }
  if (const auto done = stopped.finish(events); !done) return tl::unexpected(done.error());
  return count;
}

}  // namespace windfall::proof

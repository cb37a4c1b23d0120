// What lotteries need besides: the master keys and what is sealed under them, the decks, and the use cases.
#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/codec/cloud_events.hpp"
#include "app/wiring/server_impl.hpp"

namespace windfall::app {

Result<vault::MasterKeys> Server::Impl::load_master_keys() {
  const std::string path = master_keys_path();
  const std::vector<DefinitionPtr>& all = kept->store().all();
  if (std::ranges::none_of(all, [](const DefinitionPtr& one) { return one->promotion.lottery.has_value(); })) {
    return vault::load_or_make_master_keys(path, config.data);
  }
  // Every lottery has something sealed. New keys would be refused as well, but they would lie where the right ones have
  // to be put.
  Result<vault::MasterKeys> keys = vault::load_master_keys(path, config.data);
  if (keys || keys.error().code != FailureCode::not_found) return keys;
  return fail(FailureCode::conflict,
              path +
                  " is missing: put the file there that the lotteries of this data were sealed with, or name it; one "
                  "made by backup --with-keys is put there by restore --keys FILE --master-keys " +
                  path);
}

Result<bool> Server::Impl::open_lottery() {
  PromotionStore& store = kept->store();
  const Result<vault::MasterKeys> keys = load_master_keys();
  if (!keys) return trouble_with(config, "server.master_keys", keys.error());
  Result<std::unique_ptr<vault::KeySeals>> sealing = vault::KeySeals::make(*keys);
  if (!sealing) return tl::unexpected(sealing.error());
  seals = std::move(*sealing);
  Result<std::unique_ptr<vault::SivInviteTokens>> tokens_made = vault::SivInviteTokens::make(*keys);
  if (!tokens_made) return tl::unexpected(tokens_made.error());
  invites = std::move(*tokens_made);
  // A ledger that is built anew meets definitions of long ago; the table is read by its thread and never changes.
  std::map<std::string, std::string, std::less<>> in_force;
  for (const DefinitionPtr& definition : store.all()) {
    in_force.emplace(definition->promotion.id, definition->promotion.secrets.sealed_seed);
  }
  seeds = std::make_unique<vault::SealedSeeds>(*seals, [table = std::move(in_force)](std::string_view promotion_id) {
    const auto found = table.find(promotion_id);
    return found == table.end() ? std::string{} : found->second;
  });

  // A lottery whose seed cannot be opened could neither draw nor say who has won: that is better known now.
  for (const DefinitionPtr& definition : store.all()) {
    const Promotion& promotion = definition->promotion;
    if (!promotion.lottery) continue;
    const Result<Seed> seed = seeds->open(promotion.id, promotion.secrets.sealed_seed);
    if (!seed) return fail(seed.error().code, "server.master_keys " + master_keys_path() + ": " + seed.error().message);
  }

  draw_book = std::make_unique<DrawBook>(store, *seeds);
  for (const DefinitionPtr& definition : store.all()) {
    if (!definition->promotion.lottery) continue;
    // Before anybody is listened to: the first draw would make everyone wait for it.
    // One whose hot state is damaged answers its draws with 503; the others have nothing to do with it.
    if (const Result<bool> ready = draw_book->prepare(*definition); !ready) {
      system::log(system::LogLevel::error, "lottery_not_ready", {{"why", ready.error().message}});
    }
  }
  draw_ticket = std::make_unique<DrawTicket>(store, *draw_book);
  earn_tickets = std::make_unique<EarnTickets>(store);
  show_tickets = std::make_unique<ShowTickets>(store);
  JudgeInbound::Hooks hooks{
      .rejected =
          [this](const JudgeInbound::Rejected& rejected) {
            if (!kept->log_keeps_settlements() || rejected.partition != kSystemPartition) {
              refusals->count(rejected.partition, std::string(rejected.reason));
              return;
            }
            refusals->add(rejected.event.user, rejected.partition, row_of(rejected));
          },
      .trouble = [](const std::string& why) { system::log(system::LogLevel::error, "inbound_waits", {{"why", why}}); }};
  if (!kept->log_keeps_settlements()) {
    hooks.keep = [this](const JudgeInbound::Rejected& rejected) {
      return refusals->keep(rejected.event.user, row_of(rejected));
    };
  }
  judge_inbound =
      std::make_unique<JudgeInbound>(kept->inbox(), store, *earn_tickets, *invites, timer, std::move(hooks));
  return true;
}

RefusalRow Server::Impl::row_of(const JudgeInbound::Rejected& rejected) {
  return {.at = kept->store().now(rejected.partition),
          .promotion_id = std::string(rejected.promotion_id),
          .code = std::string(rejected.reason),
          .detail = std::string(codec::name_of(rejected.event.type))};
}

}  // namespace windfall::app

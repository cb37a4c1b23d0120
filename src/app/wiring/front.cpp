// Who asks: callers and their limits, the use cases behind the API, and the first key.
#include <algorithm>
#include <array>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/key_list.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/user_ref.hpp"
#include "adapters/http/auth/jwt_verifier.hpp"
#include "adapters/system/random.hpp"
#include "adapters/system/time_zone.hpp"
#include "app/dev_clock.hpp"
#include "app/wiring/server_impl.hpp"

namespace windfall::app {

namespace {

using system::log;
using system::LogLevel;

}  // namespace

Result<bool> Server::Impl::open_api() {
  PromotionStore& store = kept->store();
  participate = std::make_unique<Participate>(store);
  browse = std::make_unique<Browse>(store);
  manage = std::make_unique<Manage>(
      store, Manage::Tools{.encode = codec::encode_definition,
                           .load_zone = [](const std::string& name) { return system::load_zone(name); },
                           .make_id = [this] { return system::make_promotion_id(clock.now()); },
                           .make_seed = [this](std::string_view id) { return seeds->make(id); }});
  if (!config.jwt_jwks.empty()) {
    Result<std::unique_ptr<http::TokenVerifier>> opened = http::open_jwt_verifier(
        {.jwks = config.jwt_jwks, .issuer = config.jwt_issuer, .audience = config.jwt_audience});
    if (!opened) return trouble_with(config, "auth.jwt.jwks", opened.error());
    tokens = std::move(*opened);
  }
  callers = std::make_unique<http::Callers>(
      store, clock, codec::UserHasher(user_key), tokens.get(),
      http::Callers::Options{.dev = config.dev, .admin_key = config.admin_key, .gateway_key = config.gateway_key});
  rate_limit = std::make_unique<http::RateLimit>(user_limit());
  address_limit = std::make_unique<http::AddressLimit>(per_address());

  sync = std::make_unique<SyncLedger>(store, kept->ledger(), kept->ledger_writer());
  turn_status = std::make_unique<TurnStatus>(store, *sync, [](const Definition& d, Status before, Status after) {
    log(LogLevel::info, "promotion_turned",
        {{"promotion", d.promotion.id}, {"before", name_of(before)}, {"after", name_of(after)}});
  });
  drop_old = std::make_unique<DropOld>(clock, kept->ledger(), kept->ledger_writer(),
                                       DropOld::Days{.refusals = config.keep_refusals_days,
                                                     .rejections = config.keep_rejections_days,
                                                     .attempts = config.keep_attempts_days});
  open_segments = std::make_unique<OpenSegments>(store, *draw_book);
  close_lotteries = std::make_unique<CloseLotteries>(store, *draw_book, kept->lotteries(), kept->ledger_reads(),
                                                     [this](PartitionNo of) { return told_to_ledger(of); });
  jobs = std::make_unique<Jobs>(clock, timer);

  http::ApiParts parts{.clock = turn_clock,
                       .store = store,
                       .participate = *participate,
                       .browse = *browse,
                       .manage = *manage,
                       .callers = *callers,
                       .rate_limit = *rate_limit,
                       .address_limit = *address_limit,
                       .refusals = *refusals,
                       .jobs = *jobs,
                       .ledger = kept->ledger(),
                       .rows = kept->ledger_rows(),
                       .effects = kept->effects(),
                       .ledger_reads = kept->ledger_reads(),
                       .ledger_writer = kept->ledger_writer(),
                       .timer = timer,
                       .lottery = {.book = *draw_book,
                                   .draw = *draw_ticket,
                                   .earn = *earn_tickets,
                                   .show = *show_tickets,
                                   .ledger = kept->lotteries(),
                                   .tokens = *invites,
                                   .coupons = *coupons,
                                   .imports = *import_codes,
                                   .inbox = kept->inbox(),
                                   .judge = *judge_inbound},
                       .hooks = {},
                       .settings = {}};
  parts.hooks.set_clock = [this](std::optional<Instant> now) { set_clock(now); };
  if (sandbox) {
    parts.hooks.partner_book = [this] { return partner_book(); };
  }
  parts.hooks.caught_up = [this](std::optional<PartitionNo> of) { return kept->caught_up(of); };
  parts.hooks.ready = [this] { return ready(); };
  parts.hooks.can_admit = [this] { return kept->can_admit(); };
  parts.hooks.after_requests = [this] { return loop.after_sockets([this] { api->admit_arrived(); }); };
  parts.hooks.metrics = [this] {
    return metrics_text({.api = *api,
                         .store = kept->store(),
                         .refusals = *refusals,
                         .log = kept->figures(),
                         .inbox = kept->inbox(),
                         .judge = *judge_inbound,
                         .jobs = *jobs,
                         .partner = partner_counters,
                         .effects = effect_gauges,
                         .codes = code_levels,
                         .ages = ages(),
                         .in_flight = fulfil ? fulfil->in_flight() : 0,
                         .connections = server ? server->connections() : 0});
  };
  parts.hooks.erase_identity = [this](UserRef user) { return kept->erase_identity(user); };
  parts.hooks.effects_changed = [this] {
    if (fulfil) fulfil->poke();
  };
  parts.hooks.make_rows_anew = [this](const std::vector<UserRef>& users) { return kept->make_rows_anew(users); };
  parts.hooks.sync_ledger = [this] { return sync_ledger(); };
  parts.hooks.public_url = [this] { return config.public_url.empty() ? url : config.public_url; };
  parts.hooks.make_secret = [] {
    std::array<std::uint8_t, 24> bytes{};
    system::random_bytes(bytes);
    return "wf_" + codec::to_base64url(bytes);
  };
  parts.settings.dev = config.dev;
  parts.settings.reads_ledger = kept->has_ledger(has_role(config.roles, "listener"));
  parts.settings.version = WINDFALL_VERSION;
  api = std::make_unique<http::Api>(std::move(parts));
  return true;
}

Result<bool> Server::Impl::make_first_key() {
  if (!config.admin_key.empty()) return true;
  const Result<std::vector<Key>> keys = codec::decode_keys(kept->store().system_definition());
  if (!keys) return tl::unexpected(keys.error());
  if (std::ranges::any_of(*keys, [](const Key& key) { return key.role == Role::admin; })) return true;
  std::array<std::uint8_t, 24> bytes{};
  system::random_bytes(bytes);
  made_key = "wf_" + codec::to_base64url(bytes);
  const auto digest = http::Callers::digest_of(made_key);
  std::vector<Key> all = *keys;
  all.push_back({.id = "k-" + codec::to_hex(codec::Bytes(digest).first(6)),
                 .name = "first start",
                 .role = Role::admin,
                 .digest = digest,
                 .created = clock.now()});
  KeyChanged event{
      .key_id = all.back().id,
      .keys = codec::encode_keys(all),
      .audit = {.actor = "system", .action = "createKey", .reason = "first start without WINDFALL_ADMIN_KEY"}};
  // Runs when the loop does; the key is valid as soon as it is decided, and durable before anyone could have used it.
  loop.post([this, event = std::move(event)]() mutable {
    detach([](Manage& m, Revision revision, KeyChanged change) -> Task<void> {
      const Result<bool> changed = co_await m.change_keys(revision, std::move(change));
      if (!changed || !*changed) log(LogLevel::error, "first_key_not_kept");
    }(*manage, kept->store().system_revision(), std::move(event)));
  });
  return true;
}

Task<Result<bool>> Server::Impl::told_to_ledger(PartitionNo of) {
  const Result<bool> durable = co_await kept->store().durable();
  if (!durable) co_return tl::unexpected(durable.error());
  co_return co_await kept->caught_up(of);
}

void Server::Impl::set_clock(std::optional<Instant> now) {
  clock.set(now);
  turn_clock.forget();
  if (const Result<void> kept_clock = keep_dev_clock(config.data, now); !kept_clock) {
    log(LogLevel::warning, "dev_clock_not_kept", {{"why", kept_clock.error().message}});
  }
}

Task<std::string> Server::Impl::partner_book() {
  std::string book;
  sandbox->book().append_json(book);
  co_return book;
}

std::vector<http::ReadyCheck> Server::Impl::ready() {
  std::vector<http::ReadyCheck> checks;
  checks.push_back({.name = "serving", .ready = !draining, .detail = draining ? "draining" : "accepting requests"});
  for (http::ReadyCheck& check : kept->checks()) checks.push_back(std::move(check));
  return checks;
}

}  // namespace windfall::app

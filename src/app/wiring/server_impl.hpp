// What a server consists of, in the order in which it is opened. The parts are put together beside this file: what
// keeps the data in one mode (backend.hpp), what lotteries need (lottery.cpp, codes.cpp), who is paid (accruals.cpp),
// who asks (front.cpp), what runs by itself (work.cpp).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/http/api/api.hpp"
#include "adapters/http/sandbox/sandbox_handler.hpp"
#include "adapters/http/transport/loop_timer.hpp"
#include "adapters/http/transport/server.hpp"
#include "adapters/http/transport/turn_clock.hpp"
#include "adapters/partner/curl_points_gateway.hpp"
#include "adapters/system/clock.hpp"
#include "adapters/system/log.hpp"
#include "adapters/system/workers.hpp"
#include "adapters/vault/high_water_file.hpp"
#include "adapters/vault/invite_tokens.hpp"
#include "adapters/vault/key_seals.hpp"
#include "adapters/vault/master_keys.hpp"
#include "adapters/vault/sealed_seeds.hpp"
#include "app/config.hpp"
#include "app/metrics.hpp"
#include "app/server.hpp"
#include "app/server_parts.hpp"
#include "app/wiring/backend.hpp"
#include "application/on_event/fulfil_reward.hpp"
#include "application/on_event/judge_inbound.hpp"
#include "application/on_time/close_lotteries.hpp"
#include "application/on_time/drop_old.hpp"
#include "application/on_time/jobs.hpp"
#include "application/on_time/open_segments.hpp"
#include "application/on_time/turn_status.hpp"

namespace windfall::app {

struct Server::Impl {
  explicit Impl(Config c) : config(std::move(c)), loaded(config) {}
  ~Impl();

  Result<bool> open_data();
  Result<bool> set_kept_clock();
  Result<bool> open_store();
  Result<bool> open_ledger();
  Result<bool> open_partner();
  Result<bool> open_sandbox();
  Result<bool> open_lottery();
  Result<vault::MasterKeys> load_master_keys();
  Result<bool> open_codes();
  Result<bool> check_marks();
  Result<bool> check_recovered();
  Result<bool> open_api();
  Result<bool> make_first_key();
  void start_work();
  void drain();
  void reload();
  Task<void> finish();
  Task<void> last_sync();
  /// Once the ledger holds everything that was decided about this promotion so far.
  Task<Result<bool>> told_to_ledger(PartitionNo of);
  Task<std::string> partner_book();
  void set_clock(std::optional<Instant> now);
  std::vector<http::ReadyCheck> ready();
  MetricsParts::Ages ages();
  Task<Result<std::string>> sync_ledger();
  RefusalRow row_of(const JudgeInbound::Rejected& rejected);
  Task<Result<std::string>> look_at_effects();
  /// Where several processes send: what one of them left SENDING that has gone for good.
  Task<Result<std::string>> find_abandoned();
  Task<Result<std::string>> look_at_codes();
  Task<Result<std::string>> retry_effects();
  /// Several batch processes share their jobs: one does them.
  Task<Result<std::string>> if_leading(Task<Result<std::string>> work);
  std::function<void(std::function<void()>)> poster() {
    return [this](std::function<void()> work) { loop.post(std::move(work)); };
  }

  [[nodiscard]] std::string master_keys_path() const {
    return config.master_keys.empty() ? config.data + ".keys" : config.master_keys;
  }
  [[nodiscard]] std::string high_water_path() const {
    return config.high_water.empty() ? config.data + ".high-water" : config.high_water;
  }

  [[nodiscard]] http::RateLimit::Settings user_limit() const {
    const std::int64_t by_default = config.dev ? 0 : 20;
    return {.per_second = config.user_per_second < 0 ? by_default : config.user_per_second, .burst = config.user_burst};
  }
  [[nodiscard]] http::RateLimit::Settings per_address() const {
    return {.per_second = config.address_per_second, .burst = config.address_burst};
  }

  Config config;
  Config loaded;  ///< before anything was put in for what was left out
  std::function<Result<Config>()> load;
  bool temporary_data = false;
  bool draining = false;
  std::string made_key;
  std::string url;
  std::string admin_url;

  system::SystemClock clock;
  system::RealClock real_clock;
  system::UnsetClock retry_clock{real_clock};
  http::EventLoop loop;
  http::TurnClock turn_clock{clock, loop};
  http::LoopTimer timer{loop};
  std::array<std::uint8_t, 16> user_key{};

  std::unique_ptr<Backend> kept;
  std::unique_ptr<Refusals> refusals;

  std::unique_ptr<http::SandboxPartner> sandbox;
  std::unique_ptr<http::SandboxHandler> sandbox_handler;
  std::unique_ptr<http::Server> sandbox_server;
  std::unique_ptr<partner::CurlPointsGateway> gateway;
  PartnerCounters partner_counters;
  PartnerMeter meter{partner_counters};
  std::unique_ptr<FulfilReward> fulfil;
  bool fulfilling = false;
  Effects::Gauges effect_gauges{};  ///< as of the last look
  std::int64_t synced_at = 0;       ///< monotonic; when the ledger's documents were last up to date

  std::unique_ptr<SyncLedger> sync;
  std::unique_ptr<TurnStatus> turn_status;
  std::unique_ptr<DropOld> drop_old;
  std::unique_ptr<Jobs> jobs;

  std::unique_ptr<vault::KeySeals> seals;
  std::unique_ptr<vault::SealedSeeds> seeds;
  std::unique_ptr<vault::SivInviteTokens> invites;
  std::unique_ptr<DrawBook> draw_book;
  std::unique_ptr<DrawTicket> draw_ticket;
  std::unique_ptr<EarnTickets> earn_tickets;
  std::unique_ptr<ShowTickets> show_tickets;
  std::unique_ptr<OpenSegments> open_segments;
  std::unique_ptr<CloseLotteries> close_lotteries;
  std::unique_ptr<HighWater> marks;
  std::unique_ptr<system::Workers> codes_writer;  ///< imports: seconds for a large file
  std::unique_ptr<CodeSupply> code_supply;
  std::unique_ptr<AssignCodes> assign_codes;
  std::unique_ptr<Coupons> coupons;
  std::unique_ptr<ImportCodes> import_codes;
  std::vector<CodeLevel> code_levels;  ///< as of the last look
  std::unique_ptr<JudgeInbound> judge_inbound;

  std::unique_ptr<Participate> participate;
  std::unique_ptr<Browse> browse;
  std::unique_ptr<Manage> manage;
  std::unique_ptr<http::TokenVerifier> tokens;
  std::unique_ptr<http::Callers> callers;
  std::unique_ptr<http::RateLimit> rate_limit;
  std::unique_ptr<http::AddressLimit> address_limit;
  std::unique_ptr<http::Api> api;
  std::unique_ptr<SurfaceHandler> everything;
  std::unique_ptr<SurfaceHandler> for_participants;
  std::unique_ptr<SurfaceHandler> for_operators;
  std::unique_ptr<http::Server> server;
};

}  // namespace windfall::app

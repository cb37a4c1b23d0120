// Who is paid: the partner, or the sandbox in its place, and the fulfilment that calls it.
#include <memory>
#include <random>
#include <utility>

#include "app/wiring/server_impl.hpp"

namespace windfall::app {

namespace {

using system::log;
using system::LogLevel;

}  // namespace

Result<bool> Server::Impl::open_sandbox() {
  Result<http::SandboxBook> book = http::SandboxBook::open(config.data + "/sandbox-book.ndjson");
  if (!book) return tl::unexpected(book.error());
  sandbox = std::make_unique<http::SandboxPartner>(std::move(*book), http::SandboxSettings{});
  sandbox_handler = std::make_unique<http::SandboxHandler>(loop, *sandbox);
  sandbox_server = std::make_unique<http::Server>(loop, *sandbox_handler);
  const Result<std::uint16_t> port = sandbox_server->listen("127.0.0.1", 0);
  if (!port) return tl::unexpected(port.error());
  config.partner_url = "http://127.0.0.1:" + std::to_string(*port);
  return true;
}

Result<bool> Server::Impl::open_partner() {
  if (config.partner_url.empty() && config.dev) {
    if (const Result<bool> opened = open_sandbox(); !opened) return opened;
  }
  if (config.partner_url.empty()) {
    log(LogLevel::warning, "no_partner", {{"what", "accruals wait until --partner-url is given"}});
    return true;
  }
  const FulfilReward::Settings settings = config.dev ? FulfilReward::dev() : FulfilReward::live();
  partner::ClientSettings client{.url = config.partner_url, .secret = {}, .allow_unsigned = config.dev};
  client.timeout_ms = settings.call_timeout_ms;
  if (!config.partner_secret.empty()) {
    const Result<partner::WebhookSecret> secret = partner::WebhookSecret::parse(config.partner_secret);
    if (!secret) return trouble_with(config, "WINDFALL_PARTNER_SECRET", secret.error());
    client.secret = *secret;
  }
  Result<std::unique_ptr<partner::PartnerClient>> opened = partner::PartnerClient::open(std::move(client), real_clock);
  if (!opened) return trouble_with(config, "partner.url", opened.error());
  gateway = std::make_unique<partner::CurlPointsGateway>(std::move(*opened), poster());

  fulfil = std::make_unique<FulfilReward>(
      FulfilReward::Ports{
          .effects = kept->effects(),
          .blocking = kept->ledger_writer(),
          .gateway = *gateway,
          .notifier = *gateway,
          .clock = retry_clock,
          .meter = meter,
          .settle = [this](std::vector<EffectSettled> settled) { return kept->settle(std::move(settled)); },
          .after = [this](std::int64_t ms, std::function<void()> call) { timer.after(ms, std::move(call)); },
          .random = [dice = std::make_shared<std::mt19937_64>(std::random_device{}())] { return (*dice)(); },
          .log =
              [](const FulfilReward::LogLine& line) {
                const LogLevel level = line.level == FulfilReward::LogLine::Level::note      ? LogLevel::info
                                       : line.level == FulfilReward::LogLine::Level::warning ? LogLevel::warning
                                                                                             : LogLevel::error;
                log(level, line.event, {{"effect", line.effect}, {"detail", line.detail}});
              }},
      settings);
  return true;
}

}  // namespace windfall::app

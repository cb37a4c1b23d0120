#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "adapters/http/sandbox/sandbox_handler.hpp"
#include "adapters/partner/webhook_signature.hpp"
#include "adapters/system/clock.hpp"
#include "app/commands.hpp"
#include "app/listen_address.hpp"
#include "app/secrets.hpp"

namespace windfall::app {

namespace {

/// Open requests of a partner are short; what is held back is released at once.
constexpr std::chrono::milliseconds kDrain{2000};

struct SandboxFlags {
  std::string listen = "127.0.0.1:8090";
  std::string book;
  double fail = 0;
  double timeout = 0;
  double duplicate = 0;
  std::string latency = "0ms";
  std::uint64_t seed = 0;
};

/// "20ms", "1s" or a plain number of milliseconds.
std::int64_t milliseconds_of(const std::string& text) {
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  const std::string unit = end;
  if (end == text.c_str() || value < 0) return -1;
  if (unit.empty() || unit == "ms") return value;
  return unit == "s" ? value * 1000 : -1;
}

int run_sandbox(const SandboxFlags& flags) {
  http::SandboxSettings settings;
  settings.seed = flags.seed;
  settings.faults = {.fail = flags.fail,
                     .timeout = flags.timeout,
                     .duplicate = flags.duplicate,
                     .latency_ms = milliseconds_of(flags.latency)};
  const Result<ListenAddress> address = parse_listen_address(flags.listen);
  if (!address || !settings.faults.valid()) {
    std::fprintf(stderr, "windfall: %s\n",
                 address
                     ? "--fail, --timeout and --duplicate are shares (0..1, together at most 1), --latency is up to 60s"
                     : ("--listen: " + address.error().message).c_str());
    return kExitUsage;
  }
  static const system::RealClock kClock;
  const Result<std::optional<FoundSecret>> secret = find_secret("WINDFALL_PARTNER_SECRET");
  if (!secret) {
    std::fprintf(stderr, "windfall: %s\n", secret.error().message.c_str());
    return kExitUsage;
  }
  if (*secret) {
    const Result<partner::WebhookSecret> parsed = partner::WebhookSecret::parse((*secret)->value);
    if (!parsed) {
      std::fprintf(stderr, "windfall: %s: %s\n", (*secret)->origin.c_str(), parsed.error().message.c_str());
      return kExitUsage;
    }
    settings.signature_holds = [key = *parsed](const http::PartnerRequest& request) {
      return key.accepts({.id = request.webhook_id,
                          .timestamp = request.webhook_timestamp,
                          .signature = request.webhook_signature,
                          .body = request.body},
                         kClock.now().ms / 1000);
    };
  }
  Result<http::SandboxBook> book = http::SandboxBook::open(flags.book);
  if (!book) {
    std::fprintf(stderr, "windfall: %s\n", book.error().message.c_str());
    return kExitFailed;
  }
  http::EventLoop loop;
  http::SandboxPartner sandbox(std::move(*book), std::move(settings));
  http::SandboxHandler handler(loop, sandbox);
  http::Server server(loop, handler);
  const Result<std::uint16_t> port = server.listen(address->host, address->port);
  if (!port) {
    std::fprintf(stderr, "windfall: %s\n", port.error().message.c_str());
    return kExitFailed;
  }
  loop.on_signal([&](int) {
    handler.release();
    server.drain(kDrain, [&loop] { loop.stop(); });
  });
  std::printf("listening on http://%s:%u\n", address->shown_host().c_str(), unsigned{*port});
  std::fflush(stdout);
  loop.run();
  return kExitOk;
}

}  // namespace

void add_sandbox(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("sandbox", "Run a partner that books points, with faults on demand");
  auto flags = std::make_shared<SandboxFlags>();
  command->add_option("--listen", flags->listen, "HOST:PORT, port 0 = any")->capture_default_str();
  command->add_option("--book", flags->book, "File that keeps the book; without it the book is in memory");
  command->add_option("--fail", flags->fail, "Share of calls answered 503");
  command->add_option("--timeout", flags->timeout, "Share of calls booked but never answered in time");
  command->add_option("--duplicate", flags->duplicate, "Share of calls booked but answered 409");
  command->add_option("--latency", flags->latency, "Before every answer: 20ms, 1s, or milliseconds without a unit");
  command->add_option("--seed", flags->seed, "Of the faults");
  command->callback([flags, &chosen] { chosen = [flags] { return run_sandbox(*flags); }; });
}

}  // namespace windfall::app

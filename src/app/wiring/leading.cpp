#include "app/wiring/leading.hpp"

#include <algorithm>
#include <utility>

#include "adapters/system/log.hpp"

namespace windfall::app {

using system::log;
using system::LogLevel;

void Leading::start(Rebuilding& rebuilding) {
  detach(keep_lease());
  detach(keep_whole(&rebuilding));
}

Task<void> Leading::finish() {
  stopped_ = true;
  if (parts_.lease.held()) co_await parts_.lease.release();
}

Task<void> Leading::keep_lease() {
  while (!stopped_) {
    if (parts_.lease.held()) {
      const Result<bool> renewed = co_await parts_.lease.renew();
      if (!renewed) parts_.trouble("lease_not_renewed", renewed.error().message);
    } else {
      term_ = 0;
      const auto taken = co_await parts_.lease.acquire();
      static_cast<void>(taken);  // tried again
    }
    if (parts_.lease.held()) detach(look_at_term());
    co_await sleep_for(parts_.timer, kLeaseMs / 3);
  }
}

/// Beside the lease, which must not wait for the database that keeps terms.
Task<void> Leading::look_at_term() {
  if (looking_at_term_) co_return;
  looking_at_term_ = true;
  const Result<Term> term = co_await (term_ == 0 ? begin_term() : in_term());
  looking_at_term_ = false;
  const std::string why = term ? std::string() : term.error().message;
  if (why != told_) {
    told_ = why;
    if (!why.empty()) parts_.trouble("no_term", why);
  }
}

Task<Result<Term>> Leading::begin_term() {
  Result<Term> begun = co_await parts_.writes.run([this] { return parts_.book.begin_term(); });
  if (!begun) co_return begun;
  // The lease may have run out meanwhile, and another leader may have begun before.
  if (!leads()) co_return fail(FailureCode::unavailable, "the lease ran out while a term was begun");
  term_ = begun->value;
  log(LogLevel::info, "leads", {{"token", static_cast<std::int64_t>(begun->value)}});
  co_return begun;
}

Task<Result<Term>> Leading::in_term() {
  if (term_ == 0) co_return fail(FailureCode::unavailable, "no term has begun; is the database away?");
  const Term term{term_};
  const Result<bool> still = co_await parts_.writes.run([this, term] { return parts_.book.still(term); });
  if (still) co_return term;
  if (still.error().code == FailureCode::conflict) co_await step_down(still.error().message);
  co_return tl::unexpected(still.error());
}

Task<void> Leading::step_down(std::string why) {
  if (term_ == 0) co_return;
  log(LogLevel::warning, "leads_no_more", {{"why", why}});
  term_ = 0;
  co_await parts_.lease.release();
}

Task<void> Leading::keep_whole(Rebuilding* rebuilding) {
  std::vector<PartitionNo> told;
  std::string told_why;
  std::int64_t pause_ms = kLookMs;
  while (!stopped_) {
    co_await sleep_for(parts_.timer, kLookMs);
    std::vector<PartitionNo> missing;
    if (leads() && term_ != 0) missing = parts_.mirror.missing();
    // Once, and not at every look: while its server is away nothing is done about a partition that stays missing.
    if (!missing.empty() && missing != told) {
      log(LogLevel::warning, "rebuilding", {{"partitions", static_cast<std::int64_t>(missing.size())}});
    }
    if (missing != told) pause_ms = kLookMs;
    told = missing;
    if (missing.empty()) continue;
    const Result<bool> whole = co_await rebuilding->run(std::move(missing));
    if (whole && *whole) told.clear();
    if (whole) {
      told_why.clear();
      pause_ms = kLookMs;
      continue;
    }
    // While a database is away this fails again and again for the same reason.
    if (told_why != whole.error().message) parts_.trouble("not_rebuilt", whole.error().message);
    told_why = whole.error().message;
    // Whoever is of an earlier term learns it here.
    if (whole.error().code == FailureCode::conflict) {
      const Result<Term> still = co_await in_term();
      static_cast<void>(still);
    }
    co_await sleep_for(parts_.timer, pause_ms);
    pause_ms = std::min(2 * pause_ms, kLongestPauseMs);
  }
}

}  // namespace windfall::app

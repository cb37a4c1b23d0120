#include "app/demo/play.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "adapters/codec/json_out.hpp"
#include "app/demo/columns.hpp"
#include "app/demo/crowd.hpp"
#include "app/demo/screen.hpp"
#include "app/demo/signals.hpp"
#include "app/demo/stage.hpp"
#include "app/load/audit.hpp"
#include "app/load/http_call.hpp"

namespace windfall::demo {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{250};
constexpr std::chrono::milliseconds kIdle{1000};
constexpr std::chrono::milliseconds kStockAge{1500};
/// Figures that take longer would hold the script up: the next look will have them.
constexpr std::chrono::milliseconds kFreshness{500};
/// Between two looks, for a rate; less is chance.
constexpr double kShortest = 0.05;
/// Of the crowd's time: where the partner stops, and for how much of it at most.
constexpr double kPartnerStops = 0.3;
constexpr double kPartnerAway = 0.3;
/// An accrual is given up after 20 tries; the partner is back long before.
constexpr double kLongestAwaySeconds = 5;
/// On a cluster: where a Redis master is killed, and for how long. Its replica has taken over by then, and refuses
/// until there is a replica again.
constexpr double kNodeDies = 0.5;
constexpr double kNodeAwaySeconds = 4;
/// Its shard is well again once nobody was answered 503 for this long.
constexpr double kWellAfterSeconds = 1.5;
/// Without a single new accrual after the crowd; a lost answer alone takes some seconds to clear up.
constexpr double kSettleSeconds = 120;
constexpr std::size_t kConnections = 64;
/// Whoever asks the shard of a dead master waits some seconds for a 503, and must not keep the others waiting.
constexpr std::size_t kConnectionsToCluster = 512;
constexpr std::uint64_t kSeed = 2025;
constexpr const char* kUserPrefix = "demo-";

/// One promotion in all books.
struct Row {
  std::int64_t accepted = 0;
  std::int64_t used = 0;
  std::int64_t ledger = 0;
  std::int64_t booked = 0;
  load::Stats stats;
};

struct Verdict {
  std::vector<Row> rows;
  std::int64_t double_accruals = 0;
  std::int64_t oversold = 0;
  std::vector<load::Difference> differences;
  [[nodiscard]] bool good() const { return differences.empty() && double_accruals == 0 && oversold == 0; }
};

class Play {
 public:
  Play(const Script& script, Signals& signals)
      : script_(script),
        words_(words_of(script.language)),
        signals_(signals),
        screen_(script.json ? stderr : stdout, words_) {}

  /// Failure: the play could not be brought to its end. False: it was interrupted, or a book differs.
  Result<bool> run();

 private:
  Result<void> open();
  Result<void> let_the_crowd_in();
  Result<void> follow_the_script();
  Result<void> let_a_node_die();
  void look_at_the_node();
  Result<void> settle();
  Result<Verdict> audit();
  void announce_away(const Verdict& verdict);
  void look();
  Result<load::Stats> look_at(const load::Books& books, std::size_t promotion);
  void announce(const Verdict& verdict);
  void print_json(const Verdict& verdict, const DiceVerdict& dice) const;
  void stay();
  template <class... Args>
  void say(const char* words, const Args&... args) {
    screen_.say(fmt::format(fmt::runtime(words), args...));
  }
  [[nodiscard]] bool dice_can_roll() const { return stage_->cluster() == nullptr || stage_->cluster()->dev(); }
  [[nodiscard]] double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  const Script& script_;
  const Words& words_;
  Signals& signals_;
  Screen screen_;
  std::vector<Bill> bills_;
  load::Cast cast_;
  std::unique_ptr<Stage> stage_;
  std::unique_ptr<Crowd> crowd_;
  Picture picture_;
  Clock::time_point start_;
  double killed_at_ = 0;                   ///< 0: not yet
  double last_away_ = 0;                   ///< when somebody was answered 503
  bool served_ = true;                     ///< since the kill, by the shard whose master was killed
  std::vector<Clock::time_point> looked_;  ///< when the figures of each promotion were read
};

Result<bool> Play::run() {
  for (const auto act : {&Play::open, &Play::let_the_crowd_in, &Play::follow_the_script, &Play::settle}) {
    if (const Result<void> done = (this->*act)(); !done) return tl::unexpected(done.error());
    if (signals_.came()) {
      say(words_.interrupted);
      return false;
    }
  }
  const Result<Verdict> verdict = audit();
  if (!verdict) return tl::unexpected(verdict.error());
  announce(*verdict);
  DiceVerdict dice;
  if (script_.dice.seconds > 0 && dice_can_roll()) {
    screen_.say("");
    const Result<DiceVerdict> played = play_dice(script_.dice, *stage_, screen_, signals_, words_);
    if (!played) return tl::unexpected(played.error());
    dice = *played;
    if (signals_.came()) {
      say(words_.interrupted);
      return false;
    }
  }
  if (script_.json) print_json(*verdict, dice);
  if (stage_->cluster() != nullptr) {
    say(words_.cluster_stays);
  } else if (!script_.leave) {
    stay();
  }
  return verdict->good() && dice.good();
}

Result<void> Play::open() {
  const bool alone = script_.cluster.empty();
  if (alone) say(words_.starting);
  Result<std::unique_ptr<Stage>> stage =
      alone ? Stage::set_up({.program = script_.program, .port = script_.port}) : Stage::enter(script_.cluster);
  if (!stage) return tl::unexpected(stage.error());
  stage_ = std::move(*stage);
  if (!alone) say(words_.entering, script_.cluster, stage_->cluster()->api_urls().size());
  // Now, and not when all else has been played: whoever wants them starts another cluster.
  if (script_.dice.seconds > 0 && !dice_can_roll()) say(words_.no_dice);
  if (const Result<void> set = stage_->set_partner(Stage::Partner::working); !set) return set;
  bills_ = make_bills(script_.users, today_in_korea(), stage_->prefix());
  cast_.user_prefix = kUserPrefix;
  // The leads first: a promotion that names one not known yet is told so.
  std::vector<const Bill*> order;
  for (const Bill& bill : bills_) order.insert(order.begin(), &bill);
  for (const Bill* bill : order) {
    if (const Result<void> made = stage_->register_promotion(*bill); !made) return made;
    say(words_.registered, bill->title, grouped(bill->stock));
  }
  for (const Bill& bill : bills_) {
    cast_.promotions.push_back(bill.id);
    picture_.promotions.push_back({.title = bill.title, .stock = bill.stock, .stats = {}});
    picture_.promotions.back().stats.left = bill.stock;
  }
  return {};
}

Result<void> Play::let_the_crowd_in() {
  std::vector<load::Visit> visits = plan_visits(script_.users, kSeed);
  say(words_.crowd_comes, grouped(script_.users), grouped(static_cast<std::int64_t>(visits.size())), script_.seconds);
  load::Plan plan = stage_->entrance();
  for (const Bill& bill : bills_) plan.paths.push_back("/v1/promotions/" + bill.id + "/participations");
  plan.user_prefix = kUserPrefix;
  plan.connections = stage_->cluster() == nullptr ? kConnections : kConnectionsToCluster;
  picture_.planned = script_.seconds;
  start_ = Clock::now();
  looked_.assign(bills_.size(), start_);
  crowd_ = std::make_unique<Crowd>(std::move(plan), std::move(visits), script_.seconds,
                                   stage_->cluster() == nullptr ? WhenAway::gives_up : WhenAway::comes_again);
  return {};
}

Result<void> Play::follow_the_script() {
  const double down_at = script_.seconds * kPartnerStops;
  const double up_at = down_at + std::min(script_.seconds * kPartnerAway, kLongestAwaySeconds);
  bool was_down = false;
  while ((!crowd_->done() || !picture_.partner_up || !picture_.node_up) && !signals_.wait(kLook)) {
    if (!stage_->running()) return fail(FailureCode::unavailable, "the server or the partner ended");
    if (!was_down && elapsed() >= down_at) {
      if (const Result<void> set = stage_->set_partner(Stage::Partner::down); !set) return set;
      was_down = true;
      picture_.partner_up = false;
      say(words_.partner_down);
    } else if (!picture_.partner_up && elapsed() >= up_at) {
      if (const Result<void> set = stage_->set_partner(Stage::Partner::working); !set) return set;
      picture_.partner_up = true;
      say(words_.partner_back);
    }
    if (stage_->cluster() != nullptr && killed_at_ == 0 && elapsed() >= script_.seconds * kNodeDies) {
      if (const Result<void> died = let_a_node_die(); !died) return died;
    }
    look();
  }
  if (signals_.came()) crowd_->stop();
  crowd_->join();
  return {};
}

/// The master that decides about the promotion that everybody wants.
Result<void> Play::let_a_node_die() {
  const Result<std::string> node = stage_->cluster()->master_of(bills_[kMain].id);
  if (!node) return tl::unexpected(node.error());
  killed_at_ = elapsed();
  last_away_ = killed_at_;
  if (const Result<void> killed = stage_->cluster()->kill(*node, kNodeAwaySeconds); !killed) return killed;
  picture_.node = *node;
  picture_.node_up = false;
  served_ = false;
  say(words_.node_dies, *node, kNodeAwaySeconds);
  return {};
}

void Play::look_at_the_node() {
  std::int64_t away = 0;
  for (std::size_t i = 0; i < bills_.size(); ++i) away += crowd_->away(i);
  if (away > picture_.away) last_away_ = elapsed();
  picture_.away = away;
  if (killed_at_ == 0) return;
  if (!picture_.node_up && stage_->cluster()->running(picture_.node).value_or(false)) {
    picture_.node_up = true;
    say(words_.node_back, picture_.node, elapsed() - killed_at_);
  }
  if (!served_ && picture_.node_up && elapsed() - last_away_ > kWellAfterSeconds) {
    served_ = true;
    say(words_.served_again, last_away_ - killed_at_, grouped(away));
  }
}

Result<load::Stats> Play::look_at(const load::Books& books, std::size_t promotion) {
  const Bill& bill = bills_[promotion];
  Result<load::Stats> all = load::read_stats(books, bill.id);
  if (all || stage_->cluster() == nullptr) return all;
  // The ledger's part waits for every shard; what participants see of a shard that is well goes on.
  const auto seen = load::call_for_json(
      books.server, {.path = "/v1/promotions/" + bill.id, .admin_key = {}, .body = {}, .patience = books.patience});
  if (!seen) return tl::unexpected(seen.error());
  load::Stats stats = picture_.promotions[promotion].stats;
  stats.left = load::integer_at(*seen, {"leftJoinCount"});
  stats.joins = bill.stock - stats.left;
  return stats;
}

/// Reads all figures anew; what cannot be read now keeps its last value.
void Play::look() {
  load::Books books = stage_->books();
  books.patience = kFreshness;
  std::int64_t pending = 0;
  for (std::size_t i = 0; i < bills_.size(); ++i) {
    PromotionPicture& one = picture_.promotions[i];
    if (const Result<load::Stats> stats = look_at(books, i)) {
      const auto since = std::chrono::duration<double>(Clock::now() - std::exchange(looked_[i], Clock::now())).count();
      one.joins_per_second =
          static_cast<std::int64_t>(static_cast<double>(stats->joins - one.stats.joins) / std::max(since, kShortest));
      one.stats = *stats;
    }
    pending += one.stats.pending;
  }
  if (stage_->cluster() != nullptr) look_at_the_node();
  picture_.elapsed = elapsed();
  picture_.largest_backlog = std::max(picture_.largest_backlog, pending);
  screen_.show(picture_);
}

Result<void> Play::settle() {
  const Result<bool> settled = load::wait_for_accruals(stage_->books(), cast_.promotions, kSettleSeconds, [&] {
    look();
    return !signals_.wait(kLook) && stage_->running();
  });
  if (!settled) return tl::unexpected(settled.error());
  // There, what is said of the stock may be that old.
  if (stage_->cluster() != nullptr) signals_.wait(kStockAge);
  look();
  return {};
}

Result<Verdict> Play::audit() {
  const auto reconciliation = stage_->reconciliation();
  if (!reconciliation) return tl::unexpected(reconciliation.error());
  const auto book = stage_->partner_book();
  if (!book) return tl::unexpected(book.error());

  Verdict verdict;
  for (std::size_t i = 0; i < bills_.size(); ++i) {
    const Result<load::Stats> stats = load::read_stats(stage_->books(), bills_[i].id);
    if (!stats) return tl::unexpected(stats.error());
    load::CountOf count{.promotion = i, .before = {}, .after = *stats};
    count.before.left = bills_[i].stock;
    compare_counts(cast_, crowd_->answers(), count, verdict.differences);
    if (stats->pending + stats->failed > 0) {
      verdict.differences.push_back(
          {.kind = "ACCRUALS",
           .promotion = bills_[i].id,
           .detail = fmt::format("{} are still pending, {} were given up", stats->pending, stats->failed)});
    }
    Row row{.used = bills_[i].stock - stats->left, .stats = *stats};
    row.accepted =
        std::ranges::count(crowd_->answers().accepted(), i, [](const load::Accepted& one) { return one.visit.path; });
    for (const codec::JsonValue& line : load::list_at(*reconciliation, {"promotions"})) {
      if (load::text_at(line, {"promotionId"}) == bills_[i].id)
        row.ledger = load::integer_at(line, {"joins", "ledger"});
    }
    verdict.oversold += std::max<std::int64_t>(stats->joins - bills_[i].stock, 0);
    verdict.rows.push_back(row);
  }
  compare_ledger(*reconciliation, cast_, verdict.differences);
  compare_book(*book, cast_, crowd_->answers(), verdict.differences);
  for (const codec::JsonValue& entry : load::list_at(*book, {"entries"})) {
    const auto bill = std::ranges::find(bills_, load::text_at(entry, {"promotionId"}), &Bill::id);
    if (bill != bills_.end()) ++verdict.rows[static_cast<std::size_t>(bill - bills_.begin())].booked;
    verdict.double_accruals += load::integer_at(entry, {"times"}) - 1;
  }
  verdict.double_accruals += std::ranges::count(verdict.differences, "BOOK_EXTRA", &load::Difference::kind);
  return verdict;
}

void Play::announce(const Verdict& verdict) {
  screen_.keep();
  say("");
  say(words_.audit);
  for (std::size_t i = 0; i < bills_.size(); ++i) {
    const Row& row = verdict.rows[i];
    say(words_.audit_line, bills_[i].title, grouped(row.accepted), grouped(row.used), grouped(row.ledger),
        grouped(row.booked));
  }
  if (stage_->cluster() != nullptr) announce_away(verdict);
  if (verdict.good()) {
    say(words_.verdict_good, verdict.double_accruals, verdict.oversold);
    return;
  }
  say(words_.verdict_bad, verdict.double_accruals, verdict.oversold, verdict.differences.size());
  for (std::size_t i = 0; i < std::min(verdict.differences.size(), load::kListed); ++i) {
    const load::Difference& one = verdict.differences[i];
    say(words_.difference, one.promotion, one.kind, one.detail);
  }
}

void Play::announce_away(const Verdict& verdict) {
  std::int64_t carried_out = 0;
  for (const Row& row : verdict.rows) carried_out += row.used - row.accepted;
  say(words_.audit_away, grouped(picture_.away), grouped(carried_out),
      grouped(static_cast<std::int64_t>(crowd_->answers().unknown().size())));
  for (std::size_t i = 0; i < bills_.size(); ++i) {
    say(words_.audit_away_line, bills_[i].title, grouped(crowd_->away(i)));
  }
}

void Play::print_json(const Verdict& verdict, const DiceVerdict& dice) const {
  std::string out;
  codec::ObjectWriter body(out);
  body.text("url", stage_->url())
      .integer("users", script_.users)
      .integer("sent", static_cast<std::int64_t>(crowd_->report().sent))
      .integer("unknown", static_cast<std::int64_t>(crowd_->answers().unknown().size()))
      .integer("largestBacklog", picture_.largest_backlog);
  std::string& list = body.name("promotions");
  std::size_t i = 0;
  codec::append_json_array(list, verdict.rows, [&](const Row& row) {
    const Bill& bill = bills_[i++];
    codec::ObjectWriter line(out);
    line.text("promotionId", bill.id)
        .integer("stock", bill.stock)
        .integer("accepted", row.accepted)
        .integer("stockUsed", row.used)
        .integer("ledger", row.ledger)
        .integer("booked", row.booked)
        .integer("answered503", crowd_->away(i - 1));
    codec::ObjectWriter(line.name("refusals"))
        .integer("CONDITION_NOT_MET", row.stats.condition_not_met)
        .integer("ALREADY_PARTICIPATED", row.stats.already_participated)
        .integer("SOLD_OUT", row.stats.sold_out)
        .close();
    codec::ObjectWriter(line.name("accruals"))
        .integer("pending", row.stats.pending)
        .integer("done", row.stats.done)
        .integer("failed", row.stats.failed)
        .close();
    line.close();
  });
  codec::ObjectWriter(body.name("dice"))
      .integer("planned", dice.planned)
      .integer("winners", dice.wins + dice.second_chance)
      .integer("secondChance", dice.second_chance)
      .integer("shortfall", dice.shortfall)
      .integer("draws", dice.draws)
      .integer("problems", static_cast<std::int64_t>(dice.problems))
      .close();
  codec::ObjectWriter audit(body.name("audit"));
  audit.integer("doubleAccruals", verdict.double_accruals)
      .integer("oversold", verdict.oversold)
      .integer("differenceCount", static_cast<std::int64_t>(verdict.differences.size()));
  append_differences(audit.name("differences"), verdict.differences);
  audit.close();
  body.close();
  out += '\n';
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

void Play::stay() {
  const std::string& url = stage_->url();
  const std::string& key = stage_->books().admin_key;
  constexpr std::size_t kNames = 16;
  const auto point = [&](const char* name, const std::string& where) { screen_.say("  " + fit(name, kNames) + where); };
  say("");
  say(words_.staying);
  point(words_.docs, url + "/docs");
  point(words_.promotions, url + "/v1/promotions");
  point(words_.metrics, url + "/metrics");
  point(words_.book, stage_->partner_url() + "/book");
  point(words_.admin_key, key);
  say("");
  say(words_.try_this);
  screen_.say("  curl -s -X POST -H 'X-User-Id: me' " + url + "/v1/promotions/2/participations");
  screen_.say("  curl -s -H 'X-User-Id: me' " + url + "/v1/me/promotions/1");
  screen_.say("  curl -s -H 'Authorization: Bearer " + key + "' " + url + "/v1/admin/promotions/1/stats");
  while (!signals_.wait(kIdle)) {
    if (!stage_->running()) return;
  }
  say(words_.ended);
}

}  // namespace

bool play(const Script& script) {
  Signals signals;
  Play play(script, signals);
  const Result<bool> good = play.run();
  if (!good) {
    const std::string line = "windfall: " + good.error().message + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  return good.value_or(false);
}

}  // namespace windfall::demo

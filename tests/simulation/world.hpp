// A run: participants, operators and accidents around one application after another, all from one seed. step() is one
// thing that somebody does, and some virtual time; finish() lets every fault heal and asks whether everything came
// right.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "simulation/history.hpp"
#include "simulation/process.hpp"

namespace windfall::simulation {

struct Settings {
  std::uint64_t seed = 1;
  int steps = 300;
  Mutant mutant = Mutant::none;
  /// Crash once, after that many things have happened, and let nothing else go wrong: for a crash between every two
  /// steps of a short history.
  std::uint64_t crash_at = 0;
  bool only_lotteries = false;
};

/// What happened, for the reader of a log; a run in which nothing happened proves nothing.
struct Tally {
  int accepted = 0;
  int refused = 0;
  int replayed = 0;
  int reused = 0;
  int failed = 0;
  int created = 0;
  int changed = 0;
  int views = 0;
  int ledger_reads = 0;
  int crashes = 0;
  int rebuilds = 0;
  int clock_jumps = 0;
  int redriven = 0;
  int partner_calls = 0;
  int visits = 0;
  int opens = 0;
  int draws = 0;
  int wins = 0;
  int play_refusals = 0;
  int play_repeats = 0;
  int imports = 0;
  int codes_read = 0;
  int voided = 0;
  int reissued = 0;
  int used = 0;
  int adjusted = 0;
  int taken_in = 0;
  int closed = 0;
  int second_wins = 0;
  int shortfalls = 0;
  int notices = 0;

  Tally& operator+=(const Tally& other);
};

class World {
 public:
  explicit World(const Settings& settings);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  /// One step; false once something is wrong.
  bool step();
  /// Faults heal, everything empties; false if it does not.
  bool finish();

  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  // People (world_people.cpp).
  void act();
  void join_or_repeat();
  void send(std::size_t op);
  void send_later(std::size_t op, std::int64_t delay_ms);
  static Task<void> join(World* world, Process* process, std::size_t op);
  void joined(std::size_t op, std::uint64_t fingerprint, const Sight& sight, const Result<JoinOutcome>& outcome);
  void view();
  static Task<void> look(World* world, Process* process, std::string promotion);
  void read_ledger();
  static Task<void> read_history(World* world, Process* process, std::size_t person);
  void create();
  static Task<void> create_as(World* world, Process* process, std::size_t op, Promotion promotion);
  void change();
  static Task<void> change_as(World* world, Process* process, std::size_t op, std::string promotion);
  void pause_all();
  static Task<void> pause_as(World* world, Process* process, std::size_t op, bool paused);
  void block();
  static Task<void> block_as(World* world, Process* process, std::size_t op, std::size_t person, bool blocked);
  static Task<void> redrive(World* world, Process* process, std::size_t op);
  std::size_t begin(std::string action, bool with_command);
  void settle(std::size_t op, const Failure& failure);
  [[nodiscard]] Audit audit(std::size_t op) const;
  [[nodiscard]] Command command();
  [[nodiscard]] Promotion random_promotion();
  [[nodiscard]] std::vector<JoinType> random_rules();

  // People in lotteries (lottery/people.cpp).
  void act_in_lottery();
  void create_lottery();
  [[nodiscard]] Promotion random_lottery();
  void play_or_repeat();
  void send_play(std::size_t op);
  void send_play_later(std::size_t op, std::int64_t delay_ms);
  static Task<void> play(World* world, Process* process, std::size_t op);
  struct Heard {
    LotteryAnswer::Kind kind = LotteryAnswer::Kind::refused;
    std::string text;  ///< empty: nothing to judge
  };
  void heard(std::size_t op, const std::optional<Command>& command, const Sight& sight, const Result<Heard>& outcome);
  void send_event();
  static Task<void> take_in(World* world, Process* process, InboundEvent event);
  void import_codes();
  static Task<void> import_as(World* world, Process* process, std::size_t op, std::string promotion,
                              std::vector<std::string> codes);
  void touch_a_win();
  static Task<void> void_as(World* world, Process* process, std::size_t op, EffectId draw);
  static Task<void> reissue_as(World* world, Process* process, std::size_t op, EffectId coupon);
  static Task<void> use(World* world, Process* process, EffectId coupon, UserRef owner);
  void adjust();
  static Task<void> adjust_as(World* world, Process* process, std::size_t op, std::string promotion, std::size_t person,
                              std::int64_t tickets);
  void read_coupons();
  static Task<void> show_coupons(World* world, Process* process, UserRef owner);

  // What lotteries have come to (lottery/checks.cpp).
  void end_lotteries();
  void check_lottery_ledger();
  void check_vault();
  void check_tickets();

  // Accidents and checks (world.cpp).
  void accident();
  void jump_somewhere();
  void jump(std::int64_t by_ms);
  void run_for(std::int64_t ms);
  void start();
  void crash();
  void retry_unanswered();
  void check_cheaply();
  void check_log();
  void check_ledger();
  void check_documents();
  void fail_with(std::string wrong);
  [[nodiscard]] bool quiet() const;
  bool wait_until_quiet();

  /// Accidents per thousand steps. Each run has its own mixture, so that faults meet in ways that an average would not
  /// show.
  struct Rates {
    std::uint64_t disk_full = 0;
    std::uint64_t disk_slow = 0;
    std::uint64_t sync_fails = 0;
    std::uint64_t partner_down = 0;
    std::uint64_t ledger_down = 0;
    std::uint64_t clock_jumps = 0;
    std::uint64_t crashes = 0;
  };
  [[nodiscard]] static Rates rates(Dice& dice);

  Settings settings_;
  Dice dice_;
  Rates rates_;
  std::string folder_;
  std::string codes_folder_;  ///< what it holds nobody else has: it is never deleted
  Agenda agenda_;
  VirtualClock clock_;
  VirtualClock real_clock_;
  Disk disk_;
  LedgerWeather weather_;
  std::unique_ptr<Partner> partner_;
  History history_;
  std::unique_ptr<Process> process_;
  bool dying_ = false;
  int to_be_sent_ = 0;  ///< joins that will be tried again
  bool healed_ = false;
  std::uint64_t crash_in_ = 0;  ///< a crash between two events, that many from now
  std::uint64_t next_command_ = 1;
  std::vector<std::string> promotions_;
  std::vector<Promotion> planned_;
  std::vector<Promotion> lotteries_;
  std::vector<std::string> codes_;  ///< of files that operators have sent, or tried to
  std::string wrong_;
  Tally tally_;
};

}  // namespace windfall::simulation

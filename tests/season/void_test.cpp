// A win of points is taken back over the real ledger, and something else happens in between.
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "adapters/vault/high_water_file.hpp"
#include "adapters/vault/key_seals.hpp"
#include "application/on_request/coupons.hpp"
#include "domain/deck/lotteries.hpp"
#include "season/life.hpp"

namespace windfall::test {
namespace {

/// Whoever comes first wins points.
Promotion first_wins() {
  Promotion p;
  p.id = "1";
  p.title = "추첨";
  p.start = kFirst;
  p.end = LocalDay{kFirst.days + 1};
  p.timezone = "Asia/Seoul";
  Lottery lottery;
  lottery.grants = {VisitGrant{}};
  lottery.segment_minutes = kMinutesPerDay;
  lottery.win_rate = {.min = 1000, .max = 1000};
  lottery.prizes = {points("grand", 4)};
  lottery.notifications = {.win = false, .ticket_granted = false};
  p.lottery = std::move(lottery);
  p.secrets = {.sealed_seed = "1", .plan_end = p.end, .published = kNoon};
  return p;
}

/// Work is done at once, and once something else before its answer comes.
class Interrupted final : public Blocking {
 public:
  void submit(std::function<void()> work, std::function<void()> done) override {
    work();
    if (next) std::exchange(next, {})();
    done();
  }
  std::function<void()> next;
};

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "windfall-void-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// The first byte tells effects from events, and effects from each other.
EffectId id_of(std::uint8_t kind, Sequence sequence) {
  EffectId id{kind};
  for (std::size_t i = 0; i < 8; ++i) id.at(15 - i) = static_cast<std::uint8_t>(sequence.value >> (8 * i));
  return id;
}
constexpr std::uint8_t kEvent = 0xee;

class VoidingPoints : public testing::Test {
 protected:
  void SetUp() override {
    ledger_ = std::move(*sqlite::SqliteLedger::open(
        {.path = folder_.file("ledger.db"),
         .lineage = {7},
         .event_ids =
             [](std::string_view, Epoch, Sequence sequence, std::uint32_t effect) {
               return sqlite::EventIds{.event = id_of(kEvent, sequence),
                                       .effect = id_of(static_cast<std::uint8_t>(effect), sequence)};
             },
         .open_seed = [this](std::string_view id, std::string_view sealed) { return seeds_.open(id, sealed); }}));
    seals_ = std::move(*vault::KeySeals::make({{.id = {1}}}));
    codes_ = std::move(*sqlite::SqliteCodeVault::open(folder_.file("codes.db"), *seals_));
    marks_ = std::move(*vault::HighWaterFile::open(folder_.file("marks"), folder_.file("data")));
    supply_ = std::make_unique<CodeSupply>(life_.store(), *marks_, reads_);
    coupons_ =
        std::make_unique<Coupons>(Coupons::Ports{.store = life_.store(),
                                                 .ledger = *ledger_,
                                                 .reads = reads_,
                                                 .effects = *ledger_,
                                                 .ledger_writer = writer_,
                                                 .vault = *codes_,
                                                 .supply = *supply_,
                                                 .caught_up = [](PartitionNo) -> Task<bool> { co_return true; }});
    life_.create(first_wins());
    ASSERT_TRUE(life_.visit_and_draw(1));
    catch_up();
    win_ = ledger_->winners({.partition = kFirstPartition, .limit = 1}).value().at(0);
  }

  /// The ledger takes in what is new in the log.
  void catch_up() {
    LogBatch batch;
    for (; applied_ < outside_.log.size(); ++applied_) {
      std::string_view rest = outside_.log[applied_];
      while (!rest.empty()) batch.events.push_back(codec::decode(rest).value());
    }
    batch.position = applied_;
    const Result<bool> done = ledger_->apply(batch);
    ASSERT_TRUE(done) << done.error().message;
  }
  Result<VoidOutcome> void_win() {
    const auto effect_of = [](const DrawRow& row) { return id_of(kAccrualIndex, row.sequence); };
    const auto render = [](const DrawRow&) { return AnswerKept{200, "", "{}"}; };
    auto outcome = life_.done(coupons_->void_win(id_of(kEvent, win_.sequence), effect_of,
                                                 {.actor = "key", .action = "voidDraw", .reason = "r"}, {}, render));
    catch_up();
    return outcome;
  }
  /// What the fulfilment would send now.
  std::vector<DueEffect> due() { return ledger_->take_due(PartnerEndpoint::accruals, kEndOfTime, 10).value(); }
  void expect_given_back(bool unknown) {
    const std::vector<DueEffect> sent = due();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].id, id_of(kAccrualIndex, win_.sequence));
    EXPECT_EQ(sent[0].unknown, unknown);
    EXPECT_EQ(sent[0].tries, 0);
    EXPECT_FALSE(ledger_->draw_of(id_of(kEvent, win_.sequence)).value()->voided);
  }
  static Proposal of(Event event) {
    Proposal p = proposal(std::move(event));
    p.revision = Revision{1};
    return p;
  }

  Outside outside_;
  Life life_{outside_};
  Folder folder_;
  simulate::NumberedSeeds seeds_{7};
  simulate::DoneAtOnce reads_;
  Interrupted writer_;
  std::unique_ptr<sqlite::SqliteLedger> ledger_;
  std::unique_ptr<vault::KeySeals> seals_;
  std::unique_ptr<sqlite::SqliteCodeVault> codes_;
  std::unique_ptr<vault::HighWaterFile> marks_;
  std::unique_ptr<CodeSupply> supply_;
  std::unique_ptr<Coupons> coupons_;
  std::size_t applied_ = 0;
  DrawRow win_;
};

TEST_F(VoidingPoints, BeforeTheyAreSentLeavesNothingToSend) {
  const auto outcome = void_win();
  ASSERT_TRUE(outcome && std::holds_alternative<Voided>(*outcome));
  EXPECT_TRUE(due().empty());
  EXPECT_EQ(ledger_->recover().value(), 0) << "nothing is on its way";
  EXPECT_EQ(ledger_->rewards(win_.user, std::nullopt)->at(0).state, "VOID");
  EXPECT_EQ(ledger_->totals(kFirstPartition).value()->accruals_pending, 0);
}

TEST_F(VoidingPoints, IsCountedByTheFoldOfTheLogAsByTheLedger) {
  ASSERT_TRUE(void_win());
  const std::vector<DailyWins> kept = ledger_->wins_by_day(kFirstPartition).value();
  const std::vector<DailyWins> folded = life_.ledger().wins_by_day(kFirstPartition).value();
  ASSERT_EQ(kept.size(), 1U);
  ASSERT_EQ(folded.size(), 1U);
  for (const DailyWins& day : {kept[0], folded[0]}) {
    EXPECT_EQ(day.day, kFirst);
    EXPECT_EQ(day.prize, 0U);
    EXPECT_EQ(day.wins, 1);
    EXPECT_EQ(day.second_chance, 0);
    EXPECT_EQ(day.voided, 1);
  }
}

TEST_F(VoidingPoints, ThatAreOnTheirWayIsRefused) {
  ASSERT_EQ(due().size(), 1U);
  const auto outcome = void_win();
  ASSERT_TRUE(outcome && std::holds_alternative<CannotVoid>(*outcome));
  EXPECT_EQ(life_.at(keys::voided_in_total(kFirstPartition)), 0);
}

TEST_F(VoidingPoints, SurvivesAnOperatorWhoChangesThePromotionMeanwhile) {
  writer_.next = [this] {
    Promotion renamed = first_wins();
    renamed.title = "새 이름";
    (void)start(life_.store().commit(
        of(DefinitionChanged{.id = "1", .definition = codec::encode_definition(renamed), .audit = {}}), Identity{}));
  };
  const auto outcome = void_win();
  ASSERT_TRUE(outcome && std::holds_alternative<Voided>(*outcome)) << "nothing was sent, so it can be taken back";
  EXPECT_TRUE(due().empty());
}

TEST_F(VoidingPoints, ThatCannotBeStoredGivesTheAccrualBackToBeAskedFirst) {
  outside_.room = outside_.log.size();
  EXPECT_FALSE(void_win());
  EXPECT_EQ(life_.at(keys::voided_in_total(kFirstPartition)), 0);
  expect_given_back(true);
}

TEST_F(VoidingPoints, WhileTheSecondChanceRunsIsRefusedAndHoldsNothingBack) {
  life_.decide(of(LotteryClosed{.second_chance = true, .shortfall = 0}));
  life_.decide(of(SecondChanceStarted{.prizes = 3, .pool = 0}));
  catch_up();
  const auto outcome = void_win();
  ASSERT_TRUE(outcome && std::holds_alternative<CannotVoid>(*outcome));
  expect_given_back(false);
}

TEST_F(VoidingPoints, IsRefusedIfTheSecondChanceBeginsWhileTheAccrualIsHeld) {
  life_.decide(of(LotteryClosed{.second_chance = true, .shortfall = 0}));
  writer_.next = [this] {
    (void)start(life_.store().commit(of(SecondChanceStarted{.prizes = 3, .pool = 0}), Identity{}));
  };
  const auto outcome = void_win();
  ASSERT_TRUE(outcome && std::holds_alternative<CannotVoid>(*outcome));
  EXPECT_EQ(life_.at(keys::voided_in_total(kFirstPartition)), 0);
  expect_given_back(false);
}

TEST_F(VoidingPoints, AfterTheSecondChanceIsTold) {
  life_.decide(of(LotteryClosed{.second_chance = true, .shortfall = 0}));
  life_.decide(of(SecondChanceStarted{.prizes = 3, .pool = 0}));
  life_.decide(of(SecondChanceEnded{.shortfall = 3}));
  catch_up();
  const auto outcome = void_win();
  ASSERT_TRUE(outcome && std::holds_alternative<Voided>(*outcome));
  const DrawRow row = ledger_->draw_of(id_of(kEvent, win_.sequence)).value().value();
  EXPECT_TRUE(row.voided && row.voided_late);
  EXPECT_TRUE(ledger_->voided_items(kFirstPartition)->empty());
}

}  // namespace
}  // namespace windfall::test

#include "app/simulate/rewards/codes.hpp"

#include <fmt/format.h>
#include <stdlib.h>  // NOLINT: mkdtemp is POSIX

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>

#include "adapters/codec/code_lines.hpp"
#include "domain/kernel/sha256.hpp"
#include "domain/lottery/coupons.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::simulate {

namespace {

/// An operator buys a campaign's codes in so many files: the first one before it begins, each of the others a 24th of
/// the campaign (of 24 days, a day) before those that are there would be used up.
constexpr std::int64_t kFiles = 6;
constexpr std::int64_t kAheadPart = 24;
/// This one comes too late, by a 48th of the campaign: for half a day of 24, codes run out.
constexpr std::int64_t kLateFile = 2;
constexpr std::int64_t kLatePart = 48;
/// Lines that each file repeats of the one before: whoever cuts a list by hand does.
constexpr std::int64_t kRepeated = 10;
/// The server looks every five seconds; what passes within ten minutes is no alarm of a campaign.
constexpr std::int64_t kLookMs = 600'000;

}  // namespace

/// As the file of marks does it, without a file.
class Codes::Marks final : public HighWater {
 public:
  [[nodiscard]] bool covers(const PrizeOfCodes& prize, std::uint64_t ordinal) override {
    const auto found = below_.find(prize);
    return found != below_.end() && ordinal < found->second;
  }
  Result<bool> raise(const PrizeOfCodes& prize, std::uint64_t ordinal) override {
    std::uint64_t& below = below_[prize];
    below = std::max(below, ordinal + 1 + kAhead);
    return true;
  }
  [[nodiscard]] std::vector<Mark> marks() override {
    std::vector<Mark> all;
    all.reserve(below_.size());
    for (const auto& [prize, below] : below_) all.push_back({.prize = prize, .below = below});
    return all;
  }

 private:
  std::map<PrizeOfCodes, std::uint64_t> below_;
};

Result<std::unique_ptr<Codes>> Codes::begin(World& world, const Campaign& campaign, LotteryFold& fold,
                                            DefinitionPtr definition) {
  std::unique_ptr<Codes> codes(new Codes(world, campaign, fold, std::move(definition)));
  if (const Result<bool> opened = codes->open_vault(); !opened) return tl::unexpected(opened.error());
  codes->plan_files(campaign);
  return codes;
}

Codes::Codes(World& world, const Campaign& campaign, LotteryFold& fold, DefinitionPtr definition)
    : world_(world),
      fold_(fold),
      definition_(std::move(definition)),
      seed_(campaign.seed),
      check_(definition_),
      next_look_(world.clock().now()) {
  const std::vector<Prize>& prizes = definition_->promotion.lottery->prizes;
  const auto gifticon = std::ranges::find(prizes, PrizeKind::gifticon, &Prize::kind);
  prize_ = static_cast<std::uint32_t>(gifticon - prizes.begin());
}

Codes::~Codes() = default;

/// The files lose their names as soon as both connections of the vault hold them.
Result<bool> Codes::open_vault() {
  vault::MasterKey key{.id = KeyId{1}};
  const auto secret = sha256(bytes_of_text("windfall simulate codes " + std::to_string(seed_)));
  std::ranges::copy(secret, key.bytes.begin());
  auto seals = vault::KeySeals::make({key});
  if (!seals) return tl::unexpected(seals.error());
  seals_ = std::move(*seals);

  namespace fs = std::filesystem;
  std::error_code error;
  std::string folder = (fs::temp_directory_path(error) / "windfall-simulate-XXXXXX").string();
  if (error) return fail(FailureCode::unavailable, "no temporary folder: " + error.message());
  if (mkdtemp(folder.data()) == nullptr) return fail(FailureCode::unavailable, folder + ": " + std::strerror(errno));
  auto opened = sqlite::SqliteCodeVault::open(folder + "/" + std::string(sqlite::kCodesFile), *seals_);
  const bool read = opened && (*opened)->counts({});
  fs::remove_all(folder, error);
  if (!opened) return tl::unexpected(opened.error());
  if (!read) return fail(FailureCode::unavailable, folder + ": cannot be read");
  vault_ = std::move(*opened);

  marks_ = std::make_unique<Marks>();
  supply_ = std::make_unique<CodeSupply>(world_.store(), *marks_, world_.blocking());
  assign_ = std::make_unique<AssignCodes>(AssignCodes::Ports{.store = world_.store(),
                                                             .ledger = fold_,
                                                             .reads = world_.blocking(),
                                                             .supply = *supply_,
                                                             .timer = world_.timers(),
                                                             .caught_up = [this](PartitionNo) { return moved(); },
                                                             .trouble =
                                                                 [this](const std::string& why) {
                                                                   if (trouble_.empty()) trouble_ = why;
                                                                   assign_->stop();
                                                                 }});
  imports_ = std::make_unique<ImportCodes>(world_.store(), *vault_, world_.blocking(), [this] { assign_->poke(); });
  return true;
}

/// The fold has seen what is acknowledged. If nobody has got a code all the same, the log was altered on its way here,
/// and the same coupons would be served for ever.
Task<bool> Codes::moved() {
  const std::int64_t served = fold_.codes(world_.clock().now()).assigned;
  const bool moved = served != served_;
  served_ = served;
  co_return moved;
}

void Codes::plan_files(const Campaign& campaign) {
  const Promotion& promotion = definition_->promotion;
  bought_ = campaign.codes.value_or(promotion.lottery->prizes[prize_].count);
  const Instant start = definition_->zone.start_of(promotion.start);
  const Instant end = definition_->zone.start_of(LocalDay{promotion.end.days + 1});
  const std::int64_t length = end.ms - start.ms;
  for (std::int64_t file = 0; file < kFiles; ++file) {
    const File codes{.first = bought_ * file / kFiles, .end = bought_ * (file + 1) / kFiles};
    if (codes.first == codes.end) continue;
    const std::int64_t used_up = start.ms + (length * file / kFiles);
    const std::int64_t arrives = used_up + (file == kLateFile ? length / kLatePart : -length / kAheadPart);
    const std::int64_t wait = file == 0 ? 0 : std::max<std::int64_t>(0, arrives - world_.clock().now().ms);
    world_.timers().after(wait, [this, codes] { detach(import(codes)); });
  }
}

/// One that no other number of this campaign has.
std::string Codes::text_of(std::int64_t number) const {
  return fmt::format("{:016X}", keys::mixed(keys::mixed(seed_) + static_cast<std::uint64_t>(number)));
}

/// As the call of the API does it.
Task<void> Codes::import(File file) {
  const auto begun = co_await imports_->begin(definition_, prize_);
  if (!begun) {
    import_trouble_ = begun.error().message;
    co_return;
  }
  std::string text;
  for (std::int64_t number = std::max<std::int64_t>(0, file.first - kRepeated); number < file.end; ++number) {
    text.append(text_of(number)).append("\n");
  }
  codec::CodeLines lines;
  codec::CodeBatch batch;
  for (std::string_view rest = text; !rest.empty() && import_trouble_.empty(); batch.clear()) {
    rest.remove_prefix(lines.feed(rest, batch));
    if (rest.empty() && !batch.full()) lines.finish(batch);
    const auto duplicates = co_await imports_->append(*begun, batch.codes());
    if (duplicates) {
      figures_.duplicates += std::ssize(*duplicates);
    } else {
      import_trouble_ = duplicates.error().message;
    }
  }
  if (!import_trouble_.empty()) {
    co_await imports_->give_up(*begun);
    co_return;
  }
  Audit audit{.actor = "system", .action = "simulate", .reason = {}};
  auto finishing = imports_->finish(*begun, std::move(audit), std::nullopt, [](std::int64_t) { return AnswerKept{}; });
  const Result<std::int64_t> imported = co_await finishing;
  if (!imported) {
    import_trouble_ = imported.error().message;
    co_return;
  }
  ++figures_.files;
  figures_.imported += *imported;
}

void Codes::apply(const Recorded& recorded, bool won) {
  fresh_ = fresh_ || won;
  check_.apply(recorded);
}

void Codes::poke() {
  if (std::exchange(fresh_, false)) assign_->poke();
  note_waiting();
}

void Codes::note_waiting() {
  if (assign_->running()) return;
  figures_.most_waiting = std::max(figures_.most_waiting, fold_.codes(world_.clock().now()).waiting);
}

void Codes::look() {
  const Instant now = world_.clock().now();
  if (now < next_look_) return;
  next_look_.ms = now.ms + kLookMs;
  detach([](Codes* codes) -> Task<void> {
    Result<std::vector<CodeLevel>> levels = co_await codes->assign_->levels();
    if (!levels) co_return;
    for (const CodeLevel& level : *levels) codes->figures_.alarms += newly_low(level, codes->levels_) ? 1 : 0;
    codes->levels_ = std::move(*levels);
  }(this));
}

void Codes::finish() {
  world_.settle();
  assign_->poke();
  world_.settle();
  note_waiting();
  next_look_ = world_.clock().now();
  look();
}

InvariantResult Codes::check() {
  const Result<std::vector<CodeVault::Counts>> counts = vault_->counts({});
  const PrizeOfCodes prize{.promotion_id = definition_->promotion.id,
                           .prize_id = definition_->promotion.lottery->prizes[prize_].id};
  std::int64_t stored = 0;
  for (const CodeVault::Counts& of : counts.value_or(std::vector<CodeVault::Counts>{})) {
    if (of.prize == prize) stored += static_cast<std::int64_t>(of.rows);
  }
  return check_.finish({.state = world_.store().state(),
                        .wins = fold_,
                        .prize = prize_,
                        .bought = bought_,
                        .stored = stored,
                        .waiting = fold_.codes(world_.clock().now()).waiting,
                        .trouble = trouble_,
                        .import_trouble = import_trouble_,
                        .code =
                            [&](std::int64_t ordinal) {
                              Result<std::string> code = vault_->read(prize, static_cast<std::uint64_t>(ordinal));
                              if (code && corrupt_) corrupt_(*code);
                              return code;
                            },
                        .code_bought = [&](std::int64_t ordinal) { return text_of(ordinal); }});
}

CodeFigures Codes::figures() const {
  const LotteryFold::CodeSums sums = fold_.codes(world_.clock().now());
  CodeFigures figures = figures_;
  figures.assigned = sums.assigned;
  figures.left = figures.imported - sums.assigned;
  figures.waiting = sums.waiting;
  figures.longest_wait_ms = sums.longest_wait_ms;
  return figures;
}

}  // namespace windfall::simulate

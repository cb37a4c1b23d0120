#include "app/proof/fsck.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/journal/verify.hpp"
#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/vault/master_keys.hpp"
#include "app/proof/code_rows_check.hpp"
#include "app/proof/codes_check.hpp"
#include "app/proof/ledger_check.hpp"
#include "app/proof/ledger_file.hpp"
#include "app/proof/log_check.hpp"
#include "app/proof/lottery_effects.hpp"
#include "app/proof/partner_book.hpp"
#include "app/proof/recover_first.hpp"
#include "app/proof/seed_keys.hpp"
#include "domain/kernel/state.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall::proof {

namespace {

/// The hot state's own replay. Events that it would take for a bug of ours (it aborts) are kept from it.
class Replay {
 public:
  void apply(const Recorded& recorded) {
    const std::size_t number = recorded.partition.value;
    const bool creates = number == state_.partitions() && std::holds_alternative<DefinitionChanged>(recorded.event);
    const std::uint64_t last =
        creates || number >= state_.partitions() ? 0 : state_.header(recorded.partition).sequence.value;
    const auto* joined = std::get_if<Participated>(&recorded.event);
    const bool legal = possible(recorded) && (creates || number < state_.partitions()) &&
                       recorded.sequence.value == last + 1 &&
                       (joined == nullptr || (joined->day_index <= kMaxDenseMember && joined->user != UserRef{}));
    if (!legal) whole_ = false;
    if (whole_) state_.apply(recorded);
  }
  [[nodiscard]] bool whole() const { return whole_; }
  [[nodiscard]] const State& state() const { return state_; }

 private:
  /// The hot state keeps segments in a row, and no table takes a user of zero.
  static bool possible(const Recorded& recorded) {
    return std::visit(
        []<class E>(const E& event) {
          if constexpr (!OfLottery<E>) {
            return true;
          } else {
            bool possible = true;
            if constexpr (requires { event.user; }) possible = event.user != UserRef{};
            if constexpr (requires { event.invited; })
              possible = event.invited != UserRef{} && event.inviter != UserRef{};
            if constexpr (requires { event.segment; })
              possible = possible && event.segment < kMaxLotteryDays * kMinutesPerDay;
            return possible;
          }
        },
        recorded.event);
  }

  State state_;
  bool whole_ = true;
};

/// Of the key that references of people are made with.
std::string user_key_file(const std::string& directory) { return directory + "/user-hash.key"; }

std::optional<codec::UserHasher> read_hasher(const std::string& directory) {
  std::ifstream in(user_key_file(directory));
  std::string text;
  if (!(in >> text)) return std::nullopt;
  const auto bytes = codec::from_hex(text);
  codec::UserHasher::Key key{};
  if (!bytes || bytes->size() != key.size()) return std::nullopt;
  std::ranges::copy(*bytes, key.begin());
  return codec::UserHasher(key);
}

class Fsck {
 public:
  explicit Fsck(const FsckOptions& options) : options_(options) {}

  Result<Report> run() {
    std::error_code none;
    if (!std::filesystem::exists(options_.directory + "/lineage", none) &&
        !std::filesystem::exists(options_.directory + "/journal", none)) {
      return fail(FailureCode::not_found, options_.directory + ": is no data directory");
    }
    // Held until the end: no server may start in between.
    journal::FileSystem& files = journal::real_file_system();
    auto opened = journal::open_for_reading(files, options_.directory);
    if (!opened) {
      if (opened.error().code != FailureCode::damaged) return tl::unexpected(opened.error());
      report_.violation(Invariant::i11, options_.directory + "/lineage", opened.error().message);
      for (std::size_t i = 0; i < kInvariants; ++i) not_judged(static_cast<Invariant>(i), "nothing was read");
      return std::move(report_);
    }
    std::ranges::copy(opened->record.lineage.bytes, lineage_.begin());
    check_user_key(opened->record.fingerprint);
    if (const Result<bool> read = read_book(); !read) return tl::unexpected(read.error());
    if (const Result<bool> read = read_keys(); !read) return tl::unexpected(read.error());
    open_ledger();
    if (const Result<bool> walked = first_walk(files); !walked) return tl::unexpected(walked.error());
    if (log_->complete() && report_.violations_of(Invariant::i11) == 0) {
      if (const Result<bool> walked = second_walk(files); !walked) return tl::unexpected(walked.error());
      check_code_rows();
    } else {
      // The ledger holds what the journal has lost, and would be blamed for it.
      not_judged(Invariant::i4, "accruals were not compared with the ledger and the partner's book");
      not_judged(Invariant::i9, std::string(sqlite::kCodesFile) + " was not compared");
      not_judged(Invariant::i10, "notifications were not compared");
      not_judged(Invariant::i13, "ledger.db was not compared");
      not_judged(Invariant::i14, "the journal was not replayed");
      not_judged(Invariant::i16, "the ledger's audit was not compared");
    }
    return std::move(report_);
  }

 private:
  void not_judged(Invariant invariant, const std::string& what) {
    if (invariant != Invariant::i11) report_.not_judged(invariant, what + ", since the journal is damaged: see I11");
  }

  /// With another key everybody would be somebody else: all who joined today could join again.
  void check_user_key(const journal::KeyFingerprint& made_with) {
    const std::string path = user_key_file(options_.directory);
    std::error_code none;
    if (!std::filesystem::exists(path, none)) {
      // As a backup leaves it; the server does not start either before it is there.
      report_.note(Invariant::i2, path + " is missing: put the one there that this data was made with");
      return;
    }
    const std::optional<codec::UserHasher> hasher = read_hasher(options_.directory);
    if (!hasher) {
      report_.violation(Invariant::i2, path, "cannot be read, or is no key of 32 hex digits");
    } else if (!std::ranges::equal(hasher->key_fingerprint(), made_with.bytes)) {
      report_.violation(Invariant::i2, path, "is not the key that the references in this data were made with");
    }
  }

  Result<bool> read_book() {
    if (options_.book.empty()) {
      report_.note(Invariant::i4, "no --book given: the partner's book was not compared");
      return true;
    }
    const std::optional<codec::UserHasher> hasher = read_hasher(options_.directory);
    Result<PartnerBook> book = PartnerBook::read(options_.book, hasher ? &*hasher : nullptr, report_);
    if (!book) return tl::unexpected(book.error());
    book_.emplace(std::move(*book));
    return true;
  }

  Result<bool> read_keys() {
    const std::string usual = default_master_keys(options_.directory);
    const std::string& path = options_.master_keys.empty() ? usual : options_.master_keys;
    std::error_code none;
    if (options_.master_keys.empty() && !std::filesystem::exists(usual, none)) return true;
    const Result<vault::MasterKeys> keys = vault::load_master_keys(path, options_.directory);
    if (!keys) return fail(keys.error().code, path + ": " + keys.error().message);
    Result<OpenSeed> opened =
        open_seeds_with(*keys, [this](std::string_view promotion) { return seal_in_force(promotion); });
    if (!opened) return tl::unexpected(opened.error());
    open_seed_ = std::move(*opened);
    Result<std::unique_ptr<vault::KeySeals>> seals = vault::KeySeals::make(*keys);
    if (!seals) return tl::unexpected(seals.error());
    seals_ = std::move(*seals);
    return true;
  }

  /// The promotion's seed as its last definition seals it. A walk of its own, made only where a key was withdrawn:
  /// draws are judged long before the walk that meets them comes to that definition.
  std::string seal_in_force(std::string_view promotion_id) {
    if (!seals_in_force_) {
      seals_in_force_.emplace();
      const auto visit = [&](const journal::Frame& frame) -> Result<void> {
        const Result<bool> decoded = each_event(frame, [&](const Recorded& recorded) {
          const auto* changed = std::get_if<DefinitionChanged>(&recorded.event);
          if (changed == nullptr) return;
          const Result<Promotion> promotion = codec::decode_definition(changed->definition);
          if (promotion) (*seals_in_force_)[promotion->id] = promotion->secrets.sealed_seed;
        });
        if (!decoded) return tl::unexpected(decoded.error());
        return {};
      };
      // What cannot be read is told by the walk that judges.
      (void)journal::survey(journal::real_file_system(), options_.directory, journal_lineage(), visit,
                            journal::OnDamage::carry_on);
    }
    const auto found = seals_in_force_->find(promotion_id);
    return found == seals_in_force_->end() ? std::string{} : found->second;
  }

  [[nodiscard]] journal::LineageId journal_lineage() const {
    journal::LineageId id;
    std::ranges::copy(lineage_, id.bytes.begin());
    return id;
  }

  void open_ledger() {
    Result<std::unique_ptr<LedgerFile>> file = LedgerFile::open(options_.directory + "/ledger.db");
    if (!file) {
      if (file.error().code == FailureCode::not_found) {
        report_.note(Invariant::i13, "there is no ledger; the next start builds it from the journal");
      } else {
        unreadable(file.error());
      }
      return;
    }
    ledger_file_ = std::move(*file);
    const auto opened = sqlite::attempt([&] {
      ledger_ = std::make_unique<LedgerCheck>(report_, *ledger_file_, lineage_);
      return true;
    });
    if (!opened) unreadable(opened.error());
  }

  void unreadable(const Failure& why) {
    report_.violation(Invariant::i13, options_.directory + "/ledger.db", "cannot be read: " + why.message);
    ledger_.reset();
  }

  Result<bool> first_walk(journal::FileSystem& files) {
    const std::uint64_t position = ledger_ ? ledger_->position() : 0;
    log_.emplace(report_, lineage_, position, open_seed_);
    Replay replay;
    journal::RecoverySettings settings;
    settings.covered = position;
    std::uint64_t next = 0;
    settings.visit = [&](const journal::Frame& frame) -> Result<void> {
      if (next != 0 && frame.view.sequence != next) log_->missing();
      next = frame.view.sequence + 1;
      const Result<bool> decoded = each_event(frame, [&](const Recorded& recorded) {
        log_->take(frame.view.sequence, recorded);
        codes_.take(frame.view.sequence, recorded);
        replay.apply(recorded);
      });
      if (!decoded) log_->unreadable(frame.view.sequence, decoded.error().message);
      if (!frame.view.body.empty()) last_frame_ = frame.view.sequence;
      return {};
    };
    settings.is_erased = [this](UserRef user) { return log_->erased(user); };
    const Result<journal::Verdict> verdict = journal::verify(options_.directory, settings, files);
    if (!verdict) return tl::unexpected(verdict.error());
    for (const journal::Finding& finding : verdict->findings) {
      report_.violation(Invariant::i11, fmt::format("{} at offset {}", finding.file, finding.offset), finding.what);
    }
    for (const journal::Finding& note : verdict->notes) report_.note(Invariant::i11, journal::to_text(note));
    if (!verdict->clean_stop) report_.note(Invariant::i11, "the last stop was no orderly one");
    log_->finish();
    if (replay.whole()) {
      first_digest_ = replay.state().digest();
      compare_folds(replay.state());
    }
    return true;
  }

  /// The hot state's numbers are those of our own fold.
  void compare_folds(const State& state) {
    const auto differs = [this](std::uint32_t partition, const std::string& what) {
      report_.violation(Invariant::i14, fmt::format("partition {}", partition),
                        what + " of the hot state differs from an independent fold");
    };
    for (std::uint32_t p = 0; p < log_->partitions().size() && p < state.partitions(); ++p) {
      const LogCheck::PartitionFold& fold = log_->partitions()[p];
      const PartitionHeader& header = state.header(PartitionNo{p});
      report_.checked(Invariant::i14);
      if (header.sequence != fold.sequence || header.revision != fold.revision) differs(p, "the sequence or revision");
      if (header.definition != fold.definition) differs(p, "the definition");
      if (state.look(keys::taken(PartitionNo{p})) != fold.taken) differs(p, "the number of acceptances");
      if (state.look(keys::spent(PartitionNo{p})) != fold.spent) differs(p, "the sum of points");
      if (!fold.promotion) continue;
      for (const auto& [day, taken] : fold.taken_on) {
        if (day < fold.promotion->start || day > fold.promotion->end) continue;  // I3 has said so
        if (state.look(keys::taken_on(PartitionNo{p}, fold.promotion->day_index(day))) != taken) {
          differs(p, "the number of acceptances of a day");
        }
      }
    }
    log_->lotteries().compare([&state](const CounterKey& counter) { return state.look(counter); });
    if ((state.look(keys::paused_all()) != 0) != log_->paused_all()) differs(0, "pause-all");
  }

  Result<bool> second_walk(journal::FileSystem& files) {
    Replay again;
    const auto visit = [&](const journal::Frame& frame) -> Result<void> {
      const Result<bool> decoded = each_event(frame, [&](const Recorded& recorded) {
        again.apply(recorded);
        compare(frame.view.sequence, recorded);
      });
      if (!decoded) return tl::unexpected(decoded.error());  // the first walk could decode it
      return {};
    };
    const Result<journal::Survey> walked =
        journal::survey(files, options_.directory, journal_lineage(), visit, journal::OnDamage::carry_on);
    if (!walked) return tl::unexpected(walked.error());

    log_->settlements().for_each_unclaimed([this](const Settlements::EffectId& effect) {
      report_.violation(Invariant::i4, "effect " + codec::to_uuid_text(effect),
                        "was settled, but no acceptance and no win caused it");
    });
    report_.checked(Invariant::i4, static_cast<std::int64_t>(log_->settlements().size()));
    if (book_) book_->finish(report_);
    guarded([this] { ledger_->finish(*log_, last_frame_); });
    report_.checked(Invariant::i14);
    if (!first_digest_ || !again.whole()) {
      report_.violation(Invariant::i14, "journal", "holds events that the hot state does not accept");
    } else if (again.state().digest() != *first_digest_) {
      report_.violation(Invariant::i14, "journal",
                        fmt::format("digest {:016x} at first, {:016x} then", *first_digest_, again.state().digest()));
    }
    return true;
  }

  void compare(std::uint64_t frame, const Recorded& recorded) {
    const Place place{.frame = frame, .partition = recorded.partition, .sequence = recorded.sequence};
    const bool in_ledger = ledger_ && frame <= ledger_->position();
    const auto* joined = std::get_if<Participated>(&recorded.event);
    if (joined == nullptr) {
      if (in_ledger) guarded([&] { ledger_->other(place, recorded); });
      compare_lottery(place, recorded, in_ledger);
      return;
    }
    const std::string& promotion = log_->partitions()[recorded.partition.value].id;
    const codec::EventIds ids = log_->eras().ids(promotion, recorded.epoch, recorded.sequence);
    Settlements::Found found;
    if (!joined->test && joined->amount > 0) {
      found = log_->settlements().claim(ids.effect);
      if (found.claimed_before) report_.violation(Invariant::i4, place, "shares its effect with another acceptance");
      if (book_) book_->check(place, ids.effect, joined->user, promotion, joined->amount, found.at_end, report_);
    }
    if (in_ledger) guarded([&] { ledger_->acceptance(place, recorded, *joined, ids, found.in_ledger); });
  }

  void compare_lottery(const Place& place, const Recorded& recorded, bool in_ledger) {
    if (const auto* definition = std::get_if<DefinitionChanged>(&recorded.event)) {
      effects_.define(recorded.partition, *definition);
    }
    const std::string& promotion = log_->partitions()[recorded.partition.value].id;
    const auto ids = [&](std::uint32_t index) {
      return log_->eras().ids(promotion, recorded.epoch, recorded.sequence, index);
    };
    std::vector<LotteryLedgerCheck::Effect> effects;
    for (const LotteryEffect& effect :
         effects_.of(recorded, log_->lotteries(), [&](auto i) { return ids(i).effect; })) {
      const Settlements::Found found = log_->settlements().claim(effect.id);
      if (found.claimed_before) {
        report_.violation(Invariant::i4, place, "shares an effect with another event");
      }
      if (book_ && effect.kind == EffectKind::accrual) check_book(place, promotion, effect, found.at_end);
      effects.push_back({.effect = effect, .fate = found.in_ledger});
    }
    if (!in_ledger) return;
    const LotteryEffects::Terms* terms = effects_.terms(recorded.partition);
    guarded([&] {
      ledger_->lotteries().event(place, recorded, terms, log_->lotteries(), ids(kAccrualIndex).event, effects);
    });
  }

  void check_book(const Place& place, const std::string& promotion, const LotteryEffect& effect, Fate fate) {
    if (effect.perhaps) return book_->excuse(effect.id);
    if (effect.voided && book_->has(effect.id)) {
      report_.violation(Invariant::i4, place, codec::to_uuid_text(effect.id) + " is booked, but its win was voided");
    }
    book_->check(place, effect.id, effect.user, promotion, effect.amount, effect.voided ? Fate::open : fate, report_);
  }

  void check_code_rows() {
    std::map<PrizeOfCodes, CodesCheck::Supply> announced;
    for (const auto& [place, supply] : codes_.supplies()) {
      const LogCheck::PartitionFold& fold = log_->partitions()[place.first];
      const bool known =
          fold.promotion && fold.promotion->lottery && place.second < fold.promotion->lottery->prizes.size();
      if (!known) {
        report_.violation(Invariant::i9, "promotion " + fold.id, "has codes of a prize that it does not have");
        continue;
      }
      announced[{.promotion_id = fold.id, .prize_id = fold.promotion->lottery->prizes[place.second].id}] = supply;
    }
    if (must_recover_first(options_.directory)) {
      const bool any = std::ranges::any_of(log_->partitions(), [](const LogCheck::PartitionFold& fold) {
        return fold.promotion && gives_codes(*fold.promotion);
      });
      report_.note(Invariant::i9, any ? "restored from a backup; windfall recover has not run yet"
                                      : "restored from a backup without codes; the start asks for windfall recover "
                                        "only if the marks know of some");
    }
    CodeRowsCheck(report_, seals_.get(), log_->eras().restores() > 0)
        .judge(options_.directory + "/" + std::string(sqlite::kCodesFile), announced);
  }

  template <class Work>
  void guarded(Work work) {
    if (!ledger_) return;
    const auto done = sqlite::attempt([&] {
      work();
      return true;
    });
    if (!done) unreadable(done.error());
  }

  template <class Visit>
  static Result<bool> each_event(const journal::Frame& frame, Visit visit) {
    std::string_view body = frame.view.body;
    while (!body.empty()) {
      const Result<Recorded> recorded = codec::decode(body);
      if (!recorded) return tl::unexpected(recorded.error());
      visit(*recorded);
    }
    return true;
  }

  const FsckOptions& options_;
  Report report_;
  Lineage lineage_{};
  std::optional<PartnerBook> book_;
  OpenSeed open_seed_;
  std::optional<std::map<std::string, std::string, std::less<>>> seals_in_force_;  ///< by promotion, once asked for
  std::unique_ptr<vault::KeySeals> seals_;  ///< nullptr: there are no master keys
  LotteryEffects effects_;
  std::unique_ptr<LedgerFile> ledger_file_;
  std::unique_ptr<LedgerCheck> ledger_;
  std::optional<LogCheck> log_;
  CodesCheck codes_{report_};
  std::uint64_t last_frame_ = 0;  ///< with events: a clean stop is nothing that a ledger could be behind
  std::optional<std::uint64_t> first_digest_;
};

}  // namespace

Result<Report> fsck(const FsckOptions& options) { return Fsck(options).run(); }

}  // namespace windfall::proof

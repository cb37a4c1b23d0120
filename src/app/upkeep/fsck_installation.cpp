#include "app/upkeep/fsck_installation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "adapters/postgres/code_vault.hpp"
#include "adapters/postgres/ledger_snapshot.hpp"
#include "adapters/vault/key_seals.hpp"
#include "app/data_directory.hpp"
#include "app/upkeep/hot_state_check.hpp"
#include "app/upkeep/ledger_twin.hpp"
#include "app/upkeep/ledger_walk.hpp"
#include "app/upkeep/opened_installation.hpp"

namespace windfall::app {

using proof::Invariant;

namespace {

/// Codes that are yet to be given out, of which so many of a prize are looked for one by one, from either end.
constexpr std::int64_t kCodesLookedFor = 5'000;

class Fsck {
 public:
  Fsck(OpenedInstallation& installation, const FsckInstallationOptions& options)
      : installation_(installation), options_(options) {}

  Result<proof::Report> run() {
    if (const Result<bool> read = read_keys(); !read) return tl::unexpected(read.error());
    if (const Result<bool> read = read_book(); !read) return tl::unexpected(read.error());
    if (const Result<bool> judged = judge_ledger(); !judged) return tl::unexpected(judged.error());
    if (const Result<bool> judged = judge_codes(); !judged) return tl::unexpected(judged.error());
    HotStateCheck hot({.installation = installation_, .report = report_, .patience_ms = options_.patience_ms});
    if (const Result<bool> judged = installation_.run(hot.run()); !judged) return tl::unexpected(judged.error());
    return std::move(report_);
  }

 private:
  Result<bool> read_keys() {
    const Config& config = installation_.config();
    const std::string data = config.data.empty() ? kUsualData : config.data;
    const std::string path = config.master_keys.empty() ? data + ".keys" : config.master_keys;
    std::error_code none;
    if (!std::filesystem::exists(path, none)) {
      report_.note(Invariant::i9, "there are no master keys at " + path + ": codes and seeds are not opened");
      return true;
    }
    const Result<vault::MasterKeys> keys = vault::load_master_keys(path, data);
    if (!keys) return trouble_with(config, "server.master_keys", keys.error());
    Result<proof::OpenSeed> opened = proof::open_seeds_with(*keys, [this](std::string_view promotion) {
      const DefinitionPtr known = installation_.store().find(promotion);
      return known ? known->promotion.secrets.sealed_seed : std::string{};
    });
    if (!opened) return tl::unexpected(opened.error());
    open_seed_ = std::move(*opened);
    Result<std::unique_ptr<vault::KeySeals>> seals = vault::KeySeals::make(*keys);
    if (!seals) return tl::unexpected(seals.error());
    seals_ = std::move(*seals);
    return true;
  }

  Result<bool> read_book() {
    if (options_.book.empty()) {
      report_.note(Invariant::i4, "no --book given: the partner's book was not compared");
      return true;
    }
    const codec::UserHasher hasher = installation_.hasher();
    Result<proof::PartnerBook> book = proof::PartnerBook::read(options_.book, &hasher, report_);
    if (!book) return tl::unexpected(book.error());
    book_.emplace(std::move(*book));
    return true;
  }

  Result<bool> judge_ledger() {
    const bool in_mongodb = installation_.config().ledger == "mongodb";
    if (const Result<bool> judged = in_mongodb ? judge_twin() : judge_rows(); !judged) return judged;
    return judge_own_word();
  }

  Result<bool> judge_twin() {
    twin_ = std::make_unique<LedgerTwin>(LedgerTwin::Given{.report = report_,
                                                           .ledger = installation_.ledger(),
                                                           .lineage = installation_.store().lineage(),
                                                           .hasher = installation_.hasher(),
                                                           .open_seed = open_seed_,
                                                           .book = book_ ? &*book_ : nullptr});
    log_ = &twin_->log();
    codes_ = &twin_->codes();
    return twin_->run();
  }

  Result<bool> judge_rows() {
    const auto snapshot = postgres::LedgerSnapshot::open(installation_.config().postgres_url);
    if (!snapshot) return fail(snapshot.error().code, "postgres.url: " + snapshot.error().message);
    walk_ = std::make_unique<LedgerWalk>(LedgerWalk::Given{.report = report_,
                                                           .ledger = **snapshot,
                                                           .lineage = installation_.store().lineage(),
                                                           .open_seed = open_seed_,
                                                           .book = book_ ? &*book_ : nullptr});
    log_ = &walk_->log();
    codes_ = &walk_->codes();
    return walk_->run();
  }

  /// What the ledger says of itself.
  Result<bool> judge_own_word() {
    KeptLedger& ledger = installation_.ledger();
    if (!twin_) {  // which asks itself, between batches
      const auto problems = ledger.integrity();
      if (!problems) return tl::unexpected(problems.error());
      report_.checked(Invariant::i13);
      for (const std::string& problem : *problems) report_.violation(Invariant::i13, "ledger", problem);
    }
    const auto findings = ledger.findings();
    if (!findings) return tl::unexpected(findings.error());
    for (const LedgerFinding& finding : *findings) {
      report_.violation(
          Invariant::i13,
          fmt::format("finding of partition {}, sequence {}", finding.partition.value, finding.sequence.value),
          finding.kind + ": " + finding.detail);
    }
    const auto audit = ledger.first_broken_audit();
    if (!audit) return tl::unexpected(audit.error());
    report_.checked(Invariant::i16);
    if (*audit) {
      report_.violation(Invariant::i16, fmt::format("audit {}", **audit), "was changed, taken out or put in");
    }
    return true;
  }

  /// I9, of the rows in the vault: what the log announced is there and can be read.
  Result<bool> judge_codes() {
    if (codes_->supplies().empty() || !seals_) return true;
    const auto opened = postgres::PostgresCodeVault::open(installation_.config().postgres_url, *seals_);
    if (!opened) {
      report_.violation(Invariant::i9, "the vault of codes", opened.error().message);
      return true;
    }
    const auto problems = (*opened)->integrity();
    if (!problems) return tl::unexpected(problems.error());
    for (const std::string& problem : *problems) report_.violation(Invariant::i9, "the vault of codes", problem);
    const auto counts = (*opened)->counts({});
    if (!counts) return tl::unexpected(counts.error());
    for (const auto& [where, supply] : codes_->supplies()) {
      const proof::LogCheck::PartitionFold& fold = log_->partitions()[where.first];
      if (!fold.promotion || !fold.promotion->lottery || where.second >= fold.promotion->lottery->prizes.size()) {
        report_.violation(Invariant::i9, "promotion " + fold.id, "has codes of a prize that it does not have");
        continue;
      }
      const PrizeOfCodes prize{.promotion_id = fold.id, .prize_id = fold.promotion->lottery->prizes[where.second].id};
      const auto row = std::ranges::find(*counts, prize, &CodeVault::Counts::prize);
      if (const Result<bool> judged =
              judge_prize(**opened, prize, supply, row == counts->end() ? std::nullopt : std::optional{*row});
          !judged) {
        return judged;
      }
    }
    return true;
  }

  Result<bool> judge_prize(CodeVault& vault, const PrizeOfCodes& prize, const proof::CodesCheck::Supply& supply,
                           const std::optional<CodeVault::Counts>& row) {
    const auto wrong = [&](std::string what) {
      report_.violation(Invariant::i9,
                        fmt::format("codes of promotion {}, prize {}", prize.promotion_id, prize.prize_id),
                        std::move(what));
    };
    report_.checked(Invariant::i9);
    if (supply.imported > 0 && !row) {
      wrong(fmt::format("{} codes were imported, and the vault has none of them", supply.imported));
      return true;
    }
    if (!row) return true;
    if (supply.imported > static_cast<std::int64_t>(row->written)) {
      wrong(fmt::format("{} codes were imported, of {} that were written", supply.imported, row->written));
    }
    const std::int64_t first = std::max<std::int64_t>(0, supply.given);
    for (std::int64_t ordinal = first; ordinal < supply.imported; ++ordinal) {
      if (ordinal - first == kCodesLookedFor && supply.imported - ordinal > kCodesLookedFor) {
        ordinal = supply.imported - kCodesLookedFor;
      }
      report_.checked(Invariant::i9);
      const Result<std::string> code = vault.read(prize, static_cast<std::uint64_t>(ordinal));
      if (code) continue;
      if (code.error().code == FailureCode::unavailable) return tl::unexpected(code.error());
      wrong(fmt::format("code {} is yet to be given out: {}", ordinal, code.error().message));
    }
    return true;
  }

  OpenedInstallation& installation_;
  const FsckInstallationOptions& options_;
  proof::Report report_;
  proof::OpenSeed open_seed_;
  std::unique_ptr<vault::KeySeals> seals_;  ///< nullptr: there are no master keys
  std::optional<proof::PartnerBook> book_;
  std::unique_ptr<LedgerWalk> walk_;  ///< or
  std::unique_ptr<LedgerTwin> twin_;
  const proof::LogCheck* log_ = nullptr;
  const proof::CodesCheck* codes_ = nullptr;
};

}  // namespace

Result<proof::Report> fsck_installation(const Config& config, const FsckInstallationOptions& options) {
  Result<std::unique_ptr<OpenedInstallation>> opened = OpenedInstallation::open(config);
  if (!opened) return tl::unexpected(opened.error());
  return Fsck(**opened, options).run();
}

}  // namespace windfall::app

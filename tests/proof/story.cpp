#include "proof/story.hpp"

#include <sqlite3.h>
#include <stdlib.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stdexcept>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/event_ids.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/embedded/journal_event_log.hpp"
#include "adapters/journal/journal.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "adapters/system/time_zone.hpp"
#include "app/proof/seed_keys.hpp"

namespace windfall::proof {

namespace {

constexpr codec::UserHasher::Key kKey{1, 2, 3};
constexpr journal::LineageId kLineage{{7, 7, 7}};

const Zone& seoul() {
  static const Zone zone = system::load_zone("Asia/Seoul").value();
  return zone;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "windfall-proof-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code none;
  std::filesystem::remove_all(path_, none);
}

Story::Story() {
  std::filesystem::create_directory(directory());
  write_file(directory() + "/user-hash.key", codec::to_hex(kKey) + "\n");
}

UserRef Story::ref(std::string_view user) { return codec::UserHasher(kKey).of(user); }

Recorded& Story::add(PartitionNo partition, Event event) {
  events_.push_back(std::make_unique<Recorded>(Recorded{.partition = partition,
                                                        .epoch = {},
                                                        .sequence = {++sequences_[partition].value},
                                                        .time = now_,
                                                        .revision = revisions_[partition],
                                                        .command = std::nullopt,
                                                        .event = std::move(event)}));
  named_.emplace_back();
  now_.ms += 1000;
  return *events_.back();
}

PartitionNo Story::promotion(const std::string& id, const std::function<void(Promotion&)>& edit) {
  Promotion promotion;
  promotion.id = id;
  promotion.title = "Promotion " + id;
  promotion.reward_amount = 500;
  promotion.limit_join_count = 100;
  promotion.start = kFirstDay;
  promotion.end = {kFirstDay.days + 9};
  promotion.timezone = "Asia/Seoul";
  promotions_.push_back(promotion);
  const PartitionNo partition{static_cast<std::uint32_t>(promotions_.size())};
  change(partition, edit);
  return partition;
}

void Story::change(PartitionNo partition, const std::function<void(Promotion&)>& edit) {
  Promotion& promotion = promotions_.at(partition.value - 1);
  if (edit) edit(promotion);
  ++revisions_[partition].value;  // a definition names itself
  add(partition,
      DefinitionChanged{
          .id = promotion.id, .definition = codec::encode_definition(promotion), .audit = audit("updatePromotion")});
}

Recorded& Story::join(PartitionNo partition, const std::string& user, const Edit& edit) {
  const Promotion& promotion = promotions_.at(partition.value - 1);
  const LocalDay day = seoul().day_at(now_);
  Recorded& recorded = add(partition, Participated{.user = ref(user),
                                                   .day = day,
                                                   .day_index = promotion.day_index(day),
                                                   .amount = promotion.reward_amount,
                                                   .test = promotion.mode == Mode::test});
  named_.back() = user;
  if (edit) edit(recorded, std::get<Participated>(recorded.event));
  return recorded;
}

Recorded& Story::system(Event event) { return add(kSystemPartition, std::move(event)); }

Recorded& Story::event(PartitionNo partition, Event event, const std::string& user) {
  Recorded& recorded = add(partition, std::move(event));
  named_.back() = user;
  return recorded;
}

std::array<std::uint8_t, 16> Story::effect_of(const Recorded& acceptance, std::uint32_t index) const {
  codec::Uuid lineage{};
  std::ranges::copy(kLineage.bytes, lineage.begin());
  return codec::event_ids({.lineage = lineage,
                           .promotion = promotions_.at(acceptance.partition.value - 1).id,
                           .epoch = acceptance.epoch,
                           .sequence = acceptance.sequence,
                           .index = index})
      .effect;
}

void Story::settle(const Recorded& acceptance, EffectSettled::Outcome outcome, std::uint32_t index) {
  system(EffectSettled{.effect = effect_of(acceptance, index), .outcome = outcome, .detail = {}});
}

void Story::save(bool clean_stop) {
  journal::KeyFingerprint fingerprint;
  std::ranges::copy(codec::UserHasher(kKey).key_fingerprint(), fingerprint.bytes.begin());
  std::mutex mutex;
  std::condition_variable told;
  std::uint64_t durable = 0;
  journal::WriterHooks hooks;
  hooks.on_durable = [&](const journal::Durable& up_to) {
    const std::lock_guard lock(mutex);
    durable = up_to.up_to.value;
    told.notify_all();
  };
  auto writer = journal::Writer::open({.directory = directory(),
                                       .fingerprint = fingerprint,
                                       .lineage = kLineage,
                                       .segment_bytes = 1 << 18,
                                       .max_queued_bytes = 1 << 16},
                                      std::move(hooks))
                    .value();
  for (std::size_t i = 0; i < events_.size(); ++i) {
    std::string body;
    codec::encode(*events_[i], body);
    std::vector<journal::Identity> identities;
    if (!named_[i].empty()) identities.push_back({.ref = ref(named_[i]), .id = named_[i]});
    const journal::Ticket ticket = writer->submit(body, identities).value();
    std::unique_lock lock(mutex);
    told.wait(lock, [&] { return durable >= ticket.value; });
  }
  if (clean_stop) ASSERT_TRUE(writer->close().has_value());
}

void Story::project() const {
  const auto record = journal::decode_lineage(read_file(directory() + "/lineage"), "lineage").value();
  sqlite::Options options{.path = directory() + "/ledger.db"};
  std::ranges::copy(record.lineage.bytes, options.lineage.begin());
  options.event_ids = [lineage = options.lineage](std::string_view promotion, Epoch epoch, Sequence sequence,
                                                  std::uint32_t effect) {
    const codec::EventIds ids = codec::event_ids(
        {.lineage = lineage, .promotion = promotion, .epoch = epoch, .sequence = sequence, .index = effect});
    return sqlite::EventIds{.event = ids.event, .effect = ids.effect};
  };
  if (std::filesystem::exists(keys())) options.open_seed = open_seeds_with(keys(), directory()).value();
  auto ledger = sqlite::SqliteLedger::open(std::move(options)).value();
  const std::uint64_t last = events_.size();  // one frame each
  embedded::JournalEventLog log(directory(), record.lineage, [last] { return last; });
  for (std::uint64_t at = 0; at < last;) {
    const LogBatch batch = log.read(at, 100).value();
    ASSERT_TRUE(ledger->apply(batch).has_value());
    at = batch.position;
  }
}

std::uint64_t Story::offset_of(std::uint64_t frame) const {
  std::uint64_t offset = UINT64_MAX;
  const auto visit = [&](const journal::Frame& seen) -> Result<void> {
    if (seen.view.sequence == frame) offset = seen.position.offset;
    return {};
  };
  const auto survey =
      journal::survey(journal::real_file_system(), directory(), kLineage, visit, journal::OnDamage::carry_on);
  EXPECT_TRUE(survey.has_value());
  EXPECT_NE(offset, UINT64_MAX);
  return offset;
}

void Story::sql(const std::string& script) const {
  sqlite3* database = nullptr;
  char* error = nullptr;
  ASSERT_EQ(sqlite3_open((directory() + "/ledger.db").c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, script.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
  sqlite3_close(database);
}

Report Story::judged() {
  save();
  project();
  return fsck();
}

Report Story::fsck(const std::string& book) const {
  const Result<Report> report = proof::fsck({.directory = directory(), .book = book});
  EXPECT_TRUE(report.has_value()) << report.error().message;
  return report.value_or(Report{});
}

std::string Story::book(const std::string& entries) const {
  const std::string path = folder_.file("book.json");
  write_file(path, "{\"entries\":[" + entries + "]}");
  return path;
}

std::string found(const Report& report, Invariant invariant) {
  std::string all;
  for (const ProofFinding& finding : report.findings()) {
    if (finding.invariant == invariant) all += finding.where + ": " + finding.what + "\n";
  }
  return all;
}

void expect_only(const Report& report, Invariant invariant, std::string_view words) {
  EXPECT_FALSE(report.ok());
  EXPECT_GT(report.violations_of(invariant), 0);
  EXPECT_NE(found(report, invariant).find(words), std::string::npos) << report.as_text();
  for (std::size_t i = 0; i < kInvariants; ++i) {
    if (static_cast<Invariant>(i) != invariant) {
      EXPECT_EQ(report.violations_of(static_cast<Invariant>(i)), 0) << report.as_text();
    }
  }
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace windfall::proof

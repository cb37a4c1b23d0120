// Fills the log of an installation's ledger with participations that were never decided, in the encoding of real ones,
// for measuring a rebuild: ten promotions from 40 % down to 0.01 % of the events, as if Redis had lost them all.
//
//   windfall_rebuild_log POSTGRES_URL EVENTS [keyed]
//
// keyed: every participation came with a command, which its promotion remembers.
// The database has the schema already (a server was started once), and nobody uses it meanwhile.
#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "domain/builders.hpp"

namespace {

using namespace windfall;

constexpr std::array<double, 10> kShares{40, 25, 15, 10, 5, 3, 1.5, 0.4, 0.09, 0.01};
constexpr std::size_t kPart = std::size_t{1} << 20U;

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, Finish>;

void must(const Connection& db, PGresult* result, ExecStatusType wanted) {
  const bool good = PQresultStatus(result) == wanted;
  PQclear(result);
  if (good) return;
  std::fprintf(stderr, "%s", PQerrorMessage(db.get()));
  std::exit(1);
}

void run(const Connection& db, const std::string& sql) { must(db, PQexec(db.get(), sql.c_str()), PGRES_COMMAND_OK); }

/// Of the row in `event`: COPY's text format.
void append_row(std::string& out, const Recorded& recorded, int type) {
  static std::string bytes;
  bytes.clear();
  codec::encode(recorded, bytes);
  fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\t{}.{:03}\t{}\t\\\\x", recorded.partition.value,
                 recorded.epoch.value, recorded.sequence.value, type, recorded.time.ms / 1000, recorded.time.ms % 1000,
                 recorded.revision.value);
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  out += '\n';
}

class Copy {
 public:
  explicit Copy(const Connection& db) : db_(db) {
    // Times travel as seconds, and become times once all rows are there.
    must(db_, PQexec(db_.get(), "copy filled (partition, epoch, sequence, type, at, revision, bytes) from stdin"),
         PGRES_COPY_IN);
  }
  std::string& text() { return text_; }
  void send() {
    if (text_.size() < kPart) return;
    put();
  }
  void end() {
    put();
    PQputCopyEnd(db_.get(), nullptr);
    must(db_, PQgetResult(db_.get()), PGRES_COMMAND_OK);
    while (PGresult* more = PQgetResult(db_.get())) PQclear(more);
  }

 private:
  void put() {
    if (!text_.empty()) PQputCopyData(db_.get(), text_.data(), static_cast<int>(text_.size()));
    text_.clear();
  }
  const Connection& db_;
  std::string text_;
};

Promotion promotion_of(std::size_t number, std::uint64_t joins) {
  Promotion promotion = test::promotion();
  promotion.id = fmt::format("rebuilt-{}", number);
  promotion.limit_join_count = static_cast<std::int64_t>(joins) + 1000;
  return promotion;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: windfall_rebuild_log POSTGRES_URL EVENTS [keyed]\n");
    return 2;
  }
  const Connection db(PQconnectdb(argv[1]));
  if (PQstatus(db.get()) != CONNECTION_OK) {
    std::fprintf(stderr, "%s", PQerrorMessage(db.get()));
    return 1;
  }
  const auto events = std::strtoull(argv[2], nullptr, 10);
  const bool keyed = argc > 3 && std::string_view(argv[3]) == "keyed";

  run(db,
      "create unlogged table filled (partition integer, epoch integer, sequence bigint, type smallint, at float8, "
      "revision integer, bytes bytea)");
  Copy copy(db);
  std::string promotions;
  for (std::size_t i = 0; i < kShares.size(); ++i) {
    const PartitionNo partition{1 + static_cast<std::uint32_t>(i)};
    const auto joins = static_cast<std::uint64_t>(static_cast<double>(events) * kShares[i] / 100.0);
    const std::string definition = codec::encode_definition(promotion_of(i, joins));
    const std::string id = promotion_of(i, joins).id;
    Recorded recorded{.partition = partition,
                      .epoch = Epoch{1},
                      .sequence = {1},
                      .time = test::kNoon,
                      .revision = Revision{1},
                      .command = {},
                      .event = DefinitionChanged{},
                      .taken = {}};
    recorded.event = DefinitionChanged{
        .id = id, .definition = definition, .audit = {.actor = "bench", .action = "create", .reason = ""}};
    append_row(copy.text(), recorded, 2);
    for (std::uint64_t n = 0; n < joins; ++n) {
      recorded.sequence.value = n + 2;
      recorded.time = {test::kNoon.ms + static_cast<std::int64_t>(n / 1000)};
      recorded.event = test::participated(test::user(n));
      if (keyed) recorded.command = test::command(n);
      append_row(copy.text(), recorded, 1);
      copy.send();
    }
    const std::unique_ptr<char, void (*)(char*)> quoted(PQescapeLiteral(db.get(), definition.data(), definition.size()),
                                                        [](char* text) { PQfreemem(text); });
    promotions += fmt::format(
        "insert into promotion (partition, id, title, definition, revision, created, modified, left_join_count, "
        "status) "
        "values ({0}, '{1}', '{1}', {2}, 1, now(), now(), 0, 'RUNNING'); insert into partition_position values ({0}, "
        "1, {3});\n",
        partition.value, id, quoted.get(), joins + 1);
  }
  copy.end();
  run(db,
      "insert into event (partition, epoch, sequence, type, at, revision, bytes) select partition, epoch, sequence, "
      "type, to_timestamp(at), revision, bytes from filled");
  run(db, promotions);
  run(db, "drop table filled");
  run(db, "vacuum analyze event");
  std::printf("%llu events of %zu promotions\n", static_cast<unsigned long long>(events), kShares.size());
  return 0;
}

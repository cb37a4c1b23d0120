// SqliteLedger's rows of some people, made anew from the log: a whole ledger is projected beside this one, up to the
// same place, since only then every row has the number that it had here.
#include <filesystem>
#include <system_error>

#include "adapters/sqlite/access.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "application/port/event_log.hpp"

namespace windfall::sqlite {

namespace {

/// Events of one read.
constexpr std::size_t kPage = 8192;

/// The other ledger's file, gone when it is not needed any more; what a crash has left is no hindrance.
class BesideFile {
 public:
  explicit BesideFile(std::string path) : path_(std::move(path)) { remove(); }
  BesideFile(const BesideFile&) = delete;
  BesideFile& operator=(const BesideFile&) = delete;
  ~BesideFile() { remove(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void remove() const {
    std::error_code none;
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + end, none);
  }
  const std::string path_;
};

// People have other numbers in the other ledger, if they were met in other batches: ?1 is the number here, ?2 there.
constexpr const char* kForget[] = {
    "delete from coupon where draw in (select seq from draw where user = ?1)",
    "delete from draw where user = ?1",
    "delete from ticket where user = ?1",
    "delete from participation where user = ?1",
};
// A row under this number may be somebody else's, by mistake: the log knows whose it is.
constexpr const char* kTakeOver[] = {
    "insert or replace into participation (ordinal, partition, epoch, sequence, event_id, user, day, amount, at, "
    "revision, test, effect) select j.ordinal, j.partition, j.epoch, j.sequence, j.event_id, ?1, j.day, j.amount, "
    "j.at, j.revision, j.test, (select e.no from effect e join again.effect f on f.no = e.no and f.id = e.id where "
    "e.no = j.effect) from again.participation j where j.user = ?2",
    "insert or replace into ticket (seq, partition, user, cause, tickets, at, other, reason) select t.seq, "
    "t.partition, ?1, t.cause, t.tickets, t.at, (select m.no from again.user o join main.user m on m.ref = o.ref where "
    "o.no = t.other), t.reason from again.ticket t where t.user = ?2",
    "insert or replace into draw (seq, partition, epoch, sequence, user, segment, serial, at, test, prize, item, day, "
    "event_id, effect, voided) select d.seq, d.partition, d.epoch, d.sequence, ?1, d.segment, d.serial, d.at, d.test, "
    "d.prize, d.item, d.day, d.event_id, (select e.no from effect e join again.effect f on f.no = e.no and f.id = e.id "
    "where e.no = d.effect), d.voided from again.draw d where d.user = ?2",
    "insert or replace into coupon (draw, partition, prize, issue, ordinal, issued_at, used_at, expires_at, voided) "
    "select c.draw, c.partition, c.prize, c.issue, c.ordinal, c.issued_at, c.used_at, c.expires_at, c.voided from "
    "again.coupon c join again.draw d on d.seq = c.draw where ?1 <> 0 and d.user = ?2",  // ?1: as the others
};
constexpr const char* kNumber = "select no from main.user where ref = ?";
constexpr const char* kNumberAgain = "select no from again.user where ref = ?";

std::int64_t number_by(Connection& db, const char* sql, UserRef user) {
  Rows rows = db(sql).select(user);
  return rows.next() ? rows.integer(0) : 0;
}

/// Everything up to that place of the log, where a batch of the ledger's has ended.
Result<bool> project_up_to(SqliteLedger& ledger, EventLog& log, std::uint64_t end) {
  for (std::uint64_t position = 0; position < end;) {
    Result<LogBatch> batch = log.read(position, kPage);
    if (!batch) return tl::unexpected(batch.error());
    if (batch->position > end) batch = log.read(position, 0);  // one frame
    if (!batch) return tl::unexpected(batch.error());
    if (batch->position == position || batch->position > end) {
      return fail(FailureCode::damaged, "the log cannot be read up to where the ledger is");
    }
    position = batch->position;
    if (Result<bool> applied = ledger.apply(*batch); !applied) return applied;
  }
  return true;
}

}  // namespace

Result<bool> SqliteLedger::make_rows_anew(const std::vector<UserRef>& users, EventLog& log) {
  const BesideFile beside(options_.path + ".again");
  const Result<std::uint64_t> end = position();
  if (!end) return tl::unexpected(end.error());
  Options options{.path = beside.path(), .lineage = options_.lineage, .event_ids = options_.event_ids};
  options.open_seed = options_.open_seed;
  {
    Result<std::unique_ptr<SqliteLedger>> again = open(std::move(options));
    if (!again) return tl::unexpected(again.error());
    if (Result<bool> projected = project_up_to(**again, log, *end); !projected) return projected;
  }
  return attempt([&] {
    const std::lock_guard lock(writing_);
    Connection db(options_.path, Access::write);
    db("attach database ? as again").run(beside.path());
    Transaction transaction(db, Access::write);
    std::vector<std::pair<std::int64_t, std::int64_t>> numbers;
    for (const UserRef user : users) {
      const std::pair number{number_by(db, kNumber, user), number_by(db, kNumberAgain, user)};
      if (number.first != 0 && number.second != 0) numbers.push_back(number);
    }
    for (const auto& [here, there] : numbers) {
      for (const char* sql : kForget) db(sql).run(here);
    }
    for (const auto& [here, there] : numbers) {
      for (const char* sql : kTakeOver) db(sql).run(here, there);
    }
    transaction.commit();
    return true;
  });
}

}  // namespace windfall::sqlite

// A MongoDB ledger in a database of its own, its effects in a PostgreSQL schema of their own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "adapters/mongo/client.hpp"
#include "adapters/mongo/mongo_ledger.hpp"
#include "adapters/mongo/schema.hpp"
#include "ledger/ferret_server.hpp"
#include "ledger/postgres_fixture.hpp"

namespace windfall::mongo {

/// The one server of this process, made when it is first asked for; null if this machine has none. Anything but that is
/// a failure of the test that asked.
inline contract::FerretServer* shared_ferret() {
  contract::PostgresServer* postgres = postgres::shared_server();
  if (postgres == nullptr) return nullptr;
  static contract::FerretServer server(*postgres);
  static const std::string why = server.make();
  if (why == contract::FerretServer::kMissing) return nullptr;
  EXPECT_EQ(why, "");
  return why.empty() ? &server : nullptr;
}

inline Options test_options(const std::string& uri) {
  return {.uri = uri, .lineage = {7}, .event_ids = contract::test_event_ids, .open_seed = contract::open_test_seed};
}

/// Who keeps its effects.
inline std::unique_ptr<EffectKeeper> test_effects(const std::string& connection, contract::LedgerSetup setup = {},
                                                  LedgerAlarm alarm = {}) {
  postgres::Options options = postgres::test_options(connection);
  options.keeps = postgres::Options::Keeps::effects;
  options.rebuild_until_position = setup.rebuild_until;
  options.event_ids = std::move(setup.event_ids);
  options.alarm = std::move(alarm);
  return postgres::PostgresLedger::open(std::move(options)).value();
}

constexpr const char* kCollections[] = {kPromotions, kDefinitions,   kParticipations, kTickets, kDraws,   kSegments,
                                        kIdentities, kBlocked,       kRefusals,       kInbound, kAudit,   kFindings,
                                        kTotals,     kLotteryTotals, kEvents,         kBatches, kProgress};

/// A database for a while; emptied and given back with its object.
class BorrowedDatabase {
 public:
  explicit BorrowedDatabase(contract::FerretServer& server) : server_(server), uri_(server.take_database()) {}
  BorrowedDatabase(const BorrowedDatabase&) = delete;
  BorrowedDatabase& operator=(const BorrowedDatabase&) = delete;
  ~BorrowedDatabase() {
    const auto client = Client::open(uri_, "").value();
    for (const char* collection : kCollections) {
      if (!client->erase(collection, {})) return;
    }
    server_.give_back(uri_);
  }
  [[nodiscard]] const std::string& uri() const { return uri_; }

 private:
  contract::FerretServer& server_;
  const std::string uri_;
};

class MongoUnderTest final : public contract::LedgerUnderTest {
 public:
  MongoUnderTest(contract::FerretServer& server, std::string connection, contract::LedgerSetup setup)
      : database_(server),
        connection_(std::move(connection)),
        setup_(std::move(setup)),
        options_(test_options(database_.uri())) {
    options_.event_ids = setup_.event_ids;
    options_.alarm = [this](std::string_view line) { alarms.emplace_back(line); };
    open();
    setup_.rebuild_until = 0;  // kept in the database
    client_ = Client::open(options_.uri, "").value();
  }
  LedgerStore& store() override { return *ledger_; }
  void reopen() override {
    ledger_.reset();
    open();
  }
  std::optional<Result<bool>> begin_later_epoch(PartitionNo partition, Sequence last) override {
    return ledger_->begin_epoch(partition, {2}, last);
  }
  /// The few sentences that the contract says, in MongoDB's words; those about effects go where effects are.
  std::vector<std::string> sql(const std::string& script) override {
    std::vector<std::string> rows;
    std::size_t begin = 0;
    while (begin < script.size()) {
      std::size_t end = script.find("; ", begin);
      if (end == std::string::npos) end = script.size();
      rows = one(script.substr(begin, end - begin));
      begin = end + 2;
    }
    return rows;
  }

 private:
  void open() {
    LedgerAlarm alarm = [this](std::string_view line) { alarms.emplace_back(line); };
    ledger_ = MongoLedger::open(options_, test_effects(connection_, setup_, std::move(alarm))).value();
  }
  std::vector<Document> all(const char* collection, const Document& filter = {}) {
    return client_->find(collection, {.filter = filter}).value();
  }
  static Document id(std::int64_t value) {
    Document filter;
    filter.integer("_id", value);
    return filter;
  }
  void set(const char* collection, const Document& filter, const Document& members) {
    Document change;
    change.document("$set", members);
    EXPECT_EQ(client_->change(collection, {{.filter = filter, .change = change}}).value(), 1);
  }
  void set_audit(std::int64_t seq, const std::string& column, const std::string& value) {
    Document members;
    members.text(column, value);
    set(kAudit, id(seq), members);
  }
  void add(const char* collection, const Document& filter, const char* member, std::int64_t by) {
    Document members;
    members.integer(member, View(all(collection, filter).at(0)).integer(member) + by);
    set(collection, filter, members);
  }

  std::vector<std::string> one(const std::string& sentence) {
    std::smatch is;
    if (sentence.starts_with("update effect_count") || sentence.starts_with("update notification_count")) {
      return postgres::sql(connection_, sentence);
    }
    if (std::regex_match(sentence, is, std::regex("update audit set (\\w+) = '(.*)' where seq = (\\d+)"))) {
      set_audit(std::stoll(is[3]), is[1], is[2]);
    } else if (std::regex_match(sentence, is, std::regex("delete from audit where seq = (\\d+)"))) {
      EXPECT_EQ(client_->erase(kAudit, id(std::stoll(is[1]))).value(), 1);
    } else if (std::regex_match(sentence, is,
                                std::regex("update audit set chain = \\(select chain from audit where seq = (\\d+)\\) "
                                           "where seq = (\\d+)"))) {
      set_audit(std::stoll(is[2]), "chain", View(all(kAudit, id(std::stoll(is[1]))).at(0)).text("chain"));
    } else if (sentence == "delete from participation where ordinal = 1") {
      Document first;
      first.integer("ordinal", std::int64_t{1});
      EXPECT_EQ(client_->erase(kParticipations, first).value(), 1);
    } else if (sentence == "update participation set amount = amount + 1 where ordinal = 1") {
      Document first;
      first.integer("ordinal", std::int64_t{1});
      add(kParticipations, first, "rewardAmount", 1);
    } else if (sentence == "update total set spent = spent - 1") {
      add(kTotals, {}, "spent", -1);
    } else if (sentence == "update lottery_total set drawn = drawn + 1") {
      add(kLotteryTotals, {}, "drawn", 1);
    } else if (sentence == "update lottery_total set drawn = drawn - 1") {
      add(kLotteryTotals, {}, "drawn", -1);
    } else if (sentence == "select definition from promotion") {
      return {View(all(kPromotions).at(0)).text("definition")};
    } else if (sentence == "select count(*) from definition_history") {
      return {std::to_string(all(kDefinitions).size())};
    } else if (sentence == "select count(*) from audit where subject like '%ann%'") {
      std::size_t count = 0;
      for (const Document& row : all(kAudit)) count += View(row).text("subject").find("ann") != std::string::npos;
      return {std::to_string(count)};
    } else if (sentence.starts_with("select title || '|' || revision")) {
      const std::vector<Document> rows = all(kPromotions);
      const View row(rows.at(0));
      std::string text = row.text("title");
      for (const char* member : {"revision", "leftJoinCount", "joinCount", "spent"}) {
        text += "|" + std::to_string(row.integer(member));
      }
      return {text + "|" + row.text("status")};
    } else if (sentence.starts_with("select revoked || ' '")) {
      const std::vector<Document> rows = all(kLotteryTotals);
      const View row(rows.at(0));
      return {std::to_string(row.integer("revoked")) + " " + std::to_string(row.integer("secondWon")) + " " +
              std::to_string(row.integer("voided"))};
    } else {
      ADD_FAILURE() << "nobody has said this to MongoDB yet: " << sentence;
    }
    return {};
  }

  const BorrowedDatabase database_;
  const std::string connection_;
  contract::LedgerSetup setup_;
  Options options_;
  std::unique_ptr<MongoLedger> ledger_;
  std::unique_ptr<Client> client_;
};

}  // namespace windfall::mongo

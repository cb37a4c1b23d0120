// What is written is enough to come back: the same state, the same answers, every name that is needed.
#include <set>

#include "adapters/codec/eras.hpp"
#include "application/embedded_fixture.hpp"

namespace windfall::test {
namespace {

class EmbeddedRecoveryTest : public EmbeddedFixture {
 protected:
  /// A store made from the batches.
  struct Recovered {
    VirtualTime time{kNoon};
    embedded::EmbeddedStore store{
        time, {.submit = [](const embedded::TurnBatch&) { return Result<std::uint64_t>(0); }, .at_turn_end = [] {}}};
  };
  std::unique_ptr<Recovered> recover() {
    auto recovered = std::make_unique<Recovered>();
    std::uint64_t frame = 0;
    for (const embedded::TurnBatch& batch : batches_) {
      const Result<bool> replayed = recovered->store.replay(batch.body, ++frame);
      EXPECT_TRUE(replayed) << replayed.error().message;
    }
    return recovered;
  }
  /// Names of the last batch.
  [[nodiscard]] std::vector<std::string> named() const {
    std::vector<std::string> names;
    for (const embedded::NamedUser& one : batches_.back().identities) names.push_back(one.id);
    return names;
  }
};

TEST_F(EmbeddedRecoveryTest, ReplayGivesTheStateThatWas) {
  create();
  join(1);
  end_turn_and_sync();
  create(PartitionNo{2}, "2");
  join(2);
  join(2, 50, PartitionNo{2});
  keep(command(1), "kept");
  Promotion changed = promotion();
  changed.title = "changed";
  Proposal change = creating(kFirstPartition, "1", changed);
  change.revision = Revision{1};
  start(store_.commit(std::move(change), Identity{}));
  end_turn_and_sync();

  const auto recovered = recover();
  EXPECT_EQ(recovered->store.state().digest(), store_.state().digest());
  EXPECT_EQ(recovered->store.acknowledged_position(), 2U);
  EXPECT_EQ(recovered->store.all().size(), 2U);
  EXPECT_EQ(recovered->store.find("1")->promotion.title, "changed");
  EXPECT_EQ(recovered->store.find("1")->revision, Revision{2});
  EXPECT_EQ(recovered->store.kept_answer(command(1).hash)->answer.body, "kept");
  EXPECT_EQ(recovered->store.next_partition(), PartitionNo{3});
}

TEST_F(EmbeddedRecoveryTest, ReplayAfterALostBatchGivesTheStateWithoutIt) {
  create();
  end_turn_and_sync();
  join(1);
  end_turn();
  lose(2);
  batches_.pop_back();
  join(2);
  keep(command(3), "kept");
  end_turn();
  store_.on_durable(batches_.size(), batches_.size());
  EXPECT_EQ(recover()->store.state().digest(), store_.state().digest());
}

TEST_F(EmbeddedRecoveryTest, AGapIsDamage) {
  create();
  end_turn_and_sync();
  join(1);
  end_turn_and_sync();
  join(2);
  end_turn_and_sync();
  batches_.erase(batches_.begin() + 1);
  Recovered recovered;
  ASSERT_TRUE(recovered.store.replay(batches_[0].body, 1));
  const Result<bool> gap = recovered.store.replay(batches_[1].body, 2);
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().code, FailureCode::damaged);
  EXPECT_EQ(gap.error().message, "event 3 of partition 1 does not follow event 1");
}

TEST_F(EmbeddedRecoveryTest, AFrameReplayedTwiceIsDamage) {
  create();
  end_turn_and_sync();
  Recovered recovered;
  ASSERT_TRUE(recovered.store.replay(batches_[0].body, 1));
  EXPECT_FALSE(recovered.store.replay(batches_[0].body, 2));
}

TEST_F(EmbeddedRecoveryTest, APromotionThatBeginsWithoutItsDefinitionIsDamage) {
  create();
  end_turn_and_sync();
  join(1);
  end_turn_and_sync();
  Recovered recovered;
  EXPECT_FALSE(recovered.store.replay(batches_[1].body, 1));
  EXPECT_FALSE(recovered.store.replay("\xff\xff\xff", 1));
}

TEST_F(EmbeddedRecoveryTest, AUserIsNamedOncePerPromotion) {
  create();
  create(PartitionNo{2}, "2");
  end_turn_and_sync();
  EXPECT_TRUE(named().empty());
  join(1);
  join(2);
  end_turn_and_sync();
  EXPECT_EQ(named(), (std::vector<std::string>{"user-1", "user-2"}));
  join(1);
  end_turn_and_sync();
  EXPECT_TRUE(named().empty()) << "known to this promotion";
  join(1, 50, PartitionNo{2});
  end_turn_and_sync();
  EXPECT_EQ(named(), std::vector<std::string>{"user-1"}) << "another promotion";
}

TEST_F(EmbeddedRecoveryTest, ARefusedUserIsNotNamed) {
  create();
  end_turn_and_sync();
  join(1, 1);
  join(2, 1);
  end_turn_and_sync();
  EXPECT_EQ(named(), std::vector<std::string>{"user-1"});
}

TEST_F(EmbeddedRecoveryTest, AUserIsNamedAgainAfterTheFirstNamingWasLost) {
  create();
  end_turn_and_sync();
  join(1);
  end_turn();
  lose(2);
  join(1);
  end_turn();
  EXPECT_EQ(named(), std::vector<std::string>{"user-1"});
  store_.on_durable(batches_.size(), batches_.size());
}

TEST_F(EmbeddedRecoveryTest, ALostTurnLeavesNoNameBehind) {
  create();
  end_turn_and_sync();
  join(1);
  end_turn();
  join(2);  // its turn has not ended when the batch before it is lost
  lose(2);
  join(3);
  end_turn();
  EXPECT_EQ(named(), std::vector<std::string>{"user-3"});
  store_.on_durable(batches_.size(), batches_.size());
}

TEST_F(EmbeddedRecoveryTest, AUserWhoWasErasedIsNamedAnew) {
  create();
  join(1);
  end_turn_and_sync();
  Proposal erase = proposal(UserErased{.user = user(1), .audit = {}}, kSystemPartition);
  erase.revision = store_.system_revision();
  start(store_.commit(std::move(erase), Identity{}));
  end_turn_and_sync();
  EXPECT_TRUE(store_.erased(user(1)));
  EXPECT_FALSE(store_.erased(user(2)));
  join(1);
  end_turn_and_sync();
  EXPECT_EQ(named(), std::vector<std::string>{"user-1"});
  EXPECT_TRUE(recover()->store.erased(user(1))) << "after a restart as well";
  EXPECT_EQ(recover()->store.erased_users(), (std::map<UserRef, std::uint64_t>{{user(1), 2}}));
  Proposal again = proposal(UserErased{.user = user(1), .audit = {}}, kSystemPartition);
  again.revision = store_.system_revision();
  start(store_.commit(std::move(again), Identity{}));
  end_turn_and_sync();
  EXPECT_EQ(recover()->store.erased_users(), (std::map<UserRef, std::uint64_t>{{user(1), 4}})) << "the last one counts";
}

TEST_F(EmbeddedRecoveryTest, AnErasureThatWasLostIsNone) {
  const auto erase = [this](std::uint64_t who) {
    Proposal p = proposal(UserErased{.user = user(who), .audit = {}}, kSystemPartition);
    p.revision = store_.system_revision();
    return start(store_.commit(std::move(p), Identity{}));
  };
  create();
  join(1);
  join(2);
  join(3);
  erase(1);
  end_turn_and_sync();
  erase(1);  // once more: what the first one said stays when this is lost
  erase(2);
  end_turn();
  erase(3);  // its turn has not ended when the batch before it is lost
  EXPECT_TRUE(store_.erased(user(2)) && store_.erased(user(3)));
  lose(2);
  EXPECT_EQ(store_.erased_users(), (std::map<UserRef, std::uint64_t>{{user(1), 0}}));

  join(2);
  end_turn();
  EXPECT_TRUE(named().empty()) << "known, and not erased";
  erase(3);
  end_turn();
  EXPECT_TRUE(store_.erased(user(3))) << "done again";
  store_.on_durable(batches_.size(), batches_.size());
  EXPECT_TRUE(store_.erased(user(3)));
}

TEST_F(EmbeddedRecoveryTest, EventsBeforeARestoreKeepTheIdsOfTheirLineage) {
  store_.set_lineage({1});
  create();
  join(1);
  end_turn_and_sync();
  const auto ids_in = [](const embedded::EmbeddedStore& store, const char* promotion, std::uint64_t sequence) {
    return store.event_ids(promotion, Epoch{}, Sequence{sequence}).effect;
  };
  const Uuid first = ids_in(store_, "1", 2);
  const auto restored = [this](const embedded::Lineage& ended) {
    Proposal record = proposal(Audited{.audit = {.actor = "system", .action = "restore", .reason = "a restore"},
                                       .subject = codec::restore_subject(ended)},
                               kSystemPartition);
    record.revision = store_.system_revision();
    start(store_.commit(std::move(record), Identity{}));
    end_turn_and_sync();
  };
  restored({1});
  join(2);
  create(PartitionNo{2}, "2");
  end_turn_and_sync();
  restored({2});
  join(3);
  end_turn_and_sync();

  const auto recovered = recover();
  recovered->store.set_lineage({3});
  EXPECT_EQ(recovered->store.eras().restores(), 2U);
  const auto expected = [](std::uint8_t lineage, const char* promotion, std::uint64_t sequence) {
    return codec::event_ids({.lineage = {lineage}, .promotion = promotion, .epoch = {}, .sequence = {sequence}}).effect;
  };
  EXPECT_EQ(ids_in(recovered->store, "1", 2), first);
  EXPECT_EQ(ids_in(recovered->store, "1", 2), expected(1, "1", 2));
  EXPECT_EQ(ids_in(recovered->store, "1", 3), expected(2, "1", 3));
  EXPECT_EQ(ids_in(recovered->store, "2", 1), expected(2, "2", 1)) << "made between the restores";
  EXPECT_EQ(ids_in(recovered->store, "1", 4), expected(3, "1", 4));
  EXPECT_EQ(ids_in(recovered->store, "3", 1), expected(3, "3", 1)) << "not there yet";
}

TEST_F(EmbeddedRecoveryTest, IdsOfEventsFollowFromWhereTheyStand) {
  const auto ids = [this](const char* promotion, std::uint32_t epoch, std::uint64_t sequence) {
    return store_.event_ids(promotion, Epoch{epoch}, Sequence{sequence}).event;
  };
  store_.set_lineage({1});
  const Uuid one = ids("1", 1, 1);
  EXPECT_EQ(ids("1", 1, 1), one);
  EXPECT_NE(ids("2", 1, 1), one);
  EXPECT_NE(ids("1", 2, 1), one);
  EXPECT_NE(ids("1", 1, 2), one);
  EXPECT_NE(store_.event_ids("1", Epoch{1}, Sequence{1}).effect, one);
  store_.set_lineage({2});
  EXPECT_NE(ids("1", 1, 1), one);
}

}  // namespace
}  // namespace windfall::test

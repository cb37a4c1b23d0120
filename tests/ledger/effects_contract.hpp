// What every store of effects promises, in the words of application/port/effects.hpp: one line of a backend, as for
// LedgerContract.
#pragma once

#include <gtest/gtest.h>

#include "ledger/ledger_contract.hpp"

namespace windfall::contract {

class EffectsContract : public LedgerContract {
 protected:
  void SetUp() override {
    LedgerContract::SetUp();
    p_ = log_.promotion("p");
  }

  std::vector<DueEffect> take(std::int64_t now, int limit = 256) {
    return effects().take_due(PartnerEndpoint::accruals, {now}, limit).value();
  }
  EffectId one_due(const std::string& user_id = "ann") {
    const EffectId effect = log_.join(p_, user_id);
    apply();
    return effect;
  }
  void retry(const EffectId& effect, std::int64_t at, bool unknown, bool counted = true) {
    const auto kept = effects().retry_later(
        {{.id = effect, .unknown = unknown, .counted = counted, .next_try = {at}, .error = "503"}});
    ASSERT_TRUE(kept.value());
  }
  void settle(const EffectId& effect, EffectSettled::Outcome outcome, const std::string& detail = {}) {
    log_.settle(effect, outcome, detail);
    apply();
  }
  std::string state_of(const std::string& user_id) {
    return ledger().rewards(ref_of(user_id), std::nullopt)->at(0).state;
  }

  PartitionNo p_;
};

TEST_P(EffectsContract, AParticipationMakesOneEffectThatIsDueAtOnce) {
  const EffectId effect = one_due();
  const std::vector<DueEffect> due = take(1000);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].id, effect);
  EXPECT_EQ(due[0].user_id, "ann");
  EXPECT_EQ(due[0].promotion_id, "p");
  EXPECT_EQ(due[0].amount, 500);
  EXPECT_EQ(due[0].occurred_at, log_.now());
  EXPECT_EQ(due[0].tries, 0);
  EXPECT_EQ(due[0].first_tried_at, Instant{0});
  EXPECT_FALSE(due[0].unknown);
}

TEST_P(EffectsContract, WhatIsTakenIsSendingAndNotTakenAgain) {
  one_due();
  ASSERT_EQ(take(1000).size(), 1U);
  EXPECT_EQ(state_of("ann"), "SENDING");
  EXPECT_TRUE(take(2000).empty());
  EXPECT_EQ(effects().next_due(PartnerEndpoint::accruals).value(), kEndOfTime);
}

TEST_P(EffectsContract, TakesTheOldestFirstAndAtMostTheLimit) {
  std::vector<EffectId> made;
  for (int i = 0; i < 300; ++i) made.push_back(log_.join(p_, "u" + std::to_string(i)));
  apply();
  const std::vector<DueEffect> first = take(1000, 3);
  ASSERT_EQ(first.size(), 3U);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].id, made[i]);
  EXPECT_EQ(take(1000, 10000).size(), 256U);
  EXPECT_EQ(take(1000).size(), 41U);
  EXPECT_TRUE(take(1000, 0).empty());
}

TEST_P(EffectsContract, ARetryIsDueAtItsTimeAndCountsTheCall) {
  const EffectId effect = one_due();
  take(1000);
  retry(effect, 5000, false);
  EXPECT_EQ(state_of("ann"), "PENDING");
  EXPECT_EQ(effects().next_due(PartnerEndpoint::accruals).value(), Instant{5000});
  EXPECT_TRUE(take(4999).empty());
  const std::vector<DueEffect> due = take(5000);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].tries, 1);
  EXPECT_EQ(due[0].first_tried_at, Instant{1000});
  EXPECT_FALSE(due[0].unknown);
  retry(effect, 9000, false);
  EXPECT_EQ(take(9000).at(0).tries, 2);
  EXPECT_EQ(ledger().rewards(ref_of("ann"), p_)->at(0).last_error, "503");
}

TEST_P(EffectsContract, TheOldestThatIsNotSettledIsKnownInEveryState) {
  const auto oldest = [this] { return effects().gauges()->oldest_open; };
  EXPECT_EQ(oldest(), kEndOfTime);
  const EffectId effect = one_due("ann");
  const Instant decided = log_.now();
  EXPECT_EQ(oldest(), decided) << "PENDING";
  take(1000);
  EXPECT_EQ(oldest(), decided) << "SENDING";
  retry(effect, 5000, false);
  EXPECT_EQ(oldest(), decided) << "waits for its retry";
  take(5000);
  retry(effect, 6000, true);
  EXPECT_EQ(oldest(), decided) << "UNKNOWN";
  settle(effect, EffectSettled::Outcome::dead, "late");
  EXPECT_EQ(oldest(), kEndOfTime) << "DEAD is settled: somebody has been told";
  settle(effect, EffectSettled::Outcome::redriven);
  EXPECT_EQ(oldest(), decided) << "tried again";
  settle(effect, EffectSettled::Outcome::done);
  EXPECT_EQ(oldest(), kEndOfTime) << "DONE";
}

TEST_P(EffectsContract, WhereNothingWasSentNothingIsCounted) {
  const EffectId effect = one_due();
  take(1000);
  retry(effect, 2000, false, false);
  const DueEffect due = take(2000).at(0);
  EXPECT_EQ(due.tries, 0);
  EXPECT_EQ(due.first_tried_at, Instant{0});
}

TEST_P(EffectsContract, AMissingAnswerIsAskedForBeforeItIsSentAgain) {
  const EffectId effect = one_due();
  take(1000);
  retry(effect, 2000, true);
  EXPECT_EQ(state_of("ann"), "UNKNOWN");
  EXPECT_EQ(effects().gauges()->oldest_unknown, Instant{1000});
  EXPECT_NE(effects().gauges()->oldest_open, kEndOfTime);
  EXPECT_EQ(effects().gauges()->unknown, 1);
  EXPECT_TRUE(take(2000).at(0).unknown);
  // While it is asked for, it is as unknown and as old as before.
  EXPECT_EQ(effects().gauges()->oldest_unknown, Instant{1000});
  EXPECT_EQ(effects().gauges()->unknown, 1);
  EXPECT_EQ(effects().gauges()->pending, 0);
  retry(effect, 3000, true);
  EXPECT_EQ(effects().gauges()->oldest_unknown, Instant{1000});  // its age goes on from the call that was not answered
  EXPECT_TRUE(take(3000).at(0).unknown);
  retry(effect, 4000, false);  // the partner has never seen it
  EXPECT_EQ(effects().gauges()->oldest_unknown, kEndOfTime);
  EXPECT_FALSE(take(4000).at(0).unknown);
  EXPECT_EQ(effects().gauges()->oldest_unknown, kEndOfTime) << "sent again, its first answer may still come";
}

TEST_P(EffectsContract, WhatWasSendingWhenTheProcessEndedIsUnknown) {
  one_due("ann");
  one_due("bob");
  ASSERT_EQ(take(1000, 1).size(), 1U);
  under_test_->reopen();
  EXPECT_EQ(effects().recover().value(), 1);
  EXPECT_EQ(state_of("ann"), "UNKNOWN");
  EXPECT_EQ(state_of("bob"), "PENDING");
  EXPECT_EQ(effects().recover().value(), 0);
  for (const DueEffect& due : take(2000)) {
    EXPECT_EQ(due.unknown, due.user_id == "ann");
    EXPECT_EQ(due.first_tried_at, Instant{due.unknown ? 1000 : 0});
  }
}

TEST_P(EffectsContract, DoneIsDoneForGood) {
  const EffectId effect = one_due();
  take(1000);
  settle(effect, EffectSettled::Outcome::done);
  EXPECT_EQ(state_of("ann"), "DONE");
  EXPECT_EQ(rows_of("ann")[0].accrual, AccrualState::done);
  EXPECT_FALSE(effects()
                   .retry_later({{.id = effect, .unknown = true, .counted = true, .next_try = {1}, .error = "late"}})
                   .value());
  settle(effect, EffectSettled::Outcome::dead, "late");
  settle(effect, EffectSettled::Outcome::redriven);
  settle(effect, EffectSettled::Outcome::done);
  EXPECT_EQ(state_of("ann"), "DONE");
  EXPECT_TRUE(take(9999).empty());
  EXPECT_EQ(effects().next_due(PartnerEndpoint::accruals).value(), kEndOfTime);
  EXPECT_EQ(ledger().totals(p_).value()->accruals_done, 1);
}

TEST_P(EffectsContract, ADeadEffectIsADeadLetterUntilItIsRedriven) {
  const EffectId effect = one_due();
  take(1000);
  retry(effect, 2000, false);
  take(2000);
  settle(effect, EffectSettled::Outcome::dead, "no such account");
  settle(effect, EffectSettled::Outcome::dead, "no such account");
  EXPECT_EQ(rows_of("ann")[0].accrual, AccrualState::failed);
  const std::vector<DeadLetter> letters = effects().dead_letters(0, 10).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].effect, effect);
  EXPECT_EQ(letters[0].kind, "ACCRUAL");
  EXPECT_EQ(letters[0].user_id, "ann");
  EXPECT_EQ(letters[0].promotion_id, "p");
  EXPECT_EQ(letters[0].amount, 500);
  EXPECT_EQ(letters[0].tries, 2);
  EXPECT_EQ(letters[0].last_error, "no such account");
  EXPECT_EQ(letters[0].since.ms, log_.now().ms - 1);  // when it died first
  EXPECT_EQ(effects().dead_letter(letters[0].id).value()->effect, effect);
  EXPECT_FALSE(effects().dead_letter(letters[0].id + 1).value());
  EXPECT_TRUE(take(99999).empty());

  settle(effect, EffectSettled::Outcome::redriven);
  EXPECT_EQ(rows_of("ann")[0].accrual, AccrualState::pending);
  EXPECT_TRUE(effects().dead_letters(0, 10)->empty());
  EXPECT_FALSE(effects().dead_letter(letters[0].id).value());
  const DueEffect due = take(3000).at(0);
  EXPECT_TRUE(due.unknown);
  EXPECT_EQ(due.tries, 0);  // its schedule starts again
  EXPECT_EQ(due.first_tried_at, Instant{0});
  EXPECT_EQ(ledger().rewards(ref_of("ann"), p_)->at(0).tries, 2);
  settle(effect, EffectSettled::Outcome::dead, "still no such account");
  EXPECT_GT(effects().dead_letters(0, 10)->at(0).id, letters[0].id);
  EXPECT_EQ(effects().dead_letters(0, 10)->at(0).tries, 3);
}

TEST_P(EffectsContract, ADismissedDeadLetterLeavesTheListAndTheAlarmAndStaysDead) {
  for (const char* user : {"ann", "bob"}) log_.settle(log_.join(p_, user), EffectSettled::Outcome::dead, "x");
  log_.erase("ann");
  apply();
  const DeadLetter gone = effects().dead_letters(0, 10)->at(0);
  EXPECT_EQ(gone.user_id, "");
  log_.dismiss(gone);
  log_.dismiss(gone);
  apply();
  const std::vector<DeadLetter> letters = effects().dead_letters(0, 10).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].user_id, "bob");
  EXPECT_FALSE(effects().dead_letter(gone.id).value());
  EXPECT_FALSE(effects().dead_letter(-gone.id).value());
  EXPECT_EQ(effects().gauges()->dead, 1);
  EXPECT_EQ(rows_of("ann")[0].accrual, AccrualState::failed) << "nobody was paid";
  EXPECT_FALSE(effects().open_for(ref_of("ann")).value());
}

TEST_P(EffectsContract, DeadLettersArePagedWhileTheyComeAndGo) {
  for (int i = 0; i < 7; ++i) log_.settle(log_.join(p_, "u" + std::to_string(i)), EffectSettled::Outcome::dead, "x");
  apply();
  const std::vector<DeadLetter> first = effects().dead_letters(0, 3).value();
  ASSERT_EQ(first.size(), 3U);
  log_.settle(first[1].effect, EffectSettled::Outcome::redriven);
  log_.settle(log_.join(p_, "late"), EffectSettled::Outcome::dead, "x");
  apply();
  const std::vector<DeadLetter> rest = effects().dead_letters(first.back().id, 10).value();
  ASSERT_EQ(rest.size(), 5U);
  EXPECT_EQ(rest.front().user_id, "u3");
  EXPECT_EQ(rest.back().user_id, "late");
}

TEST_P(EffectsContract, GaugesCountByState) {
  std::vector<EffectId> made;
  for (int i = 0; i < 6; ++i) made.push_back(log_.join(p_, "u" + std::to_string(i)));
  apply();
  EXPECT_EQ(effects().gauges()->pending, 6);
  EXPECT_EQ(effects().gauges()->oldest_unknown, kEndOfTime);
  ASSERT_EQ(take(1000, 4).size(), 4U);
  retry(made[0], 5000, true);
  log_.settle(made[1], EffectSettled::Outcome::dead, "x");
  log_.settle(made[2], EffectSettled::Outcome::done);
  apply();
  const Effects::Gauges gauges = effects().gauges().value();
  EXPECT_EQ(gauges.pending, 3);  // u3 is being sent
  EXPECT_EQ(gauges.unknown, 1);
  EXPECT_EQ(gauges.dead, 1);
  EXPECT_EQ(gauges.oldest_unknown, Instant{1000});
}

TEST_P(EffectsContract, AUserIsOpenWhileOneOfItsEffectsIsNotTerminal) {
  const EffectId first = one_due();
  const EffectId second = log_.join(p_, "ann", {.day = {30000}});
  apply();
  EXPECT_TRUE(effects().open_for(ref_of("ann")).value());
  EXPECT_FALSE(effects().open_for(ref_of("bob")).value());
  settle(first, EffectSettled::Outcome::done);
  take(1000);
  EXPECT_TRUE(effects().open_for(ref_of("ann")).value());
  settle(second, EffectSettled::Outcome::dead, "x");
  EXPECT_FALSE(effects().open_for(ref_of("ann")).value());
  settle(second, EffectSettled::Outcome::redriven);
  EXPECT_TRUE(effects().open_for(ref_of("ann")).value());
}

TEST_P(EffectsContract, ARebuiltLedgerAsksBeforeItSendsAndOnlyWhatTheLogHasNotSettled) {
  const EffectId open = log_.join(p_, "ann");
  const EffectId done = log_.join(p_, "bob");
  const LogBatch first = log_.batch();
  log_.settle(done, EffectSettled::Outcome::done);
  const LogBatch second = log_.batch();
  under_test_ = GetParam().make({.rebuild_until = log_.position()});
  ASSERT_TRUE(ledger().apply(first).value());
  EXPECT_TRUE(take(1000).empty());  // the log may settle them yet
  EXPECT_EQ(effects().next_due(PartnerEndpoint::accruals).value(), kEndOfTime);
  under_test_->reopen();
  ASSERT_TRUE(ledger().apply(second).value());
  const std::vector<DueEffect> due = take(1000);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].id, open);
  EXPECT_TRUE(due[0].unknown);
  one_due("cid");
  EXPECT_FALSE(take(1000).at(0).unknown);
}

}  // namespace windfall::contract

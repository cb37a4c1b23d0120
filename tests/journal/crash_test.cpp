// Loses power at every changing call in turn, with several outcomes for what had not been synced, and again during the
// recovery. Whatever happens: what was acknowledged is there, in order, and nothing else but a whole continuation of
// it.
#include <gtest/gtest.h>

#include <array>

#include "journal/journal_fixture.hpp"

namespace windfall::journal {
namespace {

constexpr UserRef kAlice{1, 2};
constexpr int kBatches = 14;
constexpr std::uint32_t kOutcomes = 6;  // of one crash; each keeps another part of what was not synced

std::string body_of(int batch) { return "<" + std::to_string(batch) + std::string(90, '.') + ">"; }

struct Load {
  int submitted = 0;
  int acknowledged = 0;
  bool erasing = false;
  bool erased = false;
  bool closed = false;
};

/// Some batches wait for their sync, others queue up behind it; in the middle a user is erased.
Load put_load(MemoryFileSystem& files) {
  Load done;
  Journal journal(files);
  if (!journal.is_open()) return done;
  const std::vector<Identity> identities{{kAlice, "alice-in-wonderland"}, {{3, 4}, "bob"}};
  for (int batch = 0; batch < kBatches; ++batch) {
    const auto ticket = journal->submit(body_of(batch), batch % 5 == 0 ? identities : std::vector<Identity>{});
    if (!ticket) return done;
    ++done.submitted;
    if (batch % 3 == 2) continue;
    if (!journal.await(*ticket)) return done;
    done.acknowledged = done.submitted;
    if (batch == 6) {
      done.erasing = true;
      if (!journal->erase(std::array{Erasure{.ref = kAlice}})) return done;
      done.erased = true;
    }
  }
  done.closed = journal->close().has_value();
  if (done.closed) done.acknowledged = done.submitted;
  return done;
}

/// Bodies of the frames; fails the test if they are not what was submitted, in order, at least as far as it was
/// acknowledged.
void check(const Load& done, const std::vector<SeenFrame>& frames, const std::string& when) {
  std::string all;
  for (const SeenFrame& frame : frames) all += frame.body;

  std::string expected;
  int whole = 0;
  while (whole < done.submitted && expected.size() < all.size()) expected += body_of(whole++);
  ASSERT_EQ(all, expected) << when;
  ASSERT_GE(whole, done.acknowledged) << when;
  for (const SeenFrame& frame : frames) {
    for (const SeenIdentity& identity : frame.identities) {
      if (identity.ref == kAlice && done.erased && frame.sequence <= 5) {
        EXPECT_EQ(identity.state, IdentityState::erased) << when;
      }
      if (identity.ref != kAlice) EXPECT_EQ(identity.id, "bob") << when;
    }
  }
}

std::set<UserRef> erased_users(const Load& done) {
  return done.erasing ? std::set<UserRef>{kAlice} : std::set<UserRef>{};
}

TEST(Crash, AtEveryCallKeepsWhatWasAcknowledged) {
  std::uint64_t k = 1;
  for (bool finished = false; !finished; ++k) {
    MemoryFileSystem files;
    files.lose_power_at(k);
    const Load done = put_load(files);
    finished = done.closed && !files.lost_power();
    for (std::uint32_t outcome = 0; outcome < kOutcomes; ++outcome) {
      const std::string when = "call " + std::to_string(k) + ", outcome " + std::to_string(outcome);
      const auto image = files.crash(static_cast<std::uint32_t>(k) * 1000 + outcome);
      const auto again = MemoryFileSystem::from(image);
      {
        Journal journal(*again, small_options(), erased_users(done));
        ASSERT_TRUE(journal.is_open()) << when << ": " << journal.refusal().message;
        check(done, journal.recovered(), when);
        ASSERT_TRUE(journal.put("goes on")) << when;
        ASSERT_TRUE(journal->close()) << when;
      }
      const auto verdict = verify(kData, {}, *again);
      ASSERT_TRUE(verdict) << when;
      EXPECT_TRUE(verdict->findings.empty()) << when << ": " << to_text(verdict->findings.front());
      EXPECT_TRUE(verdict->notes.empty()) << when;
      EXPECT_TRUE(verdict->clean_stop) << when;
    }
  }
  EXPECT_GT(k, 50U) << "the run is too short to mean anything";
}

TEST(Crash, DuringTheRecoveryFromACrashKeepsWhatWasAcknowledged) {
  for (std::uint64_t k = 12; k < 80; k += 9) {
    MemoryFileSystem files;
    files.lose_power_at(k);
    const Load done = put_load(files);
    const auto image = files.crash(static_cast<std::uint32_t>(k));
    bool opened = false;
    for (std::uint64_t j = 1; !opened; ++j) {
      const auto second = MemoryFileSystem::from(image);
      second->lose_power_at(j);
      opened = Journal(*second, small_options(), erased_users(done)).is_open();
      for (std::uint32_t outcome = 0; outcome < kOutcomes; ++outcome) {
        const std::string when = "call " + std::to_string(k) + ", then " + std::to_string(j);
        const Start start = start_on(second->crash(outcome), small_options(), erased_users(done));
        ASSERT_FALSE(start.refusal) << when << ": " << start.refusal->message;
        check(done, start.frames, when);
      }
    }
  }
}

}  // namespace
}  // namespace windfall::journal

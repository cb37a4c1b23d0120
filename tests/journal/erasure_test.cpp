#include "adapters/journal/erasure.hpp"

#include <gtest/gtest.h>

#include <array>

#include "journal/journal_fixture.hpp"

namespace windfall::journal {
namespace {

constexpr UserRef kAlice{1, 2};
constexpr UserRef kBob{3, 4};

TEST(Erasure, RemovesAnIdFromEveryFrameForGoodAndLeavesTheRest) {
  MemoryFileSystem files;
  {
    Journal journal(files);
    const std::vector<Identity> both{{kAlice, "alice-in-wonderland"}, {kBob, "bob"}};
    const std::vector<Identity> alice{{kAlice, "alice-in-wonderland"}};
    ASSERT_TRUE(journal.put("one", both));
    ASSERT_TRUE(journal.put(std::string(400, '2')));
    ASSERT_TRUE(journal.put(std::string(300, '3'), alice));
    EXPECT_EQ(journal->erase(std::array{Erasure{.ref = kAlice}}), 2U);
    EXPECT_EQ(journal->erase(std::array{Erasure{.ref = kAlice}}), 0U) << "repeating it is harmless";
    ASSERT_TRUE(journal.put("four"));
  }
  for (std::uint32_t seed = 0; seed < 10; ++seed) {
    const auto image = files.crash(seed);
    for (const auto& [path, bytes] : image) {
      EXPECT_EQ(bytes.find("alice"), std::string::npos);
      EXPECT_EQ(bytes.find("wonderland"), std::string::npos);
    }
    const Start start = start_on(image);
    ASSERT_FALSE(start.refusal);
    ASSERT_EQ(start.frames.size(), 4U);
    EXPECT_EQ(start.frames[0].identities,
              (std::vector<SeenIdentity>{{kAlice, "", IdentityState::erased}, {kBob, "bob", IdentityState::sound}}));
    EXPECT_EQ(start.frames[2].identities, (std::vector<SeenIdentity>{{kAlice, "", IdentityState::erased}}));
  }
}

TEST(Erasure, TornAtAnyByteIsRepeatedForTheErasedAndRefusedForOthers) {
  const auto whole = journal_of({"one", "two"});
  constexpr std::size_t kEntry = 64 + 3;
  constexpr std::size_t kErasable = kEntry + 17;
  constexpr std::size_t kBytes = 4 + 5;
  ASSERT_EQ(whole.at(kFirstSegment).substr(kErasable + 4, 5), "alice");
  auto done = whole;
  done[kFirstSegment].replace(kErasable, kBytes, kBytes, '\0');

  for (std::size_t from = 0; from <= kBytes; ++from) {
    for (std::size_t to = from; to <= kBytes; ++to) {
      auto torn = whole;
      torn[kFirstSegment].replace(kErasable + from, to - from, to - from, '\0');
      const bool touched = torn != whole;
      const bool finished = torn == done;

      std::map<std::string, std::string> after;
      const Start repeated = start_on(torn, small_options(), {kAlice}, &after);
      ASSERT_FALSE(repeated.refusal) << from << " to " << to;
      ASSERT_EQ(repeated.frames.size(), 2U);
      ASSERT_EQ(after.at(kFirstSegment), touched ? done.at(kFirstSegment) : whole.at(kFirstSegment));

      const Start refused = start_on(torn, small_options(), {kBob}, &after);
      ASSERT_EQ(refused.refusal.has_value(), touched && !finished) << from << " to " << to;
      if (refused.refusal) {
        EXPECT_NE(refused.refusal->message.find(kFirstSegment + " at offset " + std::to_string(kErasable)),
                  std::string::npos)
            << refused.refusal->message;
        EXPECT_EQ(after.at(kFirstSegment), torn.at(kFirstSegment));
      }
    }
  }
}

TEST(Erasure, GoesOnBesideTheRunningWriter) {
  MemoryFileSystem files;
  Journal journal(files);
  const std::vector<Identity> alice{{kAlice, "alice"}};
  ASSERT_TRUE(journal.put("one", alice));
  files.hold_syncs_of(".seg");
  const auto two = journal->submit("two", alice);
  ASSERT_TRUE(two);
  files.wait_until_a_sync_is_held();
  EXPECT_EQ(find_identities(files, kData, kLineage, journal->durable(), std::array{Erasure{.ref = kAlice}})->size(), 1U)
      << "the frame that is not durable yet is left alone";
  files.release_syncs();
  ASSERT_TRUE(journal.await(*two));
  EXPECT_EQ(journal->erase(std::array{Erasure{.ref = kAlice}}), 2U);
}

TEST(Erasure, EndsWithItsFrameForWhoeverCameBack) {
  MemoryFileSystem files;
  Journal journal(files);
  const std::vector<Identity> alice{{kAlice, "alice"}};
  for (const char* body : {"one", "two", "three"}) ASSERT_TRUE(journal.put(body, alice));
  EXPECT_EQ(journal->erase(std::array{Erasure{.ref = kAlice, .last_frame = 2}}), 2U);
  const auto left =
      find_identities(files, kData, kLineage, journal->durable(), std::array{Erasure{.ref = kAlice}}).value();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(journal->erase(std::array{Erasure{.ref = kAlice, .last_frame = 2}}), 0U);
  EXPECT_EQ(journal->erase(std::array{Erasure{.ref = kAlice, .last_frame = 3}}), 1U) << "a second one";
}

TEST(Erasure, StopsTheProcessWhenItsSyncFails) {
  MemoryFileSystem files;
  Journal journal(files);
  ASSERT_TRUE(journal.put("one", {{{kAlice, "alice"}}}));
  files.fail_when([](Call call, const std::string&) -> std::optional<int> {
    return call == Call::sync ? std::optional{EIO} : std::nullopt;
  });
  EXPECT_FALSE(journal->erase(std::array{Erasure{.ref = kAlice}}));
  EXPECT_FALSE(journal.fatal().empty());
}

}  // namespace
}  // namespace windfall::journal

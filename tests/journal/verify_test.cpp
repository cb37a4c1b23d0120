#include "adapters/journal/verify.hpp"

#include <gtest/gtest.h>

#include "journal/journal_fixture.hpp"

namespace windfall::journal {
namespace {

const std::vector<std::string> kBodies{"one", std::string(200, '2'), std::string(300, '3'), std::string(400, '4')};

TEST(Verify, FindsNothingInAJournalThatWasStoppedInOrder) {
  MemoryFileSystem files;
  {
    Journal journal(files);
    for (const std::string& body : kBodies) ASSERT_TRUE(journal.put(body));
    ASSERT_TRUE(journal->close());
  }
  const auto before = files.image();
  std::vector<std::string> bodies;
  const auto verdict = verify(kData,
                              {0,
                               [&](const Frame& frame) -> Result<void> {
                                 bodies.emplace_back(frame.view.body);
                                 return {};
                               },
                               nullptr},
                              files);
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->clean_stop);
  EXPECT_TRUE(verdict->notes.empty());
  EXPECT_TRUE(verdict->findings.empty());
  EXPECT_EQ(verdict->survey.frames, kBodies.size() + 1);
  EXPECT_EQ(bodies.size(), kBodies.size() + 1);
  EXPECT_EQ(files.image(), before);
}

TEST(Verify, NotesATornTailWithItsOffset) {
  auto image = journal_of({"one", "two"});
  const std::size_t end = start_on(image).frames[1].position.offset;
  image[kFirstSegment][end + 64] ^= 1;
  const auto files = MemoryFileSystem::from(image);
  const auto verdict = verify(kData, {}, *files);
  ASSERT_TRUE(verdict);
  ASSERT_EQ(verdict->notes.size(), 1U);
  EXPECT_EQ(verdict->notes[0].file, kFirstSegment);
  EXPECT_EQ(verdict->notes[0].offset, end);
  EXPECT_TRUE(verdict->findings.empty());
  EXPECT_FALSE(verdict->clean_stop);
  EXPECT_EQ(files->image(), image);
}

TEST(Verify, ReportsEveryDamagedPlaceAndReadsOnBehindIt) {
  auto image = journal_of({"one", "two", "three", "four", "five"});
  const std::vector<SeenFrame> frames = start_on(image).frames;
  for (const std::size_t damaged : {1U, 3U}) {
    const Position& at = frames[damaged].position;
    image[segment_path(kData, at.segment_first_sequence)][at.offset + 64] ^= 1;
  }
  const auto files = MemoryFileSystem::from(image);
  std::vector<std::string> bodies;
  const auto verdict = verify(kData,
                              {0,
                               [&](const Frame& frame) -> Result<void> {
                                 bodies.emplace_back(frame.view.body);
                                 return {};
                               },
                               nullptr},
                              *files);
  ASSERT_TRUE(verdict);
  ASSERT_EQ(verdict->findings.size(), 2U);
  EXPECT_EQ(verdict->findings[0].offset, frames[1].position.offset);
  EXPECT_EQ(verdict->findings[1].offset, frames[3].position.offset);
  EXPECT_EQ(bodies, (std::vector<std::string>{"one", "three", "five"}));
}

TEST(Verify, ReportsGapsBetweenSegmentsAndWhatTheLedgerMisses) {
  auto image = journal_of({std::string(450, '1'), std::string(450, '2'), std::string(450, '3')});
  std::string second;
  for (const auto& [path, bytes] : image) {
    if (path.ends_with(".seg") && path != kFirstSegment && second.empty()) second = path;
  }
  image.erase(second);
  const auto files = MemoryFileSystem::from(image);
  const auto verdict = verify(kData, {99, nullptr, nullptr}, *files);
  ASSERT_TRUE(verdict);
  ASSERT_EQ(verdict->findings.size(), 2U);
  EXPECT_NE(verdict->findings[0].what.find("missing"), std::string::npos);
  EXPECT_NE(verdict->findings[1].what.find("frame 99"), std::string::npos);
}

TEST(Verify, ReportsAChangedIdentityUnlessItIsBeingErased) {
  auto image = journal_of({"one"});
  image[kFirstSegment][64 + 3 + 21] ^= 1;
  const auto files = MemoryFileSystem::from(image);
  const auto damaged = verify(kData, {}, *files);
  ASSERT_TRUE(damaged);
  ASSERT_EQ(damaged->findings.size(), 1U);
  EXPECT_EQ(damaged->findings[0].offset, 64U + 3 + 17);
  const auto erased = verify(kData, {0, nullptr, [](UserRef ref) { return ref == UserRef{1, 2}; }}, *files);
  EXPECT_TRUE(erased->findings.empty());
  EXPECT_EQ(erased->notes.size(), 1U);
}

TEST(Verify, RefusesADirectoryInUse) {
  MemoryFileSystem files;
  const Journal journal(files);
  const auto verdict = verify(kData, {}, files);
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, FailureCode::conflict);
}

}  // namespace
}  // namespace windfall::journal

#include "adapters/journal/reader.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "journal/journal_fixture.hpp"

namespace windfall::journal {
namespace {

const std::vector<std::string> kBodies{"one",  std::string(300, '2'), std::string(300, '3'),
                                       "four", std::string(400, '5'), "six"};

std::vector<SeenFrame> read_all(Reader& reader, Position& at, std::uint64_t up_to) {
  std::vector<SeenFrame> frames;
  while (at.frame_sequence <= up_to) {
    const auto chunk = reader.read(at, 1, up_to);
    if (!chunk) {
      ADD_FAILURE() << chunk.error().message;
      break;
    }
    for (const Frame& frame : chunk->frames) frames.push_back(seen(frame));
    at = chunk->next;
  }
  return frames;
}

TEST(Reader, ReturnsWhatRecoveryWouldShow) {
  const auto image = journal_of(kBodies);
  const auto files = MemoryFileSystem::from(image);
  Reader reader(kData, kLineage, *files);
  Position at;
  EXPECT_EQ(read_all(reader, at, kBodies.size()), start_on(image).frames);
  EXPECT_EQ(at.frame_sequence, kBodies.size() + 1);
}

TEST(Reader, GoesNoFurtherThanItIsTold) {
  const auto files = MemoryFileSystem::from(journal_of(kBodies));
  Reader reader(kData, kLineage, *files);
  Position at;
  EXPECT_EQ(read_all(reader, at, 4).size(), 4U);
  const auto nothing = reader.read(at, 1000, 4);
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->frames.empty());
  EXPECT_EQ(nothing->next, at);
  EXPECT_EQ(read_all(reader, at, 6).size(), 2U);
}

TEST(Reader, FindsAnyPositionAgainFromItsSequenceAlone) {
  const auto files = MemoryFileSystem::from(journal_of(kBodies));
  for (std::uint64_t sequence = 1; sequence <= kBodies.size(); ++sequence) {
    // Nothing but the sequence; a segment that is not there; a place where no frame starts.
    for (const Position stored : {Position{sequence, 0, 0}, Position{sequence, 77, 5}, Position{sequence, 1, 3}}) {
      Reader reader(kData, kLineage, *files);
      const auto chunk = reader.read(stored, 1, kBodies.size());
      ASSERT_TRUE(chunk) << chunk.error().message;
      ASSERT_FALSE(chunk->frames.empty());
      EXPECT_EQ(chunk->frames[0].view.body, kBodies[sequence - 1]);
    }
  }
}

TEST(Reader, ReportsAFrameThatMustBeThereAndIsNot) {
  auto image = journal_of(kBodies);
  {
    const auto files = MemoryFileSystem::from(image);
    Reader reader(kData, kLineage, *files);
    const auto beyond = reader.read({kBodies.size() + 1, 0, 0}, 1, kBodies.size() + 1);
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().code, FailureCode::damaged);
  }
  image[kFirstSegment][64] ^= 1;
  const auto files = MemoryFileSystem::from(image);
  Reader reader(kData, kLineage, *files);
  const auto bad = reader.read({}, 1, kBodies.size());
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, FailureCode::damaged);
  EXPECT_NE(bad.error().message.find(kFirstSegment + " at offset 0"), std::string::npos);
}

TEST(Reader, ReadsFramesLargerThanItWasAskedFor) {
  WriterOptions options = small_options();
  options.segment_bytes = 1024 * 1024;
  options.max_queued_bytes = 512 * 1024;
  const std::string large(3 * kLeastReadBytes, 'x');
  const auto files = MemoryFileSystem::from(journal_of({"one", large, "three"}, options));
  Reader reader(kData, kLineage, *files);
  Position at;
  const auto frames = read_all(reader, at, 3);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[1].body, large);
}

TEST(Reader, FollowsTheWriterAcrossSegmentsWhileIdentitiesAreErased) {
  MemoryFileSystem files;
  WriterOptions options = small_options();
  options.segment_bytes = 4096;
  options.max_queued_bytes = 2048;
  Journal journal(files, options);
  constexpr int kBatches = 2000;
  constexpr UserRef kAlice{1, 2};
  std::string submitted;
  std::thread producer([&] {
    const std::vector<Identity> identities{{kAlice, "alice"}};
    for (int i = 0; i < kBatches; ++i) {
      const std::string body = std::to_string(i) + ";";
      submitted += body;
      while (!journal->submit(body, identities)) std::this_thread::yield();
      if (i % 500 == 250) EXPECT_TRUE(journal->erase(std::array{Erasure{.ref = kAlice}}));
    }
  });
  std::string followed;
  Reader reader(kData, kLineage, files);
  Position at;
  std::uint64_t last = 0;
  while (followed.size() < 2 || !followed.ends_with(";" + std::to_string(kBatches - 1) + ";")) {
    const auto chunk = reader.read(at, 1000, journal->durable());
    ASSERT_TRUE(chunk) << chunk.error().message;
    for (const Frame& frame : chunk->frames) {
      EXPECT_EQ(frame.view.sequence, ++last);
      followed += frame.view.body;
    }
    at = chunk->next;
    std::this_thread::yield();
  }
  producer.join();
  EXPECT_EQ(followed, submitted);
}

TEST(Position, SurvivesBeingStoredAsText) {
  for (const Position position : {Position{}, Position{18446744073709551615U, 12, 345}}) {
    EXPECT_EQ(position_from_text(to_text(position)), position);
  }
  EXPECT_EQ(to_text(Position{7, 5, 640}), "7:5:640");
  for (const char* text :
       {"", "1", "1:2", "1:2:", "0:1:2", "1:2:3:4", "1:2:3 ", "-1:2:3", "1:2:99999999999999999999"}) {
    EXPECT_EQ(position_from_text(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace windfall::journal

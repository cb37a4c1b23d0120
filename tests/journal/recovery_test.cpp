// What a start makes of every way in which the last process, or the disk, may have left the files.
#include <gtest/gtest.h>

#include <algorithm>

#include "journal/journal_fixture.hpp"

namespace windfall::journal {
namespace {

using Image = std::map<std::string, std::string>;

const std::vector<std::string> kBodies{"one",  std::string(150, '2'), "three", std::string(300, '4'),
                                       "five", std::string(200, '6'), "seven"};

/// Offset in its segment of the frame, and the offset behind it.
struct Extent {
  std::string path;
  std::size_t begin = 0;
  std::size_t end = 0;
};
Extent extent_of(const Image& image, const SeenFrame& frame) {
  const std::string path = segment_path(kData, frame.position.segment_first_sequence);
  const auto at = static_cast<std::size_t>(frame.position.offset);
  return {path, at, at + claimed_length(std::string_view{image.at(path)}.substr(at))};
}

bool names_place(const Failure& refusal, const std::string& path) {
  return refusal.code == FailureCode::damaged && refusal.message.find(path + " at offset ") != std::string::npos;
}

TEST(Recovery, ShowsEveryFrameAgainAndGoesOn) {
  MemoryFileSystem files;
  {
    Journal journal(files);
    ASSERT_TRUE(journal.put("one", {{{{1, 2}, "alice"}}}));
    ASSERT_TRUE(journal.put("two"));
  }
  {
    Journal journal(files);
    ASSERT_TRUE(journal.is_open());
    ASSERT_EQ(journal.recovered().size(), 2U);
    EXPECT_EQ(journal.recovered()[0].body, "one");
    EXPECT_EQ(journal.recovered()[0].identities, (std::vector<SeenIdentity>{{{1, 2}, "alice"}}));
    EXPECT_EQ(journal.recovered()[1].body, "two");
    EXPECT_EQ(journal->durable(), 2U);
    EXPECT_TRUE(journal.put("three"));
    EXPECT_EQ(journal.durables().back().frame_sequence, 3U);
  }
  EXPECT_EQ(Journal(files).recovered().size(), 3U);
}

TEST(Recovery, CutsATornTailOfEveryLengthAndZeroesIt) {
  const Image whole = journal_of(kBodies);
  const Start before = start_on(whole);
  const Extent last = extent_of(whole, before.frames.back());
  for (std::size_t end = last.begin; end < last.end; ++end) {
    for (const char rest : {'\0', '\x5A'}) {
      Image torn = whole;
      std::string& segment = torn[last.path];
      std::fill(segment.begin() + static_cast<long>(end), segment.begin() + static_cast<long>(last.end), rest);
      if (segment == whole.at(last.path)) continue;
      Image after;
      const Start start = start_on(torn, small_options(), {}, &after);
      ASSERT_FALSE(start.refusal) << end << ": " << start.refusal->message;
      ASSERT_EQ(start.frames.size(), kBodies.size() - 1) << end;
      ASSERT_TRUE(std::equal(start.frames.begin(), start.frames.end(), before.frames.begin())) << end;
      ASSERT_EQ(start.cut.has_value(), end > last.begin || rest != '\0') << end;
      ASSERT_EQ(after.at(last.path).find_first_not_of('\0', last.begin), std::string::npos) << end;
    }
  }
}

TEST(Recovery, CutsAFileThatEndsInTheMiddleOfItsLastFrame) {
  const Image whole = journal_of(kBodies);
  const Extent last = extent_of(whole, start_on(whole).frames.back());
  for (std::size_t end = last.begin; end < last.end; ++end) {
    Image torn = whole;
    torn[last.path].resize(end);
    const auto files = MemoryFileSystem::from(torn);
    {
      Journal journal(*files);
      ASSERT_TRUE(journal.is_open()) << end;
      ASSERT_EQ(journal.recovered().size(), kBodies.size() - 1) << end;
      ASSERT_TRUE(journal.put("next")) << end;
    }
    Journal again(*files);
    ASSERT_EQ(again.recovered().back().body, "next") << end;
  }
}

TEST(Recovery, NeverTakesAFlippedByteForGood) {
  const Image whole = journal_of(kBodies);
  const std::vector<SeenFrame> frames = start_on(whole).frames;
  const Extent last = extent_of(whole, frames.back());
  int refused = 0;
  int cut = 0;
  int harmless = 0;
  for (const auto& [path, bytes] : whole) {
    if (!path.ends_with(".seg")) continue;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      Image flipped = whole;
      flipped[path][at] = static_cast<char>(bytes[at] ^ (at % 2 == 0 ? 0x01 : 0xFF));
      const Start start = start_on(flipped);
      const bool in_last = path == last.path && at >= last.begin && at < last.end;
      if (start.refusal) {
        ASSERT_TRUE(names_place(*start.refusal, path)) << path << " " << at << ": " << start.refusal->message;
        const auto named = std::stoul(start.refusal->message.substr(start.refusal->message.find(" at offset ") + 11));
        ASSERT_LE(named, at) << start.refusal->message;
        ++refused;
      } else if (start.frames == frames) {  // behind the frames of a segment
        ASSERT_EQ(bytes[at], '\0') << path << " " << at;
        ++harmless;
      } else {
        ASSERT_TRUE(in_last) << path << " " << at;
        ASSERT_EQ(start.frames, std::vector<SeenFrame>(frames.begin(), frames.end() - 1));
        ASSERT_TRUE(start.cut);
        ++cut;
      }
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_EQ(cut, static_cast<int>(last.end - last.begin));
  EXPECT_GT(harmless, 100);
}

TEST(Recovery, RefusesATornTailThatTheLedgerHasSeen) {
  const Image whole = journal_of(kBodies);
  const Extent last = extent_of(whole, start_on(whole).frames.back());
  Image torn = whole;
  torn[last.path][last.end - 1] = static_cast<char>(torn[last.path][last.end - 1] ^ 1);
  WriterOptions options = small_options();
  options.covered = kBodies.size() - 1;
  EXPECT_FALSE(start_on(torn, options).refusal);
  options.covered = kBodies.size();
  Image after;
  const Start start = start_on(torn, options, {}, &after);
  ASSERT_TRUE(start.refusal);
  EXPECT_TRUE(names_place(*start.refusal, last.path)) << start.refusal->message;
  EXPECT_EQ(after.at(last.path), torn.at(last.path)) << "a refused start writes nothing";
  EXPECT_FALSE(start_on(whole, options).refusal);
}

TEST(Recovery, RefusesAJournalThatEndsBeforeWhatTheLedgerHasSeen) {
  WriterOptions options = small_options();
  options.covered = 1;
  EXPECT_EQ(start_on({}, options).refusal->code, FailureCode::damaged);
  options.covered = kBodies.size() + 1;
  EXPECT_EQ(start_on(journal_of(kBodies), options).refusal->code, FailureCode::damaged);
}

TEST(Recovery, ACleanStopCoversTheFrameBeforeIt) {
  MemoryFileSystem files;
  {
    Journal journal(files);
    ASSERT_TRUE(journal.put("one"));
    ASSERT_TRUE(journal.put("two"));
    ASSERT_TRUE(journal->close());
  }
  const Image whole = files.image();
  const std::vector<SeenFrame> frames = start_on(whole).frames;
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[2].kind, FrameKind::clean_stop);
  const Extent two = extent_of(whole, frames[1]);
  for (std::size_t at = two.begin; at < two.end; ++at) {
    Image flipped = whole;
    flipped[two.path][at] = static_cast<char>(flipped[two.path][at] ^ 4);
    const Start start = start_on(flipped);
    ASSERT_TRUE(start.refusal) << at;
    ASSERT_TRUE(names_place(*start.refusal, two.path));
  }
}

TEST(Recovery, TakesWhatAReusedFileHeldBeforeForAnEnd) {
  const Image whole = journal_of({"one", "two"});
  const std::vector<SeenFrame> frames = start_on(whole).frames;
  const Extent last = extent_of(whole, frames.back());
  FrameDraft draft;
  draft.add("stale", {});
  for (const auto& [lineage, sequence] : {std::pair{kLineage, 1U}, std::pair{kOtherLineage, 3U}}) {
    Image stale = whole;
    const std::string old(draft.seal(FrameKind::data, lineage, sequence, {}));
    draft.clear();
    draft.add("stale", {});
    stale[last.path].replace(last.end, old.size(), old);
    const Start start = start_on(stale);
    ASSERT_FALSE(start.refusal) << start.refusal->message;
    EXPECT_EQ(start.frames, frames);
  }
}

TEST(Recovery, RefusesALaterFrameBehindAHole) {
  const Image whole = journal_of({"one", "two", "three"});
  const std::vector<SeenFrame> frames = start_on(whole).frames;
  const Extent two = extent_of(whole, frames[1]);
  Image zeroed = whole;
  zeroed[two.path].replace(two.begin, two.end - two.begin, two.end - two.begin, '\0');
  const Start start = start_on(zeroed);
  ASSERT_TRUE(start.refusal);
  EXPECT_TRUE(names_place(*start.refusal, two.path));
}

TEST(Recovery, RefusesAFrameThatDoesNotFollowFromTheOneBefore) {
  Image image = journal_of({"one"});
  const Extent one = extent_of(image, start_on(image).frames[0]);
  FrameDraft draft;
  draft.add("two", {});
  const std::string stranger(draft.seal(FrameKind::data, kLineage, 2, {1, 1}));
  image[one.path].replace(one.end, stranger.size(), stranger);
  const Start start = start_on(image);
  ASSERT_TRUE(start.refusal);
  EXPECT_TRUE(names_place(*start.refusal, one.path));
  EXPECT_NE(start.refusal->message.find("does not follow"), std::string::npos);
}

TEST(Recovery, RefusesAMissingSegment) {
  const Image whole = journal_of(kBodies);
  std::vector<std::string> segments;
  for (const auto& [path, bytes] : whole) {
    if (path.ends_with(".seg")) segments.push_back(path);
  }
  ASSERT_GE(segments.size(), 3U);
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    Image missing = whole;
    missing.erase(segments[i]);
    const Start start = start_on(missing);
    ASSERT_TRUE(start.refusal) << segments[i];
    EXPECT_EQ(start.refusal->code, FailureCode::damaged);
  }
}

TEST(Recovery, RefusesSegmentsWithoutTheirLineage) {
  Image image = journal_of({"one"});
  image.erase(kData + "/lineage");
  EXPECT_EQ(start_on(image).refusal->code, FailureCode::damaged);
}

TEST(Recovery, RefusesTheFirstSegmentOfAnotherLineage) {
  Image image = journal_of({"one"});
  image[kData + "/lineage"] = encode_lineage({kFormatVersion, kOtherLineage, kFingerprint});
  WriterOptions options = small_options();
  options.lineage.reset();
  Image after;
  const Start start = start_on(image, options, {}, &after);
  ASSERT_TRUE(start.refusal);
  EXPECT_TRUE(names_place(*start.refusal, kFirstSegment)) << start.refusal->message;
  EXPECT_EQ(after.at(kFirstSegment), image.at(kFirstSegment));
}

TEST(Recovery, RefusesAnotherLineageAnotherKeyAndAnUnknownVersion) {
  const Image image = journal_of({"one"});
  WriterOptions options = small_options();
  options.lineage = kOtherLineage;
  EXPECT_EQ(start_on(image, options).refusal->code, FailureCode::conflict);

  options = small_options();
  options.fingerprint.bytes[7] = 1;
  const Start other_key = start_on(image, options);
  EXPECT_EQ(other_key.refusal->code, FailureCode::conflict);
  EXPECT_NE(other_key.refusal->message.find("user-hash key"), std::string::npos);

  Image newer = image;
  newer[kData + "/lineage"] = encode_lineage({kFormatVersion + 1, kLineage, kFingerprint});
  const Start unknown = start_on(newer);
  EXPECT_EQ(unknown.refusal->code, FailureCode::invalid);
  EXPECT_NE(unknown.refusal->message.find("version 2"), std::string::npos);
}

TEST(Recovery, MakesANewDirectoryWithARandomLineageUnlessOneIsGiven) {
  WriterOptions options = small_options();
  options.lineage.reset();
  MemoryFileSystem first;
  MemoryFileSystem second;
  Journal one(first, options);
  Journal other(second, options);
  EXPECT_NE(one->lineage(), other->lineage());
  MemoryFileSystem third;
  EXPECT_EQ(Journal(third)->lineage(), kLineage);
}

TEST(Recovery, StopsWhereTheVisitorRefuses) {
  const auto files = MemoryFileSystem::from(journal_of({"one", "two", "three"}));
  int visits = 0;
  WriterHooks hooks;
  hooks.visit = [&](const Frame& frame) -> Result<void> {
    ++visits;
    if (frame.view.body == "two") return fail(FailureCode::damaged, "an event nobody knows");
    return {};
  };
  const auto opened = Writer::open(small_options(), std::move(hooks), *files);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, "an event nobody knows");
  EXPECT_EQ(visits, 2);
}

TEST(Recovery, SyncsTheTailBeforeItSaysWhatIsThere) {
  MemoryFileSystem files;
  {
    Journal journal(files);
    ASSERT_TRUE(journal.put("one"));
    files.fail_when([](Call call, const std::string& path) -> std::optional<int> {
      return call == Call::sync && path.ends_with(".seg") ? std::optional{EIO} : std::nullopt;
    });
    ASSERT_TRUE(journal->submit("two", {}));
    journal.await_fatal();  // "two" is in the system's memory, and its sync has failed
  }
  Journal refused(files);
  ASSERT_FALSE(refused.is_open());
  files.fail_when(nullptr);
  const Journal opened(files);
  ASSERT_EQ(opened.recovered().size(), 2U);
  for (std::uint32_t seed = 0; seed < 20; ++seed) EXPECT_EQ(start_on(files.crash(seed)).frames.size(), 2U);
}

}  // namespace
}  // namespace windfall::journal

#include "adapters/journal/writer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "journal/journal_fixture.hpp"

namespace windfall::journal {
namespace {

std::string concatenated(const std::vector<SeenFrame>& frames) {
  std::string bodies;
  for (const SeenFrame& frame : frames) bodies += frame.body;
  return bodies;
}

TEST(Writer, PutsWhatQueuedDuringASyncIntoOneFrame) {
  MemoryFileSystem files;
  {
    Journal journal(files);
    files.hold_syncs_of(".seg");
    ASSERT_TRUE(journal->submit("a", {}));
    files.wait_until_a_sync_is_held();
    const std::vector<Identity> identities{{{1, 2}, "alice"}};
    ASSERT_TRUE(journal->submit("b", {}));
    ASSERT_TRUE(journal->submit("c", identities));
    const auto last = journal->submit("d", {});
    EXPECT_TRUE(journal.durables().empty()) << "nothing is durable before its sync has returned";
    files.release_syncs();
    ASSERT_TRUE(journal.await(*last));
    const auto durables = journal.durables();
    ASSERT_EQ(durables.size(), 2U);
    EXPECT_EQ(durables[0].up_to, Ticket{1});
    EXPECT_EQ(durables[1].up_to, Ticket{4});
    EXPECT_EQ(durables[1].frame_sequence, 2U);
    EXPECT_EQ(journal->durable(), 2U);
  }
  const Journal again(files);
  ASSERT_EQ(again.recovered().size(), 2U);
  EXPECT_EQ(again.recovered()[1].body, "bcd");
  EXPECT_EQ(again.recovered()[1].identities, (std::vector<SeenIdentity>{{{1, 2}, "alice"}}));
}

TEST(Writer, KeepsTheOrderOfSubmissionFromManyThreads) {
  MemoryFileSystem files;
  WriterOptions options = small_options();
  options.segment_bytes = 64 * 1024;
  options.max_queued_bytes = 32 * 1024;
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  {
    Journal journal(files, options);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          while (!journal->submit(std::string{static_cast<char>('a' + t)}, {})) std::this_thread::yield();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(journal->close());
  }
  std::string bodies = concatenated(Journal(files, options).recovered());
  for (int t = 0; t < kThreads; ++t) {
    EXPECT_EQ(std::count(bodies.begin(), bodies.end(), static_cast<char>('a' + t)), kEach);
  }
}

TEST(Writer, RefusesMoreThanItsQueueHoldsAndRecovers) {
  MemoryFileSystem files;
  Journal journal(files);
  files.hold_syncs_of(".seg");
  ASSERT_TRUE(journal->submit(std::string(300, 'a'), {}));
  files.wait_until_a_sync_is_held();
  const auto fits = journal->submit(std::string(212, 'b'), {});
  ASSERT_TRUE(fits);
  EXPECT_FALSE(journal->can_admit());
  EXPECT_EQ(journal->submit("c", {}).error().code, FailureCode::overloaded);
  files.release_syncs();
  ASSERT_TRUE(journal.await(*fits));
  EXPECT_TRUE(journal->can_admit());
  EXPECT_TRUE(journal.put("c"));
}

TEST(Writer, RefusesBatchesThatCouldNeverBeStored) {
  MemoryFileSystem files;
  Journal journal(files);
  EXPECT_EQ(journal->submit(std::string(513, 'a'), {}).error().code, FailureCode::invalid);
  for (const std::string& id : {std::string{}, std::string(kMaxIdBytes + 1, 'x'), std::string("\0a", 2)}) {
    EXPECT_EQ(journal->submit("a", {{{{1, 1}, id}}}).error().code, FailureCode::invalid);
  }
  EXPECT_TRUE(journal.put(std::string(512, 'a')));
}

TEST(Writer, RefusesOptionsUnderWhichAFrameMayNotFit) {
  MemoryFileSystem files;
  WriterOptions options = small_options();
  options.max_queued_bytes = options.segment_bytes - kFrameOverhead + 1;
  EXPECT_EQ(Journal(files, options).refusal().code, FailureCode::invalid);
}

TEST(Writer, NamesSegmentsByTheirFirstFrameAndKeepsASpare) {
  MemoryFileSystem files;
  Journal journal(files);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(journal.put(std::string(300, 'a')));
  EXPECT_EQ(*list_segments(files, kData), (std::vector<std::uint64_t>{1, 3, 5}));
  ASSERT_TRUE(journal->close());
  journal.drop();
  const Journal again(files);
  EXPECT_EQ(again.recovered().size(), 7U);
}

TEST(Writer, UsesTheSpareOfTheProcessBefore) {
  MemoryFileSystem files;
  {
    const Journal journal(files);
    while (!files.image().contains(spare_path(kData))) std::this_thread::yield();
  }
  files.fail_when([](Call call, const std::string&) -> std::optional<int> {
    return call == Call::create || call == Call::allocate ? std::optional{ENOSPC} : std::nullopt;
  });
  Journal journal(files);
  EXPECT_TRUE(journal.put(std::string(400, 'a')));
  EXPECT_TRUE(journal.put(std::string(400, 'b'))) << "in the second segment";
  EXPECT_FALSE(journal.put(std::string(400, 'c')));
}

TEST(Writer, HandlesShortWritesAndInterruptions) {
  MemoryFileSystem files;
  files.shorten_writes_to(7);
  std::atomic<int> calls = 0;
  files.fail_when([&](Call call, const std::string&) -> std::optional<int> {
    return call == Call::write && ++calls % 3 == 0 ? std::optional{EINTR} : std::nullopt;
  });
  {
    Journal journal(files);
    for (const char* body : {"one", "two", "three"}) ASSERT_TRUE(journal.put(body));
  }
  EXPECT_EQ(concatenated(Journal(files).recovered()), "onetwothree");
}

TEST(Writer, StopsTheProcessWhenASyncFailsAndNeverTriesAgain) {
  MemoryFileSystem files;
  Journal journal(files);
  ASSERT_TRUE(journal.put("one"));
  std::atomic<int> syncs = 0;
  files.fail_when([&](Call call, const std::string& path) -> std::optional<int> {
    if (call != Call::sync || !path.ends_with(".seg")) return std::nullopt;
    ++syncs;
    return EIO;
  });
  const auto two = journal->submit("two", {});
  ASSERT_TRUE(two);
  EXPECT_FALSE(journal.await(*two));
  EXPECT_NE(journal.fatal().find("sync"), std::string::npos) << journal.fatal();
  EXPECT_EQ(journal->durable(), 1U);
  EXPECT_EQ(journal->submit("three", {}).error().code, FailureCode::unavailable);
  EXPECT_FALSE(journal->can_admit());
  EXPECT_FALSE(journal->close());
  EXPECT_EQ(syncs, 1);
  EXPECT_TRUE(journal.failures().empty()) << "nobody may be told that it failed: it may be there after the restart";
}

TEST(Writer, SyncsThatFailForLackOfRoomAreFatalToo) {
  MemoryFileSystem files;
  Journal journal(files);
  files.fail_when([](Call call, const std::string& path) -> std::optional<int> {
    return call == Call::sync && path.ends_with(".seg") ? std::optional{ENOSPC} : std::nullopt;
  });
  EXPECT_FALSE(journal.put("one"));
  EXPECT_FALSE(journal.fatal().empty());
}

// ---- disk full

TEST(DiskFull, AtAWriteFailsAllThatIsNotDurableAndIsTakenBack) {
  MemoryFileSystem files;
  Journal journal(files);
  ASSERT_TRUE(journal.put("one"));
  std::atomic<bool> full = true;
  files.shorten_writes_to(40);  // so that a part gets in
  std::atomic<int> writes = 0;
  files.fail_when([&](Call call, const std::string& path) -> std::optional<int> {
    if (call != Call::write || !path.ends_with(".seg")) return std::nullopt;
    return full && ++writes > 1 ? std::optional{ENOSPC} : std::nullopt;
  });
  const auto two = journal->submit(std::string(100, '2'), {});
  ASSERT_TRUE(two);
  EXPECT_FALSE(journal.await(*two));
  ASSERT_EQ(journal.failures().size(), 1U);
  EXPECT_EQ(journal.failures()[0].from, Ticket{2});
  EXPECT_EQ(journal.failures()[0].to, Ticket{2});
  EXPECT_EQ(journal.failures()[0].failure.code, FailureCode::disk_full);
  EXPECT_FALSE(journal->can_admit());
  EXPECT_EQ(journal->submit("on top", {}).error().code, FailureCode::disk_full) << "before the caller has undone";

  journal->resume();
  EXPECT_FALSE(journal->can_admit()) << "there is still no room";
  EXPECT_FALSE(journal.put("tried all the same"));
  journal->resume();
  full = false;
  journal.await_admission();
  EXPECT_EQ(files.content(kFirstSegment).find("22"), std::string::npos);
  EXPECT_TRUE(journal.put("three"));
  journal.drop();
  EXPECT_EQ(concatenated(Journal(files).recovered()), "onethree");
}

TEST(DiskFull, FailsTheBatchesBehindTheFailedFrameToo) {
  MemoryFileSystem files;
  Journal journal(files);
  files.hold_syncs_of(".seg");
  ASSERT_TRUE(journal->submit("one", {}));
  files.wait_until_a_sync_is_held();
  ASSERT_TRUE(journal->submit("two", {}));
  const auto three = journal->submit("three", {});
  files.fail_when([](Call call, const std::string& path) -> std::optional<int> {
    return call == Call::write && path.ends_with(".seg") ? std::optional{EDQUOT} : std::nullopt;
  });
  files.release_syncs();
  EXPECT_FALSE(journal.await(*three));
  ASSERT_EQ(journal.durables().size(), 1U);
  EXPECT_EQ(journal.durables()[0].up_to, Ticket{1});
  EXPECT_EQ(journal.failures()[0].from, Ticket{2});
  EXPECT_EQ(journal.failures()[0].to, Ticket{3});
}

TEST(DiskFull, IsNoticedWhenTheSpareIsPreparedAndEndsByItself) {
  MemoryFileSystem files;
  Journal journal(files);
  std::atomic<bool> full = true;
  files.fail_when([&](Call call, const std::string&) -> std::optional<int> {
    return full && call == Call::allocate ? std::optional{ENOSPC} : std::nullopt;
  });
  // Depending on when the first spare was ready, one or two segments are left.
  int stored = 0;
  while (journal.put(std::string(300, 'a'))) ++stored;
  EXPECT_GE(stored, 2);
  EXPECT_LE(stored, 4);
  EXPECT_FALSE(journal->can_admit());
  for (const std::string& path : files.paths()) EXPECT_FALSE(path.ends_with("spare.new")) << "others need the room";
  journal->resume();
  EXPECT_FALSE(journal->can_admit());
  full = false;
  journal.await_admission();
  EXPECT_TRUE(journal.put(std::string(300, 'b')));
  journal.drop();
  const Journal again(files);
  ASSERT_EQ(again.recovered().size(), static_cast<std::size_t>(stored) + 1);
  EXPECT_EQ(again.recovered().back().body, std::string(300, 'b'));
}

TEST(DiskFull, RefusesAdmissionsWhileTheCurrentSegmentStillHasRoomForWhatIsUnderWay) {
  MemoryFileSystem files;
  {
    const Journal journal(files);
  }
  files.erase_file(spare_path(kData));
  files.limit_total_bytes(800);
  Journal journal(files);
  ASSERT_TRUE(journal.is_open());
  while (journal->can_admit()) std::this_thread::yield();  // until the thread has tried to prepare a spare
  EXPECT_TRUE(journal.put("an effect that was under way"));
  files.limit_total_bytes(UINT64_MAX);
  journal.await_admission();
}

TEST(DiskFull, AtTheVeryFirstStartIsARefusal) {
  MemoryFileSystem files;
  files.limit_total_bytes(100);
  const Journal journal(files);
  ASSERT_FALSE(journal.is_open());
  EXPECT_EQ(journal.refusal().code, FailureCode::disk_full);
}

// ---- stopping

TEST(CleanStop, DrainsTheQueueAndIsTheLastFrame) {
  MemoryFileSystem files;
  {
    Journal journal(files);
    for (const char* body : {"one", "two", "three"}) ASSERT_TRUE(journal->submit(body, {}));
    ASSERT_TRUE(journal->close());
    EXPECT_TRUE(journal->close()) << "closing twice is harmless";
    EXPECT_EQ(journal.durables().back().up_to, Ticket{3});
    EXPECT_EQ(journal->submit("four", {}).error().code, FailureCode::unavailable);
  }
  Journal again(files);
  EXPECT_EQ(concatenated(again.recovered()), "onetwothree");
  EXPECT_EQ(again.recovered().back().kind, FrameKind::clean_stop);
  EXPECT_EQ(again->recovered().last_kind, FrameKind::clean_stop);
  EXPECT_TRUE(again.put("four")) << "a clean stop ends a process, not the journal";
}

TEST(Lock, NamesTheProcessThatHoldsTheDirectory) {
  MemoryFileSystem files;
  const Journal journal(files);
  const Journal second(files);
  ASSERT_FALSE(second.is_open());
  EXPECT_EQ(second.refusal().code, FailureCode::conflict);
  EXPECT_NE(second.refusal().message.find("process 4711"), std::string::npos);
}

}  // namespace
}  // namespace windfall::journal

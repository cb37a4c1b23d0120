// The journal on a real file system: the lock between processes, a disk that is really full, a process that is really
// killed, and how fast it goes (printed, never judged: that belongs to a quiet machine).
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "journal/journal_fixture.hpp"

namespace windfall::journal {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "windfall-journal-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string data() const { return path_ + "/data"; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

WriterOptions options_in(const std::string& directory, std::uint64_t segment_bytes) {
  WriterOptions options;
  options.directory = directory;
  options.fingerprint = kFingerprint;
  options.segment_bytes = segment_bytes;
  options.max_queued_bytes = segment_bytes / 2;
  options.room_retry = std::chrono::milliseconds(5);
  return options;
}

TEST(RealDisk, KeepsFramesAcrossProcessesAndSegments) {
  const Folder folder;
  const WriterOptions options = options_in(folder.data(), 64 * 1024);
  {
    Journal journal(real_file_system(), options);
    ASSERT_TRUE(journal.is_open()) << journal.refusal().message;
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(journal.put(std::string(10'000, static_cast<char>('a' + i))));
    const auto size = std::filesystem::file_size(segment_path(folder.data(), 1));
    EXPECT_EQ(size, options.segment_bytes) << "segments are prewritten";
  }
  Journal again(real_file_system(), options);
  ASSERT_TRUE(again.is_open()) << again.refusal().message;
  EXPECT_EQ(again.recovered().size(), 20U);
  EXPECT_EQ(again.recovered()[19].body, std::string(10'000, 't'));
  ASSERT_TRUE(again->close());
  again.drop();
  const auto verdict = verify(folder.data(), {});
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->clean_stop && verdict->findings.empty() && verdict->notes.empty());
}

TEST(RealDisk, ASecondProcessIsRefusedByNumber) {
  const Folder folder;
  const WriterOptions options = options_in(folder.data(), 64 * 1024);
  Journal journal(real_file_system(), options);
  ASSERT_TRUE(journal.is_open());
  const auto second = Writer::open(options, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, FailureCode::conflict);
  EXPECT_NE(second.error().message.find(fmt::format("process {}", ::getpid())), std::string::npos)
      << second.error().message;
  EXPECT_EQ(verify(folder.data(), {}).error().code, FailureCode::conflict);
  journal.drop();
  EXPECT_TRUE(verify(folder.data(), {}));
}

TEST(RealDisk, VerifyMakesNoDirectory) {
  const Folder folder;
  EXPECT_EQ(verify(folder.data(), {}).error().code, FailureCode::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder.data()));
}

/// A file system of 1 MiB of its own.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST(RealDisk, GoesOnByItselfWhenAFullDiskHasRoomAgain) {
  const Folder folder;
  const std::string disk = folder.path() + "/disk";
  const SmallDisk mount(disk);
  if (!mount.mounted()) {
    GTEST_SKIP() << "mounting a tmpfs needs root; DiskFull.* covers the same with a file system in memory";
  }
  const std::string filler = disk + "/filler";
  int stored = 0;
  {
    Journal journal(real_file_system(), options_in(disk + "/data", 128 * 1024));
    ASSERT_TRUE(journal.is_open());
    std::ofstream(filler) << std::string(300 * 1024, 'x');
    while (journal.put(std::string(20'000, 'a'))) ++stored;
    EXPECT_GT(stored, 5);
    EXPECT_EQ(journal.failures().back().failure.code, FailureCode::disk_full);
    EXPECT_FALSE(journal->can_admit());
    journal->resume();
    std::filesystem::remove(filler);
    journal.await_admission();
    EXPECT_TRUE(journal.put(std::string(20'000, 'b')));
    EXPECT_TRUE(journal->close());
  }
  {
    Journal again(real_file_system(), options_in(disk + "/data", 128 * 1024));
    EXPECT_TRUE(again.is_open());
    EXPECT_EQ(again.recovered().size(), static_cast<std::size_t>(stored) + 2);
  }
}

/// Writes without end, and after each sync tells the pipe how far it has come.
[[noreturn]] void write_until_killed(const std::string& directory, int pipe) {
  WriterHooks hooks;
  std::uint64_t found = 0;
  hooks.visit = [&](const Frame& frame) -> Result<void> {
    found += static_cast<std::uint64_t>(std::count(frame.view.body.begin(), frame.view.body.end(), ';'));
    return {};
  };
  hooks.on_durable = [&](const Durable& durable) {
    const std::uint64_t batches = found + durable.up_to.value;
    if (::write(pipe, &batches, sizeof batches) != sizeof batches) ::_exit(1);
  };
  const auto writer = Writer::open(options_in(directory, 16 * 1024), std::move(hooks));
  if (!writer) ::_exit(2);
  for (std::uint64_t batch = found + 1;;) {
    if ((*writer)->submit(std::to_string(batch) + ";", {})) ++batch;
  }
}

TEST(RealDisk, AKilledProcessLosesNothingItHadAcknowledged) {
  const Folder folder;
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 8; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) write_until_killed(folder.data(), pipe[1]);
    ::close(pipe[1]);
    for (int told = 0; told < 5 + 37 * round; ++told) {
      std::uint64_t batches = 0;
      ASSERT_EQ(::read(pipe[0], &batches, sizeof batches), static_cast<ssize_t>(sizeof batches));
      acknowledged = batches;
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    for (std::uint64_t batches = 0; ::read(pipe[0], &batches, sizeof batches) == sizeof batches;)
      acknowledged = batches;
    ::close(pipe[0]);

    std::string all;
    const auto verdict = verify(folder.data(), {0,
                                                [&](const Frame& frame) -> Result<void> {
                                                  all += frame.view.body;
                                                  return {};
                                                },
                                                nullptr});
    ASSERT_TRUE(verdict) << verdict.error().message;
    ASSERT_TRUE(verdict->findings.empty());
    std::string expected;
    std::uint64_t batch = 0;
    while (expected.size() < all.size()) expected += std::to_string(++batch) + ";";
    ASSERT_EQ(all, expected);
    ASSERT_GE(batch, acknowledged);
  }
}

TEST(RealDisk, PrintsHowFastItIs) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const Folder folder;
  WriterOptions options;
  options.directory = folder.data();
  options.fingerprint = kFingerprint;
  constexpr std::uint64_t kEvents = 2'000'000;
  constexpr std::size_t kEventsPerBatch = 64;
  const std::string event(64, 'e');
  std::string body;
  std::vector<Identity> identities;
  for (std::size_t i = 0; i < kEventsPerBatch; ++i) {
    body += event;
    if (i % 4 == 0) identities.push_back({{i, i}, "user-0000000001"});
  }
  {
    Journal journal(real_file_system(), options);
    ASSERT_TRUE(journal.is_open());
    const auto start = Clock::now();
    for (std::uint64_t events = 0; events < kEvents;) {
      if (journal->submit(body, identities)) {
        events += kEventsPerBatch;
      } else {
        std::this_thread::yield();
      }
    }
    ASSERT_TRUE(journal->close());
    const double seconds = seconds_since(start);
    fmt::print("append: {:.2f} M events/s in {} frames\n", static_cast<double>(kEvents) / seconds / 1e6,
               journal->durable());
  }
  std::uint64_t events = 0;
  WriterHooks hooks;
  hooks.visit = [&](const Frame& frame) -> Result<void> {
    events += frame.view.body.size() / 64;
    return {};
  };
  const auto start = Clock::now();
  const auto writer = Writer::open(options, std::move(hooks));
  const double seconds = seconds_since(start);
  ASSERT_TRUE(writer);
  EXPECT_EQ(events, kEvents);
  const double bytes = static_cast<double>((*writer)->recovered().bytes);
  fmt::print("recover: {:.2f} M events/s, {:.2f} GB/s, {} frames\n", static_cast<double>(events) / seconds / 1e6,
             bytes / seconds / 1e9, (*writer)->recovered().frames);
}

}  // namespace
}  // namespace windfall::journal

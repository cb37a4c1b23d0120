#include "adapters/http/auth/key_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "adapters/http/auth/fetch.hpp"
#include "adapters/system/log.hpp"

namespace windfall::http {

namespace {

using system::log;
using system::LogLevel;

void log_kept_old(std::string_view source, const Failure& failure) {
  log(LogLevel::error, "key_set_not_reloaded", {{"source", source}, {"detail", failure.message}});
}

void log_reloaded(std::string_view source, const KeySet& keys) {
  log(LogLevel::info, "key_set_reloaded",
      {{"source", source}, {"keys", static_cast<std::int64_t>(keys.keys().size())}});
}

/// Tells versions of a file apart. Editors and mounted secrets replace the file, so its identity counts too.
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t modified_ns = 0;
  bool operator==(const Stamp&) const = default;
};

Stamp stamp_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified_ns = (std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000) + status.st_mtim.tv_nsec};
}

struct FileText {
  std::string text;
  Stamp stamp;
  bool readable_by_all = false;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Result<FileText> read_file(const std::string& path) {
  const auto unavailable = [&](std::string_view why) {
    return fail(FailureCode::unavailable, fmt::format("{}: {}", path, why));
  };
  // Non-blocking, because opening a pipe would wait for its writer.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return unavailable(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return unavailable("not a file");
  FileText read{.text = {}, .stamp = stamp_of(status), .readable_by_all = (status.st_mode & S_IROTH) != 0};
  std::array<char, 16384> bytes;
  for (;;) {
    const ssize_t count = ::read(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unavailable(std::strerror(errno));
    if (count == 0) return read;
    read.text.append(bytes.data(), static_cast<std::size_t>(count));
    if (read.text.size() > KeySet::kMaxBytes) return unavailable(fmt::format("more than {} bytes", KeySet::kMaxBytes));
  }
}

class FileKeys final : public KeySource {
 public:
  FileKeys(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}

  Result<bool> load() {
    Result<FileText> file = read_file(path_);
    if (!file) return tl::unexpected(file.error());
    Result<KeySet> set = KeySet::parse(file->text);
    if (!set) return fail(set.error().code, fmt::format("{}: {}", path_, set.error().message));
    if (set->has_secret() && file->readable_by_all) {
      return fail(FailureCode::invalid,
                  fmt::format("{}: holds a secret (an oct key) and everybody may read it; chmod o-rwx it", path_));
    }
    stamp_ = file->stamp;
    keys_ = std::make_shared<const KeySet>(std::move(*set));
    return true;
  }

  std::shared_ptr<const KeySet> current() override {
    const std::int64_t now = clock_.monotonic_ms();
    if (now >= next_look_ms_) {
      next_look_ms_ = now + kFileLookMs;
      look();
    }
    return keys_;
  }

  void missed() override {}  // looked at a moment ago

 private:
  void look() {
    struct stat status{};
    if (stat(path_.c_str(), &status) == 0 && stamp_of(status) == stamp_) return;
    // What is being written is read again at the next look, until it is whole.
    if (const Result<bool> loaded = load(); !loaded) {
      if (loaded.error().message != last_trouble_) log_kept_old(path_, loaded.error());
      last_trouble_ = loaded.error().message;
      return;
    }
    last_trouble_.clear();
    log_reloaded(path_, *keys_);
  }

  const std::string path_;
  const Clock& clock_;
  std::shared_ptr<const KeySet> keys_;
  Stamp stamp_;
  std::int64_t next_look_ms_ = 0;
  std::string last_trouble_;  ///< said once, not every second
};

class UrlKeys final : public KeySource {
 public:
  UrlKeys(std::string url, FetchRhythm rhythm) : url_(std::move(url)), rhythm_(rhythm) {}
  UrlKeys(const UrlKeys&) = delete;
  UrlKeys& operator=(const UrlKeys&) = delete;
  ~UrlKeys() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  /// Fetches and publishes, if there is something new. On the opening thread first, then on thread_ only.
  Result<bool> load() {
    Result<std::string> text =
        fetch(url_, {.bytes = KeySet::kMaxBytes, .timeout_ms = rhythm_.timeout_ms, .stop = &stopping_});
    if (!text) return tl::unexpected(text.error());
    if (*text == text_) return false;  // the same keys: what was verified by them stays known
    Result<KeySet> set = KeySet::parse(*text);
    if (!set) return fail(set.error().code, fmt::format("{}: {}", url_, set.error().message));
    text_ = std::move(*text);
    const std::lock_guard lock(mutex_);
    keys_ = std::make_shared<const KeySet>(std::move(*set));
    return true;
  }

  void start() {
    thread_ = std::thread([this] { run(); });
  }

  std::shared_ptr<const KeySet> current() override {
    const std::lock_guard lock(mutex_);
    return keys_;
  }

  void missed() override {
    {
      const std::lock_guard lock(mutex_);
      if (wanted_) return;
      wanted_ = true;
    }
    wake_.notify_one();
  }

 private:
  using Steady = std::chrono::steady_clock;

  void run() {
    bool failed = false;
    while (wait_for_turn(failed)) failed = !reload();
  }

  /// False if there is no further turn.
  bool wait_for_turn(bool failed) {
    const auto ended = Steady::now();
    const auto earliest = ended + std::chrono::milliseconds(rhythm_.retry_ms);
    const auto latest = ended + std::chrono::milliseconds(failed ? rhythm_.retry_ms : rhythm_.every_ms);
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, latest, [&] { return stopping_ || wanted_; });
    wake_.wait_until(lock, std::min(earliest, latest), [&] { return stopping_.load(); });
    wanted_ = false;
    return !stopping_;
  }

  /// An exception here could only be want of memory, and the next turn may have some.
  bool reload() noexcept {
    try {
      const Result<bool> loaded = load();
      if (loaded && *loaded) log_reloaded(url_, *current());
      if (!loaded && !stopping_) log_kept_old(url_, loaded.error());
      return loaded.has_value();
    } catch (const std::exception&) {
      return false;
    }
  }

  const std::string url_;
  const FetchRhythm rhythm_;
  std::string text_;  ///< what keys_ was made from
  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<const KeySet> keys_;  ///< guarded by mutex_
  bool wanted_ = false;                 ///< guarded by mutex_
  std::atomic<bool> stopping_ = false;  ///< set under mutex_; read by the exchange without
  std::thread thread_;                  ///< last: it uses all of the above
};

}  // namespace

Result<std::unique_ptr<KeySource>> open_file_keys(const std::string& path, const Clock& clock) {
  auto source = std::make_unique<FileKeys>(path, clock);
  if (const Result<bool> loaded = source->load(); !loaded) return tl::unexpected(loaded.error());
  return source;
}

Result<std::unique_ptr<KeySource>> open_url_keys(const std::string& url, FetchRhythm rhythm) {
  Result<std::string> checked = checked_key_url(url);
  if (!checked) return tl::unexpected(checked.error());
  auto source = std::make_unique<UrlKeys>(std::move(*checked), rhythm);
  if (const Result<bool> loaded = source->load(); !loaded) return tl::unexpected(loaded.error());
  source->start();
  return source;
}

}  // namespace windfall::http

#include "app/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "adapters/codec/encoding.hpp"
#include "adapters/system/random.hpp"

namespace windfall::app {

namespace {

Failure trouble(const std::string& path, const std::string& what) {
  return {FailureCode::unavailable, path + ": " + what + ": " + std::strerror(errno)};
}

/// Reads and closes an open key file.
Result<std::array<std::uint8_t, 16>> read_key(const std::string& path, int file) {
  struct stat status{};
  std::array<char, 34> text{};
  const ssize_t length = read(file, text.data(), text.size());
  const bool known = fstat(file, &status) == 0;
  close(file);
  if (known && (status.st_mode & 077U) != 0) {
    return fail(FailureCode::invalid, path + ": others may read it; chmod 600 it");
  }
  const bool whole = length == 32 || (length == 33 && text[32] == '\n');
  const auto bytes = whole ? codec::from_hex(std::string_view(text.data(), 32)) : std::nullopt;
  if (!known || !bytes) return fail(FailureCode::invalid, path + ": is not a user-hash key of 32 hex digits");
  std::array<std::uint8_t, 16> key{};
  std::memcpy(key.data(), bytes->data(), key.size());
  return key;
}

bool sync_directory_of(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/'));
  const int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return false;
  const bool synced = fsync(directory) == 0;
  close(directory);
  return synced;
}

}  // namespace

Result<std::array<std::uint8_t, 16>> load_or_make_key(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file >= 0) return read_key(path, file);
  if (errno != ENOENT) return tl::unexpected(trouble(path, "cannot read the user-hash key"));

  // Whole or not at all: a crash in between leaves a draft that nobody reads. Each process has its own, so that none is
  // named while another one writes it.
  std::array<std::uint8_t, 16> key{};
  system::random_bytes(key);
  const std::string text = codec::to_hex(key) + "\n";
  const std::string draft = path + ".new." + std::to_string(getpid());
  const int made = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (made < 0) return tl::unexpected(trouble(draft, "cannot make the user-hash key"));
  const bool written = fchmod(made, 0600) == 0 &&
                       write(made, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(made) == 0;
  close(made);
  if (!written) return tl::unexpected(trouble(draft, "cannot write the user-hash key"));
  // link() instead of rename(): of two processes that start at once, one key wins and the other process reads it.
  if (link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    return tl::unexpected(trouble(path, "cannot name the user-hash key"));
  }
  unlink(draft.c_str());
  if (!sync_directory_of(path)) return tl::unexpected(trouble(path, "cannot sync the folder of the user-hash key"));
  const int again = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (again < 0) return tl::unexpected(trouble(path, "cannot read the user-hash key"));
  return read_key(path, again);
}

}  // namespace windfall::app

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

}  // namespace

Result<std::array<std::uint8_t, 16>> load_or_make_key(const std::string& path) {
  std::array<std::uint8_t, 16> key{};
  const int made = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made >= 0) {
    system::random_bytes(key);
    const std::string text = codec::to_hex(key) + "\n";
    const bool written = write(made, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(made) == 0;
    close(made);
    if (!written) return tl::unexpected(trouble(path, "cannot write the user-hash key"));
    return key;
  }
  if (errno != EEXIST) return tl::unexpected(trouble(path, "cannot make the user-hash key"));

  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return tl::unexpected(trouble(path, "cannot read the user-hash key"));
  struct stat status {};
  std::array<char, 34> text{};
  const ssize_t length = read(file, text.data(), text.size());
  const bool known = fstat(file, &status) == 0;
  close(file);
  if (!known || length < 32) return fail(FailureCode::invalid, path + ": is not a user-hash key of 32 hex digits");
  if ((status.st_mode & 077U) != 0) {
    return fail(FailureCode::invalid, path + ": others may read it; chmod 600 it");
  }
  const auto bytes = codec::from_hex(std::string_view(text.data(), 32));
  if (!bytes) return fail(FailureCode::invalid, path + ": is not a user-hash key of 32 hex digits");
  std::memcpy(key.data(), bytes->data(), key.size());
  return key;
}

}  // namespace windfall::app

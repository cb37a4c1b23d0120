#include "adapters/vault/master_keys.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "adapters/codec/encoding.hpp"
#include "adapters/system/random.hpp"
#include "adapters/vault/outside.hpp"

namespace windfall::vault {

namespace {

constexpr std::string_view kHeader = "windfall master keys 1\n";
constexpr std::size_t kHexDigits = 2 * kMasterKeyBytes;
/// Header and kMostKeys lines of an id (up to ten digits), a space, the key and a new line.
constexpr std::size_t kMostFileBytes = kHeader.size() + kMostKeys * (10 + 1 + kHexDigits + 1);

/// Wiped when it goes.
struct SecretText {
  SecretText() = default;
  explicit SecretText(std::string held) : text(std::move(held)) {}
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText() { sodium_memzero(text.data(), text.size()); }
  std::string text;
};

tl::unexpected<Failure> trouble(const std::string& path, std::string_view what) {
  return fail(FailureCode::unavailable, fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
}

/// nullopt: there is none.
Result<std::optional<MasterKeys>> read_keys(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return std::optional<MasterKeys>{};
  if (file < 0) return trouble(path, "cannot read the master keys");
  struct stat status{};
  SecretText text(std::string(kMostFileBytes + 1, '\0'));
  const bool known = fstat(file, &status) == 0;
  const ssize_t length = read(file, text.text.data(), text.text.size());
  close(file);
  if (!known || length < 0) return trouble(path, "cannot read the master keys");
  if ((status.st_mode & 077U) != 0) return fail(FailureCode::invalid, path + ": others may read it; chmod 600 it");
  Result<MasterKeys> keys = decode_master_keys(std::string_view{text.text}.substr(0, static_cast<std::size_t>(length)));
  if (!keys) return fail(keys.error().code, path + ": " + keys.error().message);
  return std::optional<MasterKeys>(std::move(*keys));
}

enum class Name : std::uint8_t {
  take,     ///< unless there is such a file: of two processes that start at once, one file wins
  replace,  ///< over the file that is there
};

/// Whole or not at all: a crash in between leaves a draft that nobody reads. Each process has its own, so that none is
/// named while another one writes it.
Result<bool> write_keys(const std::string& path, const MasterKeys& keys, Name name) {
  const SecretText text(encode_master_keys(keys));
  const std::string draft = fmt::format("{}.new.{}", path, getpid());
  const int file = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return trouble(draft, "cannot make the file of master keys");
  const bool written = fchmod(file, 0600) == 0 &&
                       write(file, text.text.data(), text.text.size()) == static_cast<ssize_t>(text.text.size()) &&
                       fsync(file) == 0;
  close(file);
  if (!written) return trouble(draft, "cannot write the master keys");
  const bool named = name == Name::take ? link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST
                                        : rename(draft.c_str(), path.c_str()) == 0;
  if (!named) return trouble(path, "cannot name the file of master keys");
  if (name == Name::take) unlink(draft.c_str());
  return sync_folder_of(path);
}

MasterKey random_key(KeyId id) {
  MasterKey key{.id = id};
  system::random_bytes(key.bytes);
  return key;
}

}  // namespace

Result<MasterKeys> load_master_keys(const std::string& path, const std::string& data_directory) {
  const auto outside = require_outside(path, data_directory, kWhyMasterKeysOutside);
  if (!outside) return tl::unexpected(outside.error());
  Result<std::optional<MasterKeys>> keys = read_keys(path);
  if (!keys) return tl::unexpected(keys.error());
  if (!*keys) return fail(FailureCode::not_found, path + ": there is no file of master keys");
  return std::move(**keys);
}

Result<MasterKeys> load_or_make_master_keys(const std::string& path, const std::string& data_directory) {
  Result<MasterKeys> keys = load_master_keys(path, data_directory);
  if (keys || keys.error().code != FailureCode::not_found) return keys;
  if (const auto made = write_keys(path, {random_key({1})}, Name::take); !made) return tl::unexpected(made.error());
  return load_master_keys(path, data_directory);
}

Result<KeyId> add_master_key(const std::string& path) {
  Result<MasterKeys> keys = load_master_keys(path, {});
  if (!keys) return tl::unexpected(keys.error());
  if (keys->size() == kMostKeys) return fail(FailureCode::invalid, path + ": withdraw an old key first");
  const KeyId id{keys->back().id.value + 1};
  keys->push_back(random_key(id));
  if (const auto done = write_keys(path, *keys, Name::replace); !done) return tl::unexpected(done.error());
  return id;
}

Result<bool> withdraw_master_key(const std::string& path, KeyId key) {
  Result<MasterKeys> keys = load_master_keys(path, {});
  if (!keys) return tl::unexpected(keys.error());
  if (keys->back().id == key) {
    return fail(FailureCode::conflict, fmt::format("{}: key {} is the current one", path, key.value));
  }
  if (std::erase_if(*keys, [&](const MasterKey& one) { return one.id == key; }) == 0) {
    return fail(FailureCode::not_found, fmt::format("{}: there is no key {}", path, key.value));
  }
  return write_keys(path, *keys, Name::replace);
}

std::string encode_master_keys(const MasterKeys& keys) {
  std::string text;
  text.reserve(kMostFileBytes);  // no growth leaves a copy of a key behind
  text += kHeader;
  for (const MasterKey& key : keys) {
    SecretText hex(codec::to_hex(key.bytes));
    text.append(std::to_string(key.id.value)).append(1, ' ').append(hex.text).append(1, '\n');
  }
  return text;
}

Result<MasterKeys> decode_master_keys(std::string_view text) {
  const auto wrong = [](std::size_t line, std::string_view why) {
    return fail(FailureCode::invalid, fmt::format("is no file of master keys: line {} {}", line, why));
  };
  if (!text.starts_with(kHeader)) return wrong(1, "does not say what it is");
  text.remove_prefix(kHeader.size());
  MasterKeys keys;
  for (std::size_t line = 2; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::uint32_t id = 0;
    const auto [after, error] = std::from_chars(one.data(), one.data() + one.size(), id);
    const std::string_view rest = one.substr(static_cast<std::size_t>(after - one.data()));
    if (error != std::errc{} || rest.size() != 1 + kHexDigits || rest.front() != ' ') {
      return wrong(line, "is not an id and 64 hex digits");
    }
    std::optional<std::string> bytes = codec::from_hex(rest.substr(1));
    if (!bytes) return wrong(line, "is not an id and 64 hex digits");
    if (id == 0 || (!keys.empty() && keys.back().id.value >= id)) return wrong(line, "does not have the next id");
    if (keys.size() == kMostKeys) return wrong(line, "is one key too many");
    std::memcpy(keys.emplace_back(MasterKey{.id = {id}}).bytes.data(), bytes->data(), kMasterKeyBytes);
    sodium_memzero(bytes->data(), bytes->size());
  }
  if (keys.empty()) return wrong(2, "holds no key");
  return keys;
}

}  // namespace windfall::vault

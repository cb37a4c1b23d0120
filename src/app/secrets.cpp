#include "app/secrets.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

namespace windfall::app {

namespace {

/// Far beyond any key; a larger file is something else, named by mistake.
constexpr std::size_t kMaxSecretBytes = 4096;
/// 16 characters of base64 are 96 bits; shorter keys are words.
constexpr std::size_t kMinKeyLength = 16;
/// Fewer different characters than this are a pattern ("aaaaaaaaaaaaaaaa", "1234123412341234").
constexpr std::size_t kMinDistinct = 6;

constexpr std::array<std::string_view, 8> kDefaults{"changeme", "change-me", "change_me", "password",
                                                    "default",  "example",   "replaceme", "replace-me"};
/// Of the Standard Webhooks specification and its libraries.
constexpr std::array<std::string_view, 2> kExampleSigningSecrets{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                                                 "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"};

Result<std::string> read_secret_file(const std::string& path) {
  const auto wrong = [&](const std::string& what) { return fail(FailureCode::invalid, path + ": " + what); };
  // Non-blocking, because opening a pipe would wait for its writer.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return wrong(std::string("cannot read the secret: ") + std::strerror(errno));
  struct stat status{};
  std::array<char, kMaxSecretBytes + 1> bytes{};
  std::size_t length = 0;
  const bool known = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  bool whole = false;
  while (known && length < bytes.size()) {
    const ssize_t count = read(file, bytes.data() + length, bytes.size() - length);
    if (count < 0 && errno == EINTR) continue;
    whole = count == 0;
    if (count <= 0) break;
    length += static_cast<std::size_t>(count);
  }
  close(file);
  if (!known) return wrong("is not a file");
  if ((status.st_mode & 007U) != 0) return wrong("everybody may read it; chmod o-rwx it");
  if (!whole) return wrong("cannot be read, or has more than " + std::to_string(kMaxSecretBytes) + " bytes");
  std::string_view text(bytes.data(), length);
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) return wrong("must not be empty");
  const bool one_word = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!one_word) return wrong("must be one line of visible ASCII characters");
  return std::string(text);
}

}  // namespace

Result<std::optional<FoundSecret>> find_secret(const std::string& variable) {
  const char* value = std::getenv(variable.c_str());
  const char* file = std::getenv((variable + "_FILE").c_str());
  if (value != nullptr && file != nullptr) {
    return fail(FailureCode::invalid,
                "env " + variable + " and env " + variable + "_FILE: only one of them may be set");
  }
  if (value != nullptr) {
    if (*value == '\0') return fail(FailureCode::invalid, "env " + variable + ": must not be empty");
    return FoundSecret{.value = value, .origin = "env " + variable};
  }
  std::string path;
  if (file != nullptr) {
    path = file;
    if (path.empty()) return fail(FailureCode::invalid, "env " + variable + "_FILE: must not be empty");
  } else {
    const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
    if (credentials == nullptr || *credentials == '\0') return std::optional<FoundSecret>();
    path = std::string(credentials) + "/" + variable;
    if (access(path.c_str(), F_OK) != 0) return std::optional<FoundSecret>();
  }
  Result<std::string> secret = read_secret_file(path);
  if (!secret) {
    if (file == nullptr) return tl::unexpected(secret.error());
    return fail(secret.error().code, "env " + variable + "_FILE: " + secret.error().message);
  }
  return FoundSecret{.value = std::move(*secret), .origin = path};
}

std::optional<std::string> weakness_of_key(std::string_view key) {
  std::string lower(key);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const auto found =
      std::ranges::find_if(kDefaults, [&](std::string_view word) { return lower.find(word) != std::string::npos; });
  if (found != kDefaults.end()) return "is a default ('" + std::string(*found) + "'), not a secret";
  if (key.size() < kMinKeyLength) {
    return "is shorter than " + std::to_string(kMinKeyLength) + " characters; make one with: openssl rand -base64 24";
  }
  if (std::set<char>(key.begin(), key.end()).size() < kMinDistinct) return "is a pattern, not a secret";
  return std::nullopt;
}

std::optional<std::string> weakness_of_signing_secret(std::string_view secret) {
  if (std::ranges::find(kExampleSigningSecrets, secret) == kExampleSigningSecrets.end()) return std::nullopt;
  return "is the published example, not a secret";
}

}  // namespace windfall::app

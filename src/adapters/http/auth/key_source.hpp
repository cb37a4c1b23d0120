// Where the key set comes from, and how it stays current. A set that cannot be read or is invalid never replaces one
// that is in force: the log tells, and the old keys stay.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "adapters/http/auth/key_set.hpp"
#include "application/port/clock.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::http {

class KeySource {
 public:
  virtual ~KeySource() = default;
  /// The set in force, never null; another pointer means other keys. Asked for every token, so it never waits for a
  /// network.
  virtual std::shared_ptr<const KeySet> current() = 0;
  /// A token named a key that current() does not have: perhaps the issuer has a new one.
  virtual void missed() = 0;
};

/// How often a file is looked at: a withdrawn key ends within this, and a stat() costs a microsecond.
inline constexpr std::int64_t kFileLookMs = 1000;

/// A file, read again when its time, size or identity changes. Failures: unavailable (cannot be read, no regular file),
/// invalid (no key set, or one with a secret that everybody may read). `clock` outlives the source.
Result<std::unique_ptr<KeySource>> open_file_keys(const std::string& path, const Clock& clock);

struct FetchRhythm {
  std::int64_t every_ms = 5 * 60 * 1000;  ///< issuers announce a key this long before they use it
  std::int64_t retry_ms =
      30 * 1000;  ///< after a failure, or for an unknown kid: forged kids must not become load on the issuer
  std::int64_t timeout_ms = 5000;  ///< of one exchange
};

/// A URL, fetched once now and then by a thread of its own. Failures: invalid (URL or key set), unavailable.
Result<std::unique_ptr<KeySource>> open_url_keys(const std::string& url, FetchRhythm rhythm = {});

}  // namespace windfall::http

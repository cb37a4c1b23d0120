// Where secrets come from: the environment, a file that the environment names, or a credential that systemd hands over.
// Never the configuration file, which is shown around, and never a file that everybody on the machine may read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/kernel/result.hpp"

namespace windfall::app {

struct FoundSecret {
  std::string value;   ///< never empty
  std::string origin;  ///< "env WINDFALL_ADMIN_KEY", "/run/secrets/admin-key", …
};

/// Looks for the secret called `variable`: in the environment, in the file that `<variable>_FILE` names, then as
/// $CREDENTIALS_DIRECTORY/<variable>. Nullopt if nobody gave one. Failure invalid: empty, given twice, unreadable, or
/// in a file that is open to all.
Result<std::optional<FoundSecret>> find_secret(const std::string& variable);

/// Why a key of the API is no secret: too short to resist guessing, or what everybody would try first.
[[nodiscard]] std::optional<std::string> weakness_of_key(std::string_view key);
/// The same for the partner's signing secret, of which the standard's own examples are known to all.
[[nodiscard]] std::optional<std::string> weakness_of_signing_secret(std::string_view secret);

}  // namespace windfall::app

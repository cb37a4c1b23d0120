// Where the development clock stands, kept beside the data: it stands still until it is set again, restarts included.
//   DATA/dev-clock   an instant, as the API writes it; absent while the clock is real time
#pragma once

#include <optional>
#include <string>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::app {

/// What was kept last; nullopt: real time. invalid: the file holds no instant. unavailable.
Result<std::optional<Instant>> kept_dev_clock(const std::string& data_directory);

/// Keeps it for the next start, whole or not at all; a crash of the machine may lose it. unavailable.
Result<void> keep_dev_clock(const std::string& data_directory, std::optional<Instant> now);

}  // namespace windfall::app

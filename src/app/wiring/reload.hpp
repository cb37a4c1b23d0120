// The words of the configuration that mean something to another module.
#pragma once

#include "adapters/system/log.hpp"
#include "app/config.hpp"

namespace windfall::app {

/// server.log_level, which load_config() has checked.
[[nodiscard]] system::LogLevel log_level_of(const Config& config);

}  // namespace windfall::app

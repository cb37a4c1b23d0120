// What is said of a partition that decides nothing: not a refusal, and nothing that a participant could do about it.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// `id` empty: the system partition.
inline tl::unexpected<Failure> fenced(std::string_view id) {
  return fail(FailureCode::unavailable,
              fmt::format("redis: promotion {} is fenced: its hot state is missing or older than what was confirmed",
                          id.empty() ? "(system)" : id));
}

}  // namespace windfall::redis

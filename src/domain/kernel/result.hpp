// The failure channel: the world did not cooperate (disk full, database down, bad file). Refusals are outcomes, never
// failures; a bug aborts.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace windfall {

enum class FailureCode : unsigned char {
  unavailable,  ///< a dependency cannot answer now; trying again may help
  overloaded,   ///< a named limit of this process is reached; trying again later will help
  disk_full,    ///< nothing was written; the same call succeeds once there is room
  damaged,      ///< stored bytes contradict themselves; a person has to look
  conflict,     ///< what is stored says something else under the same key
  not_found,    ///< what was named does not exist
  invalid,      ///< the input is wrong; the message names the place
};

struct Failure {
  FailureCode code;
  std::string message;  ///< for logs and operators, in English, naming the place
};

template <class T>
using Result = tl::expected<T, Failure>;

inline tl::unexpected<Failure> fail(FailureCode code, std::string message) {
  return tl::unexpected<Failure>(Failure{code, std::move(message)});
}

}  // namespace windfall

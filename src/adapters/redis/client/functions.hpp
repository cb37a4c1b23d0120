// A library of Redis functions that has to be on every master: put there at the start, on masters that appear later,
// and when a call finds a node without it.
//
// Its name carries its version ("windfall_5"), and what is there under a name is never replaced: during an update two
// releases run side by side, each with the library it was tested with, and neither notices that the other has come. So
// other code under the same name is a conflict, which a person has to solve.
#pragma once

#include <memory>
#include <string>

#include "adapters/redis/client/client.hpp"
#include "application/port/task.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// Loop thread only.
class FunctionLibrary {
 public:
  /// `text` begins with "#!lua name=...". Follows new masters from now on, for as long as it lives. `client` outlives
  /// it. Failure: invalid, if the text does not begin so.
  static Result<std::unique_ptr<FunctionLibrary>> make(Client& client, std::string text);

  [[nodiscard]] const std::string& name() const;

  /// Sees to it that every master has this very library; at most one such round runs at a time, others wait for it.
  /// conflict: a node has other code under this name, or a function of this name in another library. unavailable: a
  /// master could not be reached or takes no writes. invalid: Redis does not accept the text.
  Task<Result<bool>> ensure();

  /// Like Client::call, for an FCALL; if the node does not have the function, sees to it and calls once more.
  Task<Result<Reply>> call(Call call);

  struct State;

 private:
  explicit FunctionLibrary(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  ///< shared with rounds that are under way
};

}  // namespace windfall::redis

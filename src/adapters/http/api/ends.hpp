// How what a use case says becomes an answer: its good end is the handler's matter, every other one is the same for all
// calls of lotteries and coupons.
#pragma once

#include <type_traits>
#include <variant>

#include "adapters/http/api/api.hpp"

namespace windfall::http {

template <class Value, class Outcome>
const Value* Api::value_or_send(Call& call, const Result<Outcome>& outcome) {
  if (!outcome) {
    send(call, failed(outcome.error(), call.language, call.request->path));
    return nullptr;
  }
  std::visit(
      [&]<class End>(const End& end) {
        if constexpr (!std::is_same_v<End, Value>) send_end(call, end);
      },
      *outcome);
  return std::get_if<Value>(&*outcome);
}

}  // namespace windfall::http

// Everything that is not a success: RFC 9457 problems in Korean or English.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/json_in.hpp"
#include "adapters/http/api/call.hpp"
#include "domain/kernel/result.hpp"
#include "domain/lottery/tickets.hpp"
#include "domain/promotion/join.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::http {

/// One problem. `extra` are further members of the object, each preceded by a comma.
[[nodiscard]] Answer problem(std::string_view code, Language language, std::string_view instance,
                             std::string_view extra = {});
/// The same under another status than the catalogue's (400, 413, 415, 431 for INVALID_REQUEST) and with a detail of its
/// own.
[[nodiscard]] Answer problem_with(std::string_view code, int status, std::string_view detail, Language language,
                                  std::string_view instance, std::string_view extra = {});

/// `,"errors":[{pointer, detail}]` of a problem; empty for none.
[[nodiscard]] std::string errors_member(const std::vector<InputError>& errors, Language language);
[[nodiscard]] Answer invalid(const std::vector<InputError>& errors, Language language, std::string_view instance);
[[nodiscard]] Answer bad_input(const codec::BadInput& input, Language language, std::string_view instance);
[[nodiscard]] Answer failed(const Failure& failure, Language language, std::string_view instance);
/// OVERLOADED or RATE_LIMITED, with a jittered Retry-After.
[[nodiscard]] Answer later(std::string_view code, int seconds, Language language, std::string_view instance);
[[nodiscard]] Answer refused(const Definition& definition, const JoinRefusal& refusal, Language language,
                             std::string_view instance);
[[nodiscard]] Answer refused(const Definition& definition, const LotteryRefusal& refusal, Language language,
                             std::string_view instance);

}  // namespace windfall::http

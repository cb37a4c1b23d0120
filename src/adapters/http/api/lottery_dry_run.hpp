// The dry run of a lottery as the API's JSON: what a visit and a draw would say, and why.
#pragma once

#include <string>
#include <string_view>

#include "adapters/http/api/language.hpp"
#include "application/on_request/preview_lottery.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::http {

/// Why a promotion, of either kind, takes nobody: the sentence for the rule STATUS.
[[nodiscard]] std::string_view why_not_open(Lifecycle lifecycle, Language language);

void append_lottery_dry_run(std::string& out, const LotteryPreview& preview, const Promotion& promotion,
                            Language language);

}  // namespace windfall::http

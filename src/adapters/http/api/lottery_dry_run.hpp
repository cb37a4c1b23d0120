// The dry run of a lottery as the API's JSON: what a visit and a draw would say, and why.
#pragma once

#include <string>

#include "adapters/http/api/language.hpp"
#include "application/on_request/preview_lottery.hpp"

namespace windfall::http {

void append_lottery_dry_run(std::string& out, const LotteryPreview& preview, bool is_draft, Language language);

}  // namespace windfall::http

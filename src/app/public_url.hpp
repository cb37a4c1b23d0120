// Where participants reach this server from outside: the beginning of every link that it makes.
#pragma once

#include <string>
#include <string_view>

#include "domain/kernel/result.hpp"

namespace windfall::app {

/// "https://events.example.com/promo", without the slash at its end, to which "/i/…" is appended. Failure invalid: says
/// what is wrong.
Result<std::string> parse_public_url(std::string_view text);

}  // namespace windfall::app

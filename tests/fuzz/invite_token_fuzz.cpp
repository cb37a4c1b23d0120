// Any bytes as an invite token: it is refused, or it is the very token that encode() makes of what it says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "adapters/vault/invite_tokens.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace windfall;
  static const auto tokens = vault::SivInviteTokens::make({{.id = {1}}}).value();
  const std::string_view token{reinterpret_cast<const char*>(data), size};
  if (const auto invite = tokens->decode(token)) {
    if (tokens->encode(*invite) != token) std::abort();
  }
  return 0;
}

// Who holds a key of Redis that stands for a right for some time, and how it is given back.
#pragma once

#include <string>

namespace windfall::redis {

/// 128 random bits as lower-case hex: what nobody else has thrown.
[[nodiscard]] std::string make_holder();

/// KEYS[1] is the key, ARGV[1] the value by which it was taken. 1: given back; 0: it is somebody else's, or nobody's.
inline constexpr const char* kGiveBackIfHeld = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
)";

}  // namespace windfall::redis

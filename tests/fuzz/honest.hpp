// What bytes by chance never are (a signed token, a frame with its checksums), fuzzers start from: the bytes they are
// given say what is changed in something honest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace windfall::fuzz {

inline void require(bool condition) {
  if (!condition) std::abort();
}

/// A block of exactly this size, so that the address sanitizer sees a read beyond it.
inline std::vector<char> exactly(std::string_view bytes) { return {bytes.begin(), bytes.end()}; }
inline std::string_view view_of(const std::vector<char>& bytes) { return {bytes.data(), bytes.size()}; }

/// The fuzzer's bytes, taken from the front; at the end they are zeros and nothing.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : left_(reinterpret_cast<const char*>(data), size) {}
  [[nodiscard]] bool empty() const { return left_.empty(); }
  std::size_t byte() {
    const std::string_view one = piece(1);
    return one.empty() ? 0 : static_cast<unsigned char>(one.front());
  }
  std::string_view piece(std::size_t most) {
    const std::string_view taken = left_.substr(0, most);
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() { return piece(left_.size()); }

 private:
  std::string_view left_;
};

/// The most changes that are made to one honest text: more of them leave nothing of it.
inline constexpr std::size_t kMaxChanges = 8;

/// `text` with what `says` says: at two bytes' place some are dropped and others are put in, and again.
inline std::string changed(std::string text, Bytes& says) {
  for (std::size_t change = 0; change < kMaxChanges && !says.empty(); ++change) {
    const std::size_t place = ((says.byte() << 8U) | says.byte()) % (text.size() + 1);
    const std::size_t dropped = says.byte();
    text.replace(place, std::min(dropped, text.size() - place), says.piece(says.byte()));
  }
  return text;
}

}  // namespace windfall::fuzz

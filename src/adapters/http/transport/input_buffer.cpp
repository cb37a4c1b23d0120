#include "adapters/http/transport/input_buffer.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace windfall::http {

void InputBuffer::consume(std::size_t count) {
  assert(count <= size());
  begin_ += count;
  if (begin_ != end_) return;
  begin_ = end_ = 0;
  if (capacity_ > kKeptCapacity) {
    bytes_.reset();
    capacity_ = 0;
  }
}

void InputBuffer::erase(std::size_t offset, std::size_t count) {
  assert(offset + count <= size());
  if (count == 0) return;
  char* gap = bytes_.get() + begin_ + offset;
  std::memmove(gap, gap + count, size() - offset - count);
  end_ -= count;
}

void InputBuffer::make_room(std::unique_ptr<char[]>& previous) {
  const std::size_t held = size();
  const std::size_t wanted = std::max(kFirstCapacity, held * 2 <= capacity_ ? capacity_ : capacity_ * 2);
  auto moved = std::make_unique_for_overwrite<char[]>(wanted);
  if (held > 0) std::memcpy(moved.get(), bytes_.get() + begin_, held);
  previous = std::exchange(bytes_, std::move(moved));
  capacity_ = wanted;
  begin_ = 0;
  end_ = held;
}

}  // namespace windfall::http

// The bytes a connection has received and not consumed: one block that is read into at the end and consumed from the
// front.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace windfall::http {

class InputBuffer {
 public:
  /// Holds nearly every request whole; what an idle connection keeps.
  static constexpr std::size_t kFirstCapacity = 4096;
  /// Above this an emptied buffer is given back: an import of 64 MiB must not stay with its connection.
  static constexpr std::size_t kKeptCapacity = 64 * 1024;

  [[nodiscard]] std::string_view view() const { return {bytes_.get() + begin_, end_ - begin_}; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

  /// Where the next bytes go, spare() of them; then say with received() how many came.
  [[nodiscard]] char* spare_bytes() { return bytes_.get() + end_; }
  [[nodiscard]] std::size_t spare() const { return capacity_ - end_; }
  void received(std::size_t count) { end_ += count; }

  /// Drops `count` bytes from the front.
  void consume(std::size_t count);
  /// Drops `count` bytes behind the first `offset`.
  void erase(std::size_t offset, std::size_t count);

  /// Moves the content to the front of the block, or of one twice as large if less than half would be spare. Views of
  /// the content become invalid, but while `previous` lives they can be read.
  void make_room(std::unique_ptr<char[]>& previous);

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace windfall::http

// A descriptor that is closed with its owner, and what is done with a socket that blocks: for the few calls beside the
// load.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace windfall::load {

class Descriptor {
 public:
  /// Negative: there is none.
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

/// How long one receive() may take.
void set_patience(const Descriptor& socket, std::chrono::milliseconds patience);
/// False if the connection was lost before all of it was on its way.
[[nodiscard]] bool send_all(const Descriptor& socket, std::string_view bytes);
/// Appends what comes next; how many bytes that were, 0 at the end, nullopt if nothing came in time or it broke.
[[nodiscard]] std::optional<std::size_t> receive(const Descriptor& socket, std::string& into);

}  // namespace windfall::load

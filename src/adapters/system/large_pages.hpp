// Memory in large pages, for tables of megabytes that are looked at here and there. In pages of 4 KB nearly every such
// look begins with a walk through the page tables, which costs as much as the memory itself, on a virtual machine more.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace windfall::system {

/// An allocator for standard containers. Where the system has no large pages to give, it is memory like any other.
template <class T>
struct LargePages {
  using value_type = T;
  /// Of x86-64, and of arm64 with small pages of 4 KB.
  static constexpr std::size_t kPageBytes = std::size_t{2} * 1024 * 1024;

  LargePages() = default;
  template <class U>
  explicit LargePages(const LargePages<U>&) {}

  T* allocate(std::size_t count) {
    const std::size_t bytes = ((count * sizeof(T)) + kPageBytes - 1) / kPageBytes * kPageBytes;
    void* memory = std::aligned_alloc(kPageBytes, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    madvise(memory, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t /*count*/) { std::free(memory); }
  bool operator==(const LargePages&) const = default;
};

}  // namespace windfall::system

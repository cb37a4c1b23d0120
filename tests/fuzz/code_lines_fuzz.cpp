// Any bytes as a file of codes, in pieces whose sizes the first bytes say: every code is one, lines ascend, and neither
// the pieces nor the batches make a difference.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/codec/code_lines.hpp"

namespace {

using namespace windfall;

struct Read {
  std::vector<std::pair<std::uint64_t, std::string>> codes;
  std::vector<std::uint64_t> invalid;
  bool operator==(const Read&) const = default;
};

void require(bool condition) {
  if (!condition) std::abort();
}

Read read(std::string_view file, std::size_t piece) {
  Read all;
  codec::CodeLines lines;
  codec::CodeBatch batch(7);  // few, so that it is full now and then
  const auto empty_it = [&] {
    for (const CodeLine& line : batch.codes()) {
      require(is_code(line.code));
      require(all.codes.empty() || all.codes.back().first < line.line);
      all.codes.emplace_back(line.line, line.code);
    }
    all.invalid.insert(all.invalid.end(), batch.invalid().begin(), batch.invalid().end());
    batch.clear();
  };
  while (!file.empty()) {
    std::string_view bytes = file.substr(0, piece);
    file.remove_prefix(bytes.size());
    while (!bytes.empty()) {
      bytes.remove_prefix(lines.feed(bytes, batch));
      if (batch.full()) empty_it();
    }
  }
  lines.finish(batch);
  empty_it();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{data[0]} + 1;
  const std::string_view file{reinterpret_cast<const char*>(data + 1), size - 1};
  const Read whole = read(file, file.size() + 1);
  require(read(file, piece) == whole);
  require(std::ranges::is_sorted(whole.invalid));
  const auto lines = static_cast<std::size_t>(std::ranges::count(file, '\n')) + 1;
  require(whole.codes.size() + whole.invalid.size() <= lines);
  return 0;
}

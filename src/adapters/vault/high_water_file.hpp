// The high-water marks in a file outside the data directory, best on another disk:
//
//   windfall high water 1
//   <promotion id> <prize id> <mark> <check>
//
// Marks are appended, one synced line each; the highest line of a prize counts. `check` is 16 hex digits of BLAKE2b
// over the line before it and the space. A last line that is cut short or does not check was never acknowledged and is
// dropped; any other bad line is damage. The file is written anew, with one line a prize, when it is opened and
// whenever it has grown to kCompactBytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "application/port/high_water.hpp"

namespace windfall::vault {

class HighWaterFile final : public HighWater {
 public:
  /// A prize of 128,391 codes takes 2,000 lines of at most 170 bytes: most installations never get here between two
  /// starts.
  static constexpr std::uint64_t kCompactBytes = 1024 * 1024;

  /// Opens or creates the file; one process at a time. Failures: invalid (it lies inside the data directory), conflict
  /// (another process has it open), damaged (a line in the middle is not what was written), unavailable, disk_full.
  static Result<std::unique_ptr<HighWaterFile>> open(const std::string& path, const std::string& data_directory,
                                                     std::uint64_t compact_bytes = kCompactBytes);
  /// The marks of a file that nobody has open, by promotion and prize. not_found, damaged, unavailable.
  static Result<std::vector<Mark>> read(const std::string& path);
  ~HighWaterFile() override;

  [[nodiscard]] bool covers(const PrizeOfCodes& prize, std::uint64_t ordinal) override;
  Result<bool> raise(const PrizeOfCodes& prize, std::uint64_t ordinal) override;
  [[nodiscard]] std::vector<Mark> marks() override;

 private:
  using Marks = std::map<PrizeOfCodes, std::uint64_t>;
  HighWaterFile(std::string path, std::uint64_t compact_bytes)
      : path_(std::move(path)), compact_bytes_(compact_bytes) {}
  static Result<Marks> parse(std::string_view text, const std::string& path);
  Result<bool> rewrite(const Marks& marks);
  Result<bool> append(const PrizeOfCodes& prize, std::uint64_t mark);

  const std::string path_;
  const std::uint64_t compact_bytes_;
  std::mutex writing_;  ///< guards the file; taken before marks_mutex_
  int file_ = -1;
  int lock_ = -1;
  std::uint64_t size_ = 0;  ///< bytes that are known to be whole lines
  std::mutex marks_mutex_;  ///< never held over a write, so covers() does not block
  Marks marks_;             ///< synced
};

}  // namespace windfall::vault

// The backup's container: a plain ustar archive, so that anyone can look into it with tar. Written and read from front
// to back, with the SHA-256 of every member on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/result.hpp"

namespace windfall::proof {

struct Member {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256;  ///< lower-case hex
};

class ArchiveWriter {
 public:
  /// conflict: the file exists. The file has its name only once finish() is done.
  static Result<std::unique_ptr<ArchiveWriter>> create(const std::string& path);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  /// The first `bytes` bytes of a file as a member. damaged: it is shorter.
  Result<Member> add_file(const std::string& name, const std::string& path, std::uint64_t bytes);
  Result<Member> add_text(const std::string& name, std::string_view text);
  /// Durable under its name when this returns.
  Result<bool> finish();

 private:
  ArchiveWriter(std::string path, int file) : path_(std::move(path)), file_(file) {}
  Result<bool> write(std::string_view bytes);
  Result<bool> header(const std::string& name, std::uint64_t bytes);
  Result<bool> pad(std::uint64_t bytes);

  std::string path_;
  int file_ = -1;
  bool finished_ = false;
};

/// Calls `where(name)` for each member: the path to write it to, or a failure. Members come in the order of the
/// archive; each is durable before the next. damaged: no such archive, or cut short.
Result<std::vector<Member>> extract(const std::string& archive,
                                    const std::function<Result<std::string>(const std::string& name)>& where);

}  // namespace windfall::proof

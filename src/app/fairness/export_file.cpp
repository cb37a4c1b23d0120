#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "app/fairness/verify_export.hpp"

namespace windfall::fairness {

namespace {

Failure cannot_read(const std::string& path) {
  const FailureCode code = errno == ENOENT ? FailureCode::not_found : FailureCode::unavailable;
  return {.code = code, .message = path + ": " + std::strerror(errno)};
}

/// Gives every whole line in `pending` to the verifier and keeps the rest. False when there is no use in more.
bool take_lines(ExportVerifier& verifier, std::string& pending) {
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
    if (!verifier.line(std::string_view(pending).substr(begin, end - begin))) return false;
  }
  pending.erase(0, begin);
  // What is longer than any line is judged as it stands, and found wrong.
  return pending.size() <= kMaxExportLine || (verifier.line(pending), false);
}

}  // namespace

Result<Verdict> verify_export(const std::string& path, const std::string& published) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return tl::unexpected(cannot_read(path));
  ExportVerifier verifier(published);
  std::string pending;
  std::string part(kMaxExportLine, '\0');
  while (file) {
    file.read(part.data(), static_cast<std::streamsize>(part.size()));
    if (file.bad()) return tl::unexpected(cannot_read(path));
    pending.append(part, 0, static_cast<std::size_t>(file.gcount()));
    if (!take_lines(verifier, pending)) return verifier.finish();
  }
  if (!pending.empty()) verifier.line(pending);
  return verifier.finish();
}

}  // namespace windfall::fairness

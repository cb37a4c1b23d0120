// Both verifiers over the same file: ours, and the script that is published beside the page.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/fairness/verify_export.hpp"

namespace windfall::fairness {

/// A file of the test's own, gone at the end of its scope.
class ExportFile {
 public:
  explicit ExportFile(const std::string& text);
  ExportFile(const ExportFile&) = delete;
  ExportFile& operator=(const ExportFile&) = delete;
  ~ExportFile();
  [[nodiscard]] std::string path() const { return (folder_ / "export.ndjson").string(); }

 private:
  std::filesystem::path folder_;
};

/// "line N: what", in order.
[[nodiscard]] std::vector<std::string> told_by(const Verdict& verdict);

struct ScriptRun {
  int exit_code = -1;
  std::vector<std::string> lines;
};
/// docs/fairness/verify.py ARGUMENTS
[[nodiscard]] ScriptRun run_script(const std::string& arguments);
/// Its findings about each of these exports; one process for all of them, since starting one costs more than judging.
[[nodiscard]] std::vector<std::vector<std::string>> told_by_script(const std::vector<std::string>& texts);

/// Ours, over a text in memory.
[[nodiscard]] Verdict verdict_of(const std::string& text);

}  // namespace windfall::fairness

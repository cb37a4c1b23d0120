#include "fairness/verifiers.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <fstream>
#include <stdexcept>

namespace windfall::fairness {

ExportFile::ExportFile(const std::string& text) {
  std::string pattern = (std::filesystem::temp_directory_path() / "windfall-fairness-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  std::ofstream(path(), std::ios::binary) << text;
}

ExportFile::~ExportFile() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::vector<std::string> told_by(const Verdict& verdict) {
  std::vector<std::string> lines;
  for (const ExportFinding& finding : verdict.findings)
    lines.push_back(fmt::format("line {}: {}", finding.line, finding.what));
  return lines;
}

namespace {

ScriptRun run_python(const std::string& arguments) {
  std::FILE* pipe = popen(("'" WINDFALL_PYTHON "' -B " + arguments).c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("no pipe");
  std::string text;
  std::array<char, 4096> part{};
  for (std::size_t got = 0; (got = std::fread(part.data(), 1, part.size(), pipe)) > 0;) text.append(part.data(), got);
  const int status = pclose(pipe);
  ScriptRun run{.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    run.lines.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return run;
}

}  // namespace

ScriptRun run_script(const std::string& arguments) {
  return run_python("'" WINDFALL_FAIRNESS_DOCS "/fairness/verify.py' " + arguments);
}

std::vector<std::vector<std::string>> told_by_script(const std::vector<std::string>& texts) {
  std::string arguments = "'" WINDFALL_VERIFY_EACH "' '" WINDFALL_FAIRNESS_DOCS "/fairness'";
  std::deque<ExportFile> files;
  for (const std::string& text : texts) arguments += " '" + files.emplace_back(text).path() + "'";
  std::vector<std::vector<std::string>> told(1);
  for (const std::string& line : run_python(arguments).lines) {
    if (line.starts_with("line ")) told.back().push_back(line);
    if (!line.starts_with("exit ")) continue;
    if ((line == "exit 0") != told.back().empty()) told.back().push_back(line);
    told.emplace_back();
  }
  told.pop_back();
  if (told.size() != texts.size()) throw std::runtime_error("the script judged another number of exports");
  return told;
}

Verdict verdict_of(const std::string& text) {
  ExportVerifier verifier;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (!verifier.line(std::string_view(text).substr(at, end - at))) break;
    at = end + 1;
  }
  return verifier.finish();
}

}  // namespace windfall::fairness

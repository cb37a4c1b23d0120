// `windfall verify` as people call it: exit codes, text and JSON.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "app/commands.hpp"
#include "fairness/export_story.hpp"
#include "fairness/verifiers.hpp"

namespace windfall::fairness {
namespace {

struct Said {
  int exit_code = -1;
  std::string out;
  std::string err;
};

Said verify(const std::vector<std::string>& arguments) {
  CLI::App app{"windfall"};
  app::Chosen chosen;
  app::add_verify(app, chosen);
  std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};
  reversed.emplace_back("verify");
  app.parse(reversed);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Said said{.exit_code = chosen()};
  said.out = testing::internal::GetCapturedStdout();
  said.err = testing::internal::GetCapturedStderr();
  return said;
}

std::string honest() {
  Story story;
  tell(story, eventful());
  return story.text();
}

TEST(VerifyCommand, says_that_an_honest_export_is_right) {
  const ExportFile file(honest());
  const Said text = verify({file.path()});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_NE(text.out.find("every line follows from the committed plan and seed"), std::string::npos) << text.out;
  const Said json = verify({file.path(), "-o", "json"});
  EXPECT_EQ(json.exit_code, 0);
  EXPECT_TRUE(json.out.starts_with(R"({"ok":true,"promotionId":"summer","lines":)")) << json.out;
  EXPECT_TRUE(json.out.ends_with(R"("problems":0,"findings":[]})"
                                 "\n"))
      << json.out;
}

TEST(VerifyCommand, names_the_line_of_every_problem) {
  std::string text = honest();
  const std::size_t draw = text.find("{\"type\":\"draw\"");
  text.insert(draw, "{}\n");
  const ExportFile file(text);
  const Said said = verify({file.path()});
  EXPECT_EQ(said.exit_code, 1);
  EXPECT_NE(said.out.find("\nline 3: the line is not of a type that exports have\n1 problems\n"), std::string::npos)
      << said.out;
  const Said json = verify({"--output", "json", file.path()});
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_NE(json.out.find(R"("problems":1,"findings":[{"line":3,"what":"the line is not)"), std::string::npos)
      << json.out;
}

TEST(VerifyCommand, compares_the_commitment_with_the_one_published_before) {
  const std::string text = honest();
  const std::string name = "\"commitment\":\"";
  const std::string commitment = text.substr(text.find(name) + name.size(), 64);
  const ExportFile file(text);
  EXPECT_EQ(verify({file.path(), "--commitment", commitment}).exit_code, 0);
  EXPECT_EQ(run_script("'" + file.path() + "' " + commitment).exit_code, 0);
  const std::string other(64, '0');
  const std::string wanted = "line 1: the commitment is " + commitment + ", but the one published before was " + other;
  const Said said = verify({file.path(), "--commitment", other});
  EXPECT_EQ(said.exit_code, 1);
  EXPECT_NE(said.out.find(wanted), std::string::npos) << said.out;
  const ScriptRun script = run_script("'" + file.path() + "' " + other);
  EXPECT_EQ(script.exit_code, 1);
  EXPECT_EQ(script.lines.front(), wanted);
  EXPECT_THROW((void)verify({file.path(), "--commitment", "abc"}), CLI::ParseError);
}

TEST(VerifyCommand, does_not_keep_a_line_that_never_ends) {
  const ExportFile file(honest() + std::string(5 * kMaxExportLine, 'x'));
  const Said said = verify({file.path()});
  EXPECT_EQ(said.exit_code, 1);
  EXPECT_NE(said.out.find(": the line is not of a type that exports have\n1 problems"), std::string::npos) << said.out;
}

TEST(VerifyCommand, says_when_there_is_nothing_to_read) {
  const ExportFile file("");
  const Said said = verify({file.path() + ".not"});
  EXPECT_EQ(said.exit_code, 2);
  EXPECT_TRUE(said.out.empty());
  EXPECT_NE(said.err.find("No such file"), std::string::npos) << said.err;
  const Said folder = verify({std::filesystem::path(file.path()).parent_path().string()});
  EXPECT_EQ(folder.exit_code, 2) << folder.out;
  EXPECT_EQ(verify({file.path()}).out,
            "promotion unknown: 0 lines, 0 items, 0 draws, 0 wins, 0 second-chance wins, 0 voided, shortfall 0\n"
            "line 1: the end line is missing: the export was cut off\n1 problems\n");
  EXPECT_THROW((void)verify({}), CLI::ParseError);
  EXPECT_THROW((void)verify({file.path(), "-o", "yaml"}), CLI::ParseError);
}

}  // namespace
}  // namespace windfall::fairness

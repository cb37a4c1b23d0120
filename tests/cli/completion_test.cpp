#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "app/client/command_tree.hpp"
#include "app/client/completion_scripts.hpp"

namespace windfall::client {
namespace {

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() : app_("test", "windfall") {
    CLI::App* brew = app_.add_subcommand("brew", "It's coffee: hot");
    brew->add_option("FILE", file_, "recipe")->type_name("");
    brew->add_option("--out", out_, "where")->type_name("DIR");
    brew->add_option("-s,--size", size_, "how much")->check(CLI::IsMember({"small", "large"}));
    brew->add_option("--secret", secret_, "hidden")->group("");
    brew->add_flag("--milk", milk_, "with milk");
    app_.add_subcommand("ghost", "hidden")->group("");
  }

  CLI::App app_;
  std::string file_;
  std::string out_;
  std::string size_;
  std::string secret_;
  bool milk_ = false;
};

TEST_F(CompletionTest, TheTreeSaysWhatEachOptionTakes) {
  const CommandNode root = command_tree(app_);
  ASSERT_EQ(root.children.size(), 1U) << "a hidden command is left out";
  const CommandNode& brew = root.children.front();
  EXPECT_EQ(brew.path, "windfall brew");
  ASSERT_EQ(brew.arguments.size(), 1U);
  EXPECT_EQ(brew.arguments.front().of, ValueKind::Of::file);
  ASSERT_EQ(brew.options.size(), 4U) << "help, out, size and milk";
  EXPECT_EQ(brew.options[0].names, (std::vector<std::string>{"-h", "--help"}));
  EXPECT_EQ(brew.options[0].value.of, ValueKind::Of::nothing);
  EXPECT_EQ(brew.options[1].value.of, ValueKind::Of::directory);
  EXPECT_EQ(brew.options[2].value.words, (std::vector<std::string>{"small", "large"}));
  EXPECT_EQ(brew.options[3].value.of, ValueKind::Of::nothing);
}

TEST_F(CompletionTest, ANewCommandIsInEveryScript) {
  app_.add_subcommand("serve-tea", "new");
  const CommandNode root = command_tree(app_);
  EXPECT_NE(bash_completion(root).find("'brew serve-tea -h --help'"), std::string::npos);
  EXPECT_NE(zsh_completion(root).find("commands+=('serve-tea:new')"), std::string::npos);
  EXPECT_NE(fish_completion(root).find("-a 'serve-tea' -d 'new'"), std::string::npos);
}

TEST_F(CompletionTest, AQuoteInAHelpTextStaysText) {
  const CommandNode root = command_tree(app_);
  EXPECT_NE(zsh_completion(root).find("'brew:It'\\''s coffee: hot'"), std::string::npos);
  EXPECT_NE(fish_completion(root).find("-d 'It\\'s coffee: hot'"), std::string::npos);
}

}  // namespace
}  // namespace windfall::client

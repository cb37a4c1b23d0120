// `windfall topics apply`, as people type it.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "app/commands.hpp"
#include "kafka/rig.hpp"

namespace windfall::test {
namespace {

class TopicsCommand : public KafkaTest {
 protected:
  struct Ran {
    int status = 0;
    std::string out;
    std::string err;
  };
  static Ran run(std::vector<std::string> words) {
    CLI::App app{"test", "windfall"};
    app::Chosen chosen;
    app::add_topics(app, chosen);
    std::ranges::reverse(words);  // as the parser takes them
    Ran ran;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    try {
      app.parse(words);
      ran.status = chosen();
    } catch (const CLI::ParseError&) {
      ran.status = app::kExitUsage;
    }
    ran.out = testing::internal::GetCapturedStdout();
    ran.err = testing::internal::GetCapturedStderr();
    return ran;
  }
  std::vector<std::string> apply(const std::string& prefix, const std::vector<std::string>& more) {
    std::vector<std::string> words{"topics",   "apply",          "--brokers",    brokers(),
                                   "--prefix", prefix_ + prefix, "--partitions", "4"};
    words.insert(words.end(), {"--replication-factor", "1", "--min-insync-replicas", "1"});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(TopicsCommand, ItSaysWhatItWouldMakeThenMakesItThenHasNothingToDo) {
  const Ran would = run(apply("a.", {"--dry-run"}));
  EXPECT_EQ(would.status, app::kExitOk) << would.err;
  EXPECT_TRUE(would.out.starts_with("would be made  " + prefix_ + "a.windfall.events\n")) << would.out;
  const Ran made = run(apply("a.", {}));
  EXPECT_EQ(made.status, app::kExitOk) << made.err;
  EXPECT_TRUE(made.out.starts_with("made           " + prefix_ + "a.windfall.events\n")) << made.out;
  const Ran again = run(apply("a.", {"-o", "json"}));
  EXPECT_EQ(again.status, app::kExitOk) << again.err;
  EXPECT_TRUE(again.out.starts_with(R"({"topics":[{"topic":")" + prefix_ +
                                    R"(a.windfall.events","state":"as planned","differences":[]})"))
      << again.out;
}

TEST_F(TopicsCommand, WhatDiffersIsAFailureThatSaysWhere) {
  const Ran ran = run(apply("", {"--partitions", "8"}));
  const Ran more = run({"topics", "apply", "--brokers", brokers(), "--prefix", prefix_, "--partitions", "8",
                        "--replication-factor", "1", "--min-insync-replicas", "1"});
  EXPECT_EQ(ran.status, app::kExitUsage) << "an option given twice";
  EXPECT_EQ(more.status, app::kExitFailed);
  EXPECT_NE(more.out.find("differs        " + names_.events + "\n               partitions: 4, planned 8\n"),
            std::string::npos)
      << more.out;
  EXPECT_NE(more.err.find("never changed"), std::string::npos) << more.err;
}

TEST_F(TopicsCommand, TheConfigurationOfTheServersSaysWhichBrokersAndHowToLogIn) {
  const Broker& broker = Broker::shared();
  const std::filesystem::path file = std::filesystem::path(broker.ca_file()).parent_path() / "windfall.toml";
  std::ofstream(file) << "[server]\nmode = \"distributed\"\n[redis]\nnodes = [\"nowhere:1\"]\n"
                      << "[postgres]\nurl = \"postgresql://nowhere\"\n[kafka]\nbrokers = \"" << broker.guarded_address()
                      << "\"\nprefix = \"" << prefix_ << "\"\nsecurity_protocol = \"sasl_ssl\"\nca_file = \""
                      << broker.ca_file() << "\"\nsasl_mechanism = \"SCRAM-SHA-512\"\nsasl_username = \""
                      << Broker::kUser << "\"\n";
  const std::vector<std::string> words{"topics",
                                       "apply",
                                       "--config",
                                       file.string(),
                                       "--partitions",
                                       "4",
                                       "--replication-factor",
                                       "1",
                                       "--min-insync-replicas",
                                       "1"};
  ::setenv("WINDFALL_KAFKA_PASSWORD", Broker::kPassword, 1);
  const Ran allowed = run(words);
  ::unsetenv("WINDFALL_KAFKA_PASSWORD");
  EXPECT_EQ(allowed.status, app::kExitOk) << allowed.err;
  EXPECT_TRUE(allowed.out.starts_with("as planned     " + names_.events + "\n")) << allowed.out;
  const Ran refused = run(words);
  EXPECT_EQ(refused.status, app::kExitUsage);
  EXPECT_NE(refused.err.find("needs WINDFALL_KAFKA_PASSWORD"), std::string::npos) << refused.err;
}

TEST_F(TopicsCommand, WhatCannotBeIsRefusedBeforeAnybodyIsAsked) {
  EXPECT_EQ(run({"topics", "apply", "--brokers", "nowhere:1", "--prefix", "a b"}).status, app::kExitUsage);
  EXPECT_EQ(run({"topics", "apply", "--brokers", "nowhere:1", "--replication-factor", "1"}).status, app::kExitUsage);
  EXPECT_EQ(run({"topics", "apply", "--brokers", "nowhere:1", "--partitions", "0"}).status, app::kExitUsage);
  EXPECT_EQ(run({"topics", "apply", "--brokers", "nowhere:1", "--set", "x"}).status, app::kExitUsage);
  EXPECT_EQ(run({"topics", "apply"}).status, app::kExitUsage);
  EXPECT_EQ(run({"topics", "apply", "--config", "a.toml", "--brokers", "nowhere:1"}).status, app::kExitUsage);
  const Ran lost = run({"topics", "apply", "--config", "/no/such.toml"});
  EXPECT_EQ(lost.status, app::kExitUsage);
  EXPECT_NE(lost.err.find("/no/such.toml"), std::string::npos) << lost.err;
  const Ran unknown = run({"topics", "apply", "--brokers", brokers(), "--set", "no.such=1"});
  EXPECT_EQ(unknown.status, app::kExitUsage);
  EXPECT_NE(unknown.err.find("no.such"), std::string::npos) << unknown.err;
}

}  // namespace
}  // namespace windfall::test

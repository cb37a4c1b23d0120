// Secrets in the environment, in files, and as credentials of systemd.
#include "app/secrets.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT: setenv is POSIX
#include <sys/stat.h>

#include "config/temporary_folder.hpp"

namespace windfall::app {
namespace {

constexpr const char* kName = "WINDFALL_TEST_SECRET";
constexpr const char* kFile = "WINDFALL_TEST_SECRET_FILE";
constexpr const char* kCredentials = "CREDENTIALS_DIRECTORY";

class Secrets : public testing::Test {
 protected:
  Secrets() { forget(); }
  ~Secrets() override { forget(); }
  static void forget() {
    for (const char* name : {kName, kFile, kCredentials}) unsetenv(name);
  }
  static void set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }
  std::string with(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    std::string path = folder_.with(name, text);
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  static void expect_found(const std::string& value, const std::string& origin) {
    const auto found = find_secret(kName);
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_TRUE(*found);
    EXPECT_EQ((*found)->value, value);
    EXPECT_EQ((*found)->origin, origin);
  }
  static void expect_refused(const std::string& message) {
    const auto found = find_secret(kName);
    ASSERT_FALSE(found) << message;
    EXPECT_EQ(found.error().code, FailureCode::invalid);
    EXPECT_EQ(found.error().message, message);
  }

  TemporaryFolder folder_;
};

TEST_F(Secrets, ThatNobodyGaveAreNone) {
  const auto found = find_secret(kName);
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
  set(kCredentials, folder_.file("not-there"));
  EXPECT_FALSE(find_secret(kName).value());
}

TEST_F(Secrets, ComeFromTheEnvironment) {
  set(kName, "from-the-environment");
  expect_found("from-the-environment", "env WINDFALL_TEST_SECRET");
}

TEST_F(Secrets, ComeFromTheFileThatTheEnvironmentNames) {
  for (const char* text : {"one-line", "one-line\n", "one-line\r\n"}) {
    const std::string path = with("key", text);
    set(kFile, path);
    expect_found("one-line", path);
  }
  for (const mode_t mode : {0400U, 0600U, 0440U, 0640U}) {
    set(kFile, with("key" + std::to_string(mode), "one-line\n", mode));
    EXPECT_TRUE(find_secret(kName)) << mode;
  }
}

TEST_F(Secrets, ComeFromSystemdWhereTheEnvironmentNamesNone) {
  const std::string path = with(kName, "a-credential\n", 0400);
  set(kCredentials, path.substr(0, path.rfind('/')));
  expect_found("a-credential", path);
  set(kName, "from-the-environment");
  expect_found("from-the-environment", "env WINDFALL_TEST_SECRET");
}

TEST_F(Secrets, ThatEverybodyMayReadAreRefused) {
  for (const mode_t mode : {0604U, 0644U, 0602U, 0601U}) {
    const std::string path = with("open" + std::to_string(mode), "secret\n", mode);
    set(kFile, path);
    expect_refused("env WINDFALL_TEST_SECRET_FILE: " + path + ": everybody may read it; chmod o-rwx it");
  }
  unsetenv(kFile);
  const std::string path = with(kName, "secret\n", 0644);
  set(kCredentials, path.substr(0, path.rfind('/')));
  expect_refused(path + ": everybody may read it; chmod o-rwx it");
}

TEST_F(Secrets, GivenTwiceAreRefusedWithoutAGuessWhichOneWasMeant) {
  set(kName, "one");
  set(kFile, with("key", "two"));
  expect_refused("env WINDFALL_TEST_SECRET and env WINDFALL_TEST_SECRET_FILE: only one of them may be set");
}

TEST_F(Secrets, ThatAreEmptyAreAMistakeNotAnOpenDoor) {
  set(kName, "");
  expect_refused("env WINDFALL_TEST_SECRET: must not be empty");
  unsetenv(kName);
  set(kFile, "");
  expect_refused("env WINDFALL_TEST_SECRET_FILE: must not be empty");
  const std::string path = with("empty", "\n");
  set(kFile, path);
  expect_refused("env WINDFALL_TEST_SECRET_FILE: " + path + ": must not be empty");
}

TEST_F(Secrets, ThatAreNoSingleWordAreRefused) {
  for (const char* text : {"two words", "two\nlines", "\n\n", "tab\there", "\xed\x95\x9c"}) {
    const std::string path = with("key", text);
    set(kFile, path);
    expect_refused("env WINDFALL_TEST_SECRET_FILE: " + path + ": must be one line of visible ASCII characters");
  }
}

TEST_F(Secrets, ThatCannotBeReadAreNamed) {
  const auto names = [](const std::string& path) {
    set(kFile, path);
    const auto found = find_secret(kName);
    ASSERT_FALSE(found) << path;
    EXPECT_EQ(found.error().message.rfind("env WINDFALL_TEST_SECRET_FILE: " + path + ": ", 0), 0U)
        << found.error().message;
  };
  names(folder_.file("missing"));
  names(folder_.file("."));
  names("/dev/null");
  names(with("large", std::string(5000, 'x')));
  ASSERT_EQ(mkfifo(folder_.file("pipe").c_str(), 0600), 0);
  names(folder_.file("pipe"));
}

TEST(KeyStrength, WhatEverybodyWouldTryIsNoKey) {
  for (const char* weak : {"changeme", "ChangeMe-ChangeMe-ChangeMe", "password12345678", "my-default-admin-key",
                           "short-key", "aaaaaaaaaaaaaaaaaaaa", "1234123412341234", "example-key-of-a-page"}) {
    EXPECT_TRUE(weakness_of_key(weak)) << weak;
  }
  for (const char* strong : {"wf_Zk3Qy7uVbN2mXc9RtLp0", "q8Jx-2mVt-Lk7R-p0Ws", "crash-test-admin-key"}) {
    EXPECT_FALSE(weakness_of_key(strong)) << strong << ": " << weakness_of_key(strong).value_or("");
  }
}

TEST(KeyStrength, ThePublishedExamplesSignNothing) {
  EXPECT_TRUE(weakness_of_signing_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  EXPECT_FALSE(weakness_of_signing_secret("whsec_bm90IGEgcHVibGlzaGVkIGV4YW1wbGUgb25l"));
}

}  // namespace
}  // namespace windfall::app

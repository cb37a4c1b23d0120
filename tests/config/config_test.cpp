#include "app/config.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT: setenv is POSIX
#include <sys/stat.h>

#include <algorithm>

#include "config/temporary_folder.hpp"

namespace windfall::app {
namespace {

using Flags = std::map<std::string, std::string>;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    // What the shell that runs the tests has set must not decide them.
    forget("CREDENTIALS_DIRECTORY");
    for (const char* secret : {"WINDFALL_ADMIN_KEY", "WINDFALL_GATEWAY_KEY", "WINDFALL_PARTNER_SECRET"}) {
      forget(secret);
      forget(std::string(secret) + "_FILE");
    }
    for (const ConfigMember& member : members_of(*load_config("", {}))) forget(variable_of(member));
  }
  ~ConfigTest() override {
    for (const std::string& name : set_) unsetenv(name.c_str());
  }

  static std::string variable_of(const ConfigMember& member) {
    if (member.secret) return member.name;
    std::string name = "WINDFALL_" + member.name;
    for (char& c : name) c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
  }
  static void forget(const std::string& variable) { unsetenv(variable.c_str()); }
  void set(const std::string& variable, const std::string& value) {
    setenv(variable.c_str(), value.c_str(), 1);
    set_.push_back(variable);
  }
  std::string file(const std::string& toml) { return folder_.with("windfall.toml", toml); }

  static void expect_invalid(const Result<Config>& config, const std::string& message) {
    ASSERT_FALSE(config) << message;
    EXPECT_EQ(config.error().code, FailureCode::invalid);
    EXPECT_EQ(config.error().message, message);
  }

  TemporaryFolder folder_;
  std::vector<std::string> set_;
};

TEST_F(ConfigTest, HasDefaultsAndSaysSo) {
  const Result<Config> config = load_config("", {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->listen, "127.0.0.1:8080");
  EXPECT_EQ(config->mode, "embedded");
  EXPECT_FALSE(config->dev);
  for (const ConfigMember& member : members_of(*config)) EXPECT_EQ(member.origin, "default") << member.name;
}

TEST_F(ConfigTest, FlagsWinOverEnvironmentOverFileOverDefault) {
  const std::string toml = file("[server]\nlisten = \"127.0.0.1:1\"\n");
  const auto listens = [](const Result<Config>& config, const std::string& value, const std::string& origin) {
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->listen, value);
    EXPECT_EQ(config->origins.at("server.listen"), origin);
  };
  listens(load_config("", {}), "127.0.0.1:8080", "default");
  listens(load_config(toml, {}), "127.0.0.1:1", toml + ":2");
  set("WINDFALL_SERVER_LISTEN", "127.0.0.1:2");
  listens(load_config(toml, {}), "127.0.0.1:2", "env WINDFALL_SERVER_LISTEN");
  listens(load_config(toml, {{"server.listen", "127.0.0.1:3"}}), "127.0.0.1:3", "flag");
}

TEST_F(ConfigTest, ReadsEveryKindOfValueFromAFile) {
  const Result<Config> config = load_config(file("[server]\ndev = true\ndrain_seconds = 3\nroles = \"api,batch\"\n"
                                                 "[auth.jwt]\nissuer = \"https://id.example.com\"\n"
                                                 "[limits]\nuser_per_second = 0\n"),
                                            {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->dev);
  EXPECT_EQ(config->drain_seconds, 3);
  EXPECT_EQ(config->roles, "api,batch");
  EXPECT_EQ(config->jwt_issuer, "https://id.example.com");
  EXPECT_EQ(config->user_per_second, 0);
}

TEST_F(ConfigTest, NamesTheLineOfWhatIsWrongInAFile) {
  struct Row {
    const char* toml;
    const char* message;  ///< after the file's name
  };
  for (const Row& row : {
           Row{"[server]\n\nlistn = \"x\"\n", ":3: unknown setting server.listn (did you mean server.listen?)"},
           Row{"[servr]\nlisten = \"x\"\n", ":2: unknown setting servr.listen (did you mean server.listen?)"},
           Row{"[auth.jwt]\nissuers = \"x\"\n", ":2: unknown setting auth.jwt.issuers (did you mean auth.jwt.issuer?)"},
           Row{"something_else_entirely = 1\n", ":1: unknown setting something_else_entirely"},
           Row{"[server]\ndrain_seconds = 3601\n",
               ":2: server.drain_seconds must be an integer from 0 to 3600, not '3601'"},
           Row{"[server]\ndrain_seconds = \"soon\"\n",
               ":2: server.drain_seconds must be an integer from 0 to 3600, not 'soon'"},
           Row{"[server]\nmax_connections = 0\n",
               ":2: server.max_connections must be an integer from 1 to 1000000, not '0'"},
           Row{"[server]\ndrain_seconds = 1.5\n", ":2: server.drain_seconds must be an integer, without quotes"},
           Row{"[limits]\nuser_per_second = \"20\"\n", ":2: limits.user_per_second must be an integer, without quotes"},
           Row{"[limits]\nuser_burst = [\"5\"]\n", ":2: limits.user_burst must be an integer, without quotes"},
           Row{"[server]\ndev = \"true\"\n", ":2: server.dev must be true or false, without quotes"},
           Row{"[server]\ndata = 5\n", ":2: server.data must be a string, in quotes"},
           Row{"[limits]\nuser_per_second = 1.5\n", ":2: limits.user_per_second must be an integer, without quotes"},
           Row{"[server]\nlisten = 1.5\n", ":2: server.listen must be a string, in quotes"},
           Row{"[server]\nroles = [1]\n", ":2: server.roles must be a string, in quotes, or a list of at least one"},
           Row{"[server]\nroles = []\n", ":2: server.roles must be a string, in quotes, or a list of at least one"},
           Row{"[server]\ndata = \"\"\n", ":2: server.data must name a folder"},
           Row{"[server]\ndev = \"yes\"\n", ":2: server.dev must be true or false, not 'yes'"},
           Row{"[server]\nmode = \"cluster\"\n", ":2: server.mode must be one of embedded distributed, not 'cluster'"},
           Row{"[server]\nlog_level = \"loud\"\n",
               ":2: server.log_level must be one of debug info warning error, not 'loud'"},
           Row{"[server]\nroles = \"api,cook\"\n", ":2: server.roles must be one of api listener batch, not 'cook'"},
           Row{"[server]\nroles = \"api,,batch\"\n", ":2: server.roles must be one of api listener batch, not ''"},
           Row{"[server]\nroles = \"\"\n", ":2: server.roles must be one of api listener batch, not ''"},
           Row{"[server]\nroles = \"api,\"\n", ":2: server.roles must be one of api listener batch, not ''"},
           Row{"[server]\nlisten = \"127.0.0.1:1\"\n[limit]\n", ":3: unknown table limit"},
           Row{"[auth.jwk]\n", ":1: unknown table auth.jwk"},
           Row{"[server.deep]\n", ":1: unknown table server.deep"},
           Row{"auth = { jwt = {}, jwk = {} }\n", ":1: unknown table auth.jwk"},
           Row{"[server]\nlisten = \"[::1:80\"\n", ":2: server.listen '[::1:80' is not HOST:PORT or [IPv6]:PORT"},
           Row{"[server]\nadmin_listen = \"8081\"\n", ":2: server.admin_listen '8081' is not HOST:PORT"},
           Row{"[server]\npublic_url = \"events.example.com\"\n",
               ":2: server.public_url 'events.example.com' must begin with https:// (or http://)"},
           Row{"[server]\ndev = true\nlisten = \"0.0.0.0:8080\"\n",
               ":3: server.listen '0.0.0.0:8080' is not loopback: --dev believes any X-User-Id, so it serves loopback "
               "only"},
           Row{"[server]\ndev = true\nadmin_listen = \"10.0.0.5:8081\"\n",
               ":3: server.admin_listen '10.0.0.5:8081' is not loopback: --dev believes any X-User-Id, so it serves "
               "loopback only"},
           Row{"[limits]\naddress_per_second = -1\n",
               ":2: limits.address_per_second must be an integer from 0 to 1000000, not '-1'"},
           Row{"[server]\nroles = \"api, batch\"\n",
               ":2: server.roles must be one of api listener batch, not ' batch'"},
       }) {
    const std::string path = file(row.toml);
    expect_invalid(load_config(path, {}), path + row.message);
  }
}

TEST_F(ConfigTest, NamesTheLineOfABrokenFile) {
  const std::string path = file("[server]\nlisten = \"127.0.0.1:1\"\ndev = tru\n");
  const Result<Config> config = load_config(path, {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, FailureCode::invalid);
  EXPECT_EQ(config.error().message.rfind(path + ":3: ", 0), 0U) << config.error().message;
}

TEST_F(ConfigTest, AFileThatIsNotThereIsNamedWithoutALine) {
  const std::string path = folder_.file("missing.toml");
  const Result<Config> config = load_config(path, {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message.rfind(path + ": ", 0), 0U) << config.error().message;
  std::filesystem::create_directory(path);
  expect_invalid(load_config(path, {}), path + ": is a directory");
}

TEST_F(ConfigTest, NamesTheVariableOfWhatIsWrongInTheEnvironment) {
  set("WINDFALL_SERVER_MAX_CONNECTIONS", "many");
  expect_invalid(load_config("", {}),
                 "env WINDFALL_SERVER_MAX_CONNECTIONS: must be an integer from 1 to 1000000, not 'many'");
  forget("WINDFALL_SERVER_MAX_CONNECTIONS");
  set("WINDFALL_SERVER_MODE", "cluster");
  expect_invalid(load_config("", {}),
                 "env WINDFALL_SERVER_MODE: server.mode must be one of embedded distributed, not 'cluster'");
}

TEST_F(ConfigTest, NamesTheFlagOfWhatIsWrongOnTheCommandLine) {
  expect_invalid(load_config("", Flags{{"server.roles", "cook"}}),
                 "flag: server.roles must be one of api listener batch, not 'cook'");
  expect_invalid(load_config("", Flags{{"server.drain_seconds", "-1"}}),
                 "flag for server.drain_seconds: must be an integer from 0 to 3600, not '-1'");
  expect_invalid(load_config("", Flags{{"server.lsten", "x"}}),
                 "unknown setting server.lsten (did you mean server.listen?)");
}

Flags with_servers(const std::string& mode) {
  Flags flags{{"server.mode", mode}};
  if (mode != "distributed") return flags;
  flags.insert({{"redis.nodes", "127.0.0.1:7001"}, {"kafka.brokers", "127.0.0.1:9092"}, {"postgres.url", "host=db"}});
  return flags;
}

TEST_F(ConfigTest, DistributedNeedsItsServersAndEmbeddedHasNone) {
  for (const char* name : {"redis.nodes", "kafka.brokers", "postgres.url"}) {
    Flags flags = with_servers("distributed");
    flags.erase(name);
    expect_invalid(load_config("", flags), std::string("flag: server.mode distributed needs ") + name);
    expect_invalid(load_config("", Flags{{name, "somewhere"}}),
                   std::string("flag: ") + name + " is used with server.mode = distributed only");
  }
}

TEST_F(ConfigTest, OneLineChoosesWhereTheLedgerIs) {
  const std::string servers =
      "[redis]\nnodes = \"a:1\"\n[kafka]\nbrokers = \"k:9\"\n[postgres]\nurl = \"host=db\"\n"
      "[mongodb]\nuri = \"mongodb://windfall@m:27017/windfall\"\n";
  for (const char* ledger : {"postgresql", "mongodb"}) {
    const std::string path =
        file("[server]\nmode = \"distributed\"\nledger = \"" + std::string(ledger) + "\"\n" + servers);
    const Result<Config> config = load_config(path, {});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->ledger, ledger);
  }
  const std::string path = file("[server]\nmode = \"distributed\"\nledger = \"mongo\"\n" + servers);
  expect_invalid(load_config(path, {}), path + ":3: server.ledger must be one of postgresql mongodb, not 'mongo'");
}

TEST_F(ConfigTest, ALedgerInMongoDbNeedsItsUriAndNoPasswordInIt) {
  Flags flags = with_servers("distributed");
  flags["server.ledger"] = "mongodb";
  expect_invalid(load_config("", flags), "flag: server.ledger mongodb needs mongodb.uri");
  for (const char* uri : {"mongodb://windfall:hush@m:1/windfall", "mongodb://u:h@a:1,b:2"}) {
    flags["mongodb.uri"] = uri;
    expect_invalid(load_config("", flags),
                   "flag: mongodb.uri holds a password: leave it out, and give it as WINDFALL_MONGODB_PASSWORD");
  }
  set("WINDFALL_MONGODB_PASSWORD", "hush");
  for (const char* uri : {"mongodb://m:27017/windfall", "mongodb://u@a:1,b:2/w?replicaSet=r", "mongodb+srv://u@m/w"}) {
    flags["mongodb.uri"] = uri;
    const Result<Config> config = load_config("", flags);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->mongodb_password, "hush");
  }
  expect_invalid(load_config("", Flags{{"mongodb.uri", "mongodb://m"}}),
                 "flag: mongodb.uri is used with server.mode = distributed only");
  expect_invalid(load_config("", Flags{{"server.ledger", "mongodb"}}),
                 "flag: server.ledger mongodb is used with server.mode = distributed only");
}

TEST_F(ConfigTest, ReadsListsOfNodes) {
  const std::string path = file(
      "[server]\nmode = \"distributed\"\n[redis]\nnodes = [\"a:1\", \"b:2\"]\n"
      "[kafka]\nbrokers = \"k:9\"\n[postgres]\nurl = \"host=db\"\n");
  const Result<Config> config = load_config(path, {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->redis_nodes, "a:1,b:2");
}

TEST_F(ConfigTest, KnowsEveryWord) {
  for (const char* mode : {"embedded", "distributed"}) EXPECT_TRUE(load_config("", with_servers(mode))) << mode;
  for (const char* level : {"debug", "info", "warning", "error"}) {
    EXPECT_TRUE(load_config("", Flags{{"server.log_level", level}})) << level;
  }
  for (const char* roles : {"api", "listener", "batch", "batch,api", "api,listener,batch"}) {
    EXPECT_TRUE(load_config("", Flags{{"server.roles", roles}})) << roles;
  }
}

TEST_F(ConfigTest, ShowsThatASecretIsSetButNeverTheSecret) {
  set("WINDFALL_ADMIN_KEY", "very-secret-of-the-test");
  const Result<Config> config = load_config("", {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->admin_key, "very-secret-of-the-test");
  int secrets = 0;
  for (const ConfigMember& member : members_of(*config)) {
    EXPECT_EQ(member.value.find("very-secret"), std::string::npos) << member.name;
    if (!member.secret) continue;
    ++secrets;
    const bool is_set = member.name == "WINDFALL_ADMIN_KEY";
    EXPECT_EQ(member.value, is_set ? "(set)" : "") << member.name;
    EXPECT_EQ(member.origin, is_set ? "env WINDFALL_ADMIN_KEY" : "default");
  }
  EXPECT_EQ(secrets, 7);
}

TEST_F(ConfigTest, AVariableThatIsNoSettingStopsTheStart) {
  struct Row {
    const char* variable;
    const char* message;
  };
  for (const Row& row :
       {Row{"WINDFALL_SERVER_LISTENX",
            "env WINDFALL_SERVER_LISTENX: unknown setting (did you mean WINDFALL_SERVER_LISTEN?)"},
        Row{"WINDFALL_AUTH_JWT_JKWS",
            "env WINDFALL_AUTH_JWT_JKWS: unknown setting (did you mean WINDFALL_AUTH_JWT_JWKS?)"},
        Row{"WINDFALL_AUTH_ISSUER",
            "env WINDFALL_AUTH_ISSUER: unknown setting (did you mean WINDFALL_AUTH_JWT_ISSUER?)"},
        Row{"WINDFALL_PARTNER_SECRETS",
            "env WINDFALL_PARTNER_SECRETS: unknown setting (did you mean WINDFALL_PARTNER_SECRET?)"},
        Row{"WINDFALL_SERVER_PORT", "env WINDFALL_SERVER_PORT: unknown setting (did you mean WINDFALL_SERVER_MODE?)"},
        Row{"WINDFALL_LIMITS_SOMETHING_ELSE_ENTIRELY",
            "env WINDFALL_LIMITS_SOMETHING_ELSE_ENTIRELY: unknown setting"}}) {
    set(row.variable, "9");
    expect_invalid(load_config("", {}), row.message);
    forget(row.variable);
  }
}

TEST_F(ConfigTest, VariablesOfScriptsAndOfServicesStopNothing) {
  set("WINDFALL_URL", "http://127.0.0.1:8080");
  set("WINDFALL_SERVERS", "3");
  set("WINDFALL_KAFKA_LIB", "/opt/kafka");
  set("WINDFALL_REDIS_SERVICE_HOST", "10.0.0.1");
  set("WINDFALL_REDIS_SERVICE_PORT_CLIENT", "6379");
  set("WINDFALL_REDIS_PORT", "tcp://10.0.0.1:6379");
  set("WINDFALL_REDIS_PORT_6379_TCP_ADDR", "10.0.0.1");
  const Result<Config> config = load_config("", {});
  EXPECT_TRUE(config) << config.error().message;
}

TEST_F(ConfigTest, AnEmptySecretIsAMistakeNotAnOpenDoor) {
  for (const char* name : {"WINDFALL_ADMIN_KEY", "WINDFALL_GATEWAY_KEY", "WINDFALL_PARTNER_SECRET"}) {
    set(name, "");
    expect_invalid(load_config("", {}), std::string("env ") + name + ": must not be empty");
    forget(name);
  }
}

TEST_F(ConfigTest, TablesThatAreKnownMayBeEmpty) {
  const Result<Config> config = load_config(file("[server]\n[partner]\n[auth]\n[auth.jwt]\n[limits]\n"), {});
  EXPECT_TRUE(config) << config.error().message;
}

TEST_F(ConfigTest, KeepsThePublicUrlWithoutItsLastSlash) {
  const Result<Config> config = load_config(file("[server]\npublic_url = \"https://example.com/promo/\"\n"), {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->public_url, "https://example.com/promo");
}

TEST_F(ConfigTest, DefaultSecretsDoNotServeAnybody) {
  for (const char* name : {"WINDFALL_ADMIN_KEY", "WINDFALL_GATEWAY_KEY"}) {
    set(name, "changeme-changeme");
    expect_invalid(load_config("", {}),
                   std::string("env ") + name + ": " + name + " is a default ('changeme'), not a secret");
    EXPECT_TRUE(load_config("", {{"server.dev", "true"}})) << "a development server keeps to loopback";
    forget(name);
  }
  set("WINDFALL_PARTNER_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  EXPECT_FALSE(load_config("", {}));
}

TEST_F(ConfigTest, APartnerIsCalledWithASecret) {
  const Flags partner{{"partner.url", "https://points.example.com"}};
  expect_invalid(load_config("", partner),
                 "flag: partner.url needs WINDFALL_PARTNER_SECRET: the partner must know who calls");
  EXPECT_TRUE(load_config("", {{"partner.url", "http://127.0.0.1:1"}, {"server.dev", "true"}}));
  set("WINDFALL_PARTNER_SECRET", "whsec_bm90IGEgcHVibGlzaGVkIGV4YW1wbGUgb25l");
  EXPECT_TRUE(load_config("", partner));
}

TEST_F(ConfigTest, WhatAClientWouldRefuseNamesItsLine) {
  set("WINDFALL_PARTNER_SECRET", "whsec_bm90IGEgcHVibGlzaGVkIGV4YW1wbGUgb25l");
  struct Row {
    const char* toml;
    const char* message;  ///< after the file's name
  };
  for (const Row& row : {
           Row{"[partner]\nurl = \"http://example.com\"\n",
               ":2: partner.url: http is allowed to loopback only; use https"},
           Row{"[partner]\n\nurl = \"ftp://example.com\"\n", ":3: partner.url: the scheme must be https"},
           Row{"[auth.jwt]\nissuer = \"i\"\naudience = \"a\"\njwks = \"http://example.com/keys\"\n",
               ":4: auth.jwt.jwks: key set URL: http is allowed to loopback only; use https"},
           Row{"[auth.jwt]\njwks = \"/keys\"\naudience = \"a\"\n", ":2: auth.jwt.jwks needs auth.jwt.issuer"},
           Row{"[auth.jwt]\njwks = \"/keys\"\nissuer = \"i\"\n", ":2: auth.jwt.jwks needs auth.jwt.audience"},
       }) {
    const std::string path = file(row.toml);
    expect_invalid(load_config(path, {}), path + row.message);
  }
  set("WINDFALL_PARTNER_SECRET", "abc");
  const Result<Config> nobody_yet = load_config("", {});
  ASSERT_FALSE(nobody_yet) << "whoever sets it will have a partner";
  EXPECT_EQ(nobody_yet.error().message.rfind("env WINDFALL_PARTNER_SECRET: ", 0), 0U) << nobody_yet.error().message;
  set("WINDFALL_PARTNER_SECRET", "whsec_");
  const Result<Config> unsigned_calls = load_config("", {{"partner.url", "https://points.example.com"}});
  ASSERT_FALSE(unsigned_calls);
  EXPECT_EQ(unsigned_calls.error().message.rfind("env WINDFALL_PARTNER_SECRET: ", 0), 0U)
      << unsigned_calls.error().message;
}

TEST_F(ConfigTest, WhatMustNotLieAmongTheDataNamesItsLine) {
  const std::string data = folder_.file("data");
  for (const std::string name : {"master_keys", "high_water"}) {
    const std::string path = file("[server]\ndata = \"" + data + "\"\n" + name + " = \"" + data + "/deep/f\"\n");
    const Result<Config> config = load_config(path, {});
    ASSERT_FALSE(config) << name;
    EXPECT_EQ(config.error().code, FailureCode::invalid);
    EXPECT_EQ(config.error().message.rfind(path + ":3: server." + name + ": " + data + "/deep/f: ", 0), 0U)
        << config.error().message;
    EXPECT_TRUE(load_config(path, {{"server.data", folder_.file("elsewhere")}})) << name;
  }
  const Result<Config> usual = load_config("", {{"server.master_keys", "windfall-data/keys"}});
  ASSERT_FALSE(usual) << "where the data lie without --data";
  EXPECT_EQ(usual.error().message.rfind("flag: server.master_keys: ", 0), 0U) << usual.error().message;
}

TEST_F(ConfigTest, FilesThatAServerReadsAreLookedAtBeforeItsStart) {
  const std::string keys = folder_.file("jwks.json");
  const std::string path = file("[auth.jwt]\nissuer = \"i\"\naudience = \"a\"\njwks = \"" + keys + "\"\n");
  const Result<Config> config = load_config(path, {{"server.data", folder_.file("data")}});
  ASSERT_TRUE(config) << "other commands read it where there is no key set: " << config.error().message;
  const std::string place = path + ":4: auth.jwt.jwks: " + keys + ": ";
  const auto said = [&] {
    const Result<bool> sound = check_files(*config);
    return sound ? std::string("nothing") : sound.error().message;
  };
  EXPECT_EQ(said(), place + "No such file or directory");
  folder_.with("jwks.json", "{}");
  EXPECT_EQ(said(), place + "key set: the member keys must be a list");
  folder_.with("jwks.json", R"({"keys":[{"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]})");
  ASSERT_EQ(chmod(keys.c_str(), 0600), 0);
  EXPECT_EQ(said(), "nothing");
  const std::string master = folder_.with("data.keys", "none\n");
  ASSERT_EQ(chmod(master.c_str(), 0600), 0);
  EXPECT_EQ(said().rfind("server.master_keys: " + master + ": ", 0), 0U) << said();
  ASSERT_EQ(chmod(master.c_str(), 0644), 0);
  EXPECT_EQ(said(), "server.master_keys: " + master + ": others may read it; chmod 600 it");
}

TEST_F(ConfigTest, FoldersInWhichAServerMakesItsFilesAreThere) {
  const std::string here = folder_.file("data");
  const std::string plain = folder_.with("plain", "");
  const auto said = [&](const Flags& flags) {
    const Result<Config> config = load_config("", flags);
    const Result<bool> sound = config ? check_files(*config) : tl::unexpected(config.error());
    if (sound) return std::string("nothing");
    EXPECT_EQ(sound.error().code, FailureCode::invalid);
    return sound.error().message;
  };
  const auto not_there = [&](const std::string& name, const std::string& path) {
    return "flag: " + name + ": " + path + ": the folder " + folder_.file("none") + " does not exist";
  };
  const std::string lost = folder_.file("none/data");
  EXPECT_EQ(said({{"server.data", here}}), "nothing");
  EXPECT_EQ(said({{"server.data", here + "//"}}), "nothing") << "made at the first start";
  EXPECT_EQ(said({{"server.data", lost}}), not_there("server.data", lost));
  EXPECT_EQ(said({{"server.data", lost + "/"}}), not_there("server.data", lost));
  EXPECT_EQ(said({{"server.data", plain}}), "flag: server.data: " + plain + ": is no folder");
  EXPECT_EQ(said({{"server.data", plain + "/data"}}),
            "flag: server.data: " + plain + "/data: " + plain + " is no folder");
  EXPECT_EQ(said({{"server.data", here}, {"server.master_keys", lost}}), not_there("server.master_keys", lost));
  EXPECT_EQ(said({{"server.data", here}, {"server.high_water", lost}}), not_there("server.high_water", lost));
  EXPECT_EQ(said({{"server.dev", "true"}}), "nothing") << "a temporary one";
}

TEST_F(ConfigTest, CertificatesForRedisAreThere) {
  Flags flags = with_servers("distributed");
  flags["server.data"] = folder_.file("data");
  flags["redis.ca_file"] = folder_.file("ca.pem");
  const Result<Config> config = load_config("", flags);
  ASSERT_TRUE(config) << config.error().message;
  const Result<bool> missing = check_files(*config);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "flag: redis.ca_file: " + folder_.file("ca.pem") + ": No such file or directory");
  folder_.with("ca.pem", "");
  EXPECT_TRUE(check_files(*config)) << "what is in it is for the client of Redis to say";
}

TEST_F(ConfigTest, WhatProtectsKafkaStandsTogetherAndIsThere) {
  const auto said = [this](const Flags& more, const char* password) -> std::string {
    unsetenv("WINDFALL_KAFKA_PASSWORD");
    if (password != nullptr) set("WINDFALL_KAFKA_PASSWORD", password);
    Flags flags = with_servers("distributed");
    flags["server.data"] = folder_.file("data");
    flags.insert(more.begin(), more.end());
    const Result<Config> config = load_config("", flags);
    if (!config) return config.error().message;
    const Result<bool> sound = check_files(*config);
    return sound ? "nothing" : sound.error().message;
  };
  const Flags scram{{"kafka.security_protocol", "sasl_plaintext"},
                    {"kafka.sasl_mechanism", "SCRAM-SHA-512"},
                    {"kafka.sasl_username", "windfall"}};
  const auto changed = [&scram](const std::string& name, const std::string& value) {
    Flags flags = scram;
    flags[name] = value;
    return flags;
  };
  EXPECT_EQ(said(scram, "x"), "nothing") << "how good a password is, is for Kafka to say";
  EXPECT_EQ(said(scram, nullptr), "flag: kafka.security_protocol sasl_plaintext needs WINDFALL_KAFKA_PASSWORD");
  EXPECT_EQ(said(changed("kafka.sasl_username", ""), "x"),
            "flag: kafka.security_protocol sasl_plaintext needs kafka.sasl_username");
  EXPECT_EQ(said(changed("kafka.sasl_mechanism", "scram"), "x"),
            "flag: kafka.sasl_mechanism must be one of PLAIN SCRAM-SHA-256 SCRAM-SHA-512, not 'scram'");
  EXPECT_EQ(said(changed("kafka.security_protocol", "sasl"), "x"),
            "flag: kafka.security_protocol must be one of plaintext ssl sasl_plaintext sasl_ssl, not 'sasl'");
  EXPECT_EQ(said(changed("kafka.security_protocol", "ssl"), "x"),
            "flag: kafka.sasl_mechanism is used with kafka.security_protocol = sasl_plaintext or sasl_ssl only");
  EXPECT_EQ(said({}, "x"),
            "env WINDFALL_KAFKA_PASSWORD: WINDFALL_KAFKA_PASSWORD is used with kafka.security_protocol = "
            "sasl_plaintext or sasl_ssl only");
  EXPECT_EQ(said(changed("kafka.ca_file", "ca.pem"), "x"),
            "flag: kafka.ca_file is used with kafka.security_protocol = ssl or sasl_ssl only");
  const std::string ca = folder_.file("kafka-ca.pem");
  const Flags tls{{"kafka.security_protocol", "ssl"}, {"kafka.ca_file", ca}};
  EXPECT_EQ(said(tls, nullptr), "flag: kafka.ca_file: " + ca + ": No such file or directory");
  folder_.with("kafka-ca.pem", "");
  EXPECT_EQ(said(tls, nullptr), "nothing");
  EXPECT_EQ(said({{"kafka.security_protocol", "ssl"}}, nullptr), "nothing") << "the system's certificates";
  expect_invalid(load_config("", {{"kafka.security_protocol", "ssl"}}),
                 "flag: kafka.security_protocol is used with server.mode = distributed only");
  expect_invalid(load_config("", {{"kafka.sasl_username", "windfall"}}),
                 "flag: kafka.sasl_username is used with server.mode = distributed only");
}

TEST_F(ConfigTest, AGatewayIsNotTheAdministrator) {
  set("WINDFALL_ADMIN_KEY", "one-key-for-all-of-it");
  set("WINDFALL_GATEWAY_KEY", "one-key-for-all-of-it");
  expect_invalid(load_config("", {{"server.dev", "true"}}),
                 "env WINDFALL_GATEWAY_KEY: WINDFALL_GATEWAY_KEY is the admin key: whoever vouches for users could do "
                 "everything");
}

TEST_F(ConfigTest, SecretsComeFromFilesThatAreNamed) {
  const std::string path = folder_.with("key", "key-of-a-file-123\n");
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  set("WINDFALL_ADMIN_KEY_FILE", path);
  const Result<Config> config = load_config("", {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->admin_key, "key-of-a-file-123");
  for (const ConfigMember& member : members_of(*config)) {
    if (member.name != "WINDFALL_ADMIN_KEY") continue;
    EXPECT_EQ(member.value, "(set)");
    EXPECT_EQ(member.origin, path);
  }
}

TEST_F(ConfigTest, SecretsAreNoSettingsOfAFile) {
  const std::string path = file("[server]\nadmin_key = \"x\"\n");
  const Result<Config> config = load_config(path, {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message.rfind(path + ":2: unknown setting server.admin_key", 0), 0U)
      << config.error().message;
}

TEST_F(ConfigTest, ARunningServerTakesOverWhatTakesForceAtOnceOnly) {
  set("WINDFALL_GATEWAY_KEY", "gateway-key-of-before");
  const Result<Config> before = load_config(file("[server]\nlog_level = \"info\"\n[limits]\nuser_burst = 40\n"), {});
  ASSERT_TRUE(before) << before.error().message;
  set("WINDFALL_GATEWAY_KEY", "gateway-key-of-after-1");
  const Result<Config> after =
      load_config(file("[server]\nlog_level = \"debug\"\ndrain_seconds = 5\n[limits]\nuser_burst = 40\n"), {});
  ASSERT_TRUE(after) << after.error().message;

  std::map<std::string, bool> changes;
  for (const ConfigChange& change : changes_between(*before, *after)) changes[change.name] = change.at_once;
  EXPECT_EQ(changes, (std::map<std::string, bool>{
                         {"server.log_level", true}, {"server.drain_seconds", false}, {"WINDFALL_GATEWAY_KEY", true}}));

  const Config now = with_changes_at_once(*before, *after);
  EXPECT_EQ(now.log_level, "debug");
  EXPECT_EQ(now.gateway_key, "gateway-key-of-after-1");
  EXPECT_EQ(now.drain_seconds, 25);
  ASSERT_EQ(changes_between(now, *after).size(), 1U);
  EXPECT_EQ(changes_between(now, *after)[0].name, "server.drain_seconds");
}

}  // namespace
}  // namespace windfall::app

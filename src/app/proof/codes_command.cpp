// `windfall recover` and `windfall keys`: what an operator does about codes with the server stopped.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/codec/json_out.hpp"
#include "adapters/journal/journal.hpp"
#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/system/clock.hpp"
#include "adapters/system/log.hpp"
#include "adapters/vault/key_seals.hpp"
#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/proof/recover.hpp"
#include "app/proof/reseal_seeds.hpp"
#include "app/upkeep/recover_installation.hpp"

namespace windfall::app {

namespace {

int refuse(const Failure& why) {
  std::fprintf(stderr, "windfall: %s\n", why.message.c_str());
  const bool wrong_call = why.code == FailureCode::conflict || why.code == FailureCode::not_found;
  return wrong_call ? kExitUsage : kExitFailed;
}

std::string burned_json(const std::vector<proof::Burned>& burned) {
  std::string out;
  codec::append_json_array(out, burned, [&out](const proof::Burned& one) {
    codec::ObjectWriter(out)
        .text("promotionId", one.promotion_id)
        .text("prizeId", one.prize_id)
        .integer("count", one.count)
        .integer("left", one.left)
        .close();
  });
  return out;
}

/// Of several machines.
int run_recover_installation(const std::string& file, const proof::RecoverOptions& options) {
  std::map<std::string, std::string> given;
  if (!options.master_keys.empty()) given["server.master_keys"] = options.master_keys;
  const Result<Config> config = load_config(file, given);
  if (!config) {
    std::fprintf(stderr, "windfall: %s\n", config.error().message.c_str());
    return kExitUsage;
  }
  system::set_log_level(system::LogLevel::error);
  const auto say = [](const std::string& line) { std::fprintf(stderr, "windfall: %s\n", line.c_str()); };
  const Result<RecoveredInstallation> recovered = recover_installation(*config, {.lost = options.lost}, say);
  if (!recovered) {
    say(recovered.error().message);
    return recovered.error().code == FailureCode::invalid ? kExitUsage : kExitFailed;
  }
  std::string out = "{\"goneBack\":";
  codec::append_json_array(out, recovered->gone_back, [&out](const RecoveredInstallation::GoneBack& one) {
    codec::ObjectWriter(out)
        .text("name", one.name)
        .integer("from", static_cast<std::int64_t>(one.from))
        .integer("to", static_cast<std::int64_t>(one.to))
        .close();
  });
  std::printf("%s,\"burned\":%s}\n", out.c_str(), burned_json(recovered->burned).c_str());
  return kExitOk;
}

int run_recover(proof::RecoverOptions options) {
  options.now = system::RealClock().now();
  const Result<proof::Recovered> recovered = proof::recover(options);
  if (!recovered) return refuse(recovered.error());
  std::printf("{\"burned\":%s}\n", burned_json(recovered->burned).c_str());
  if (recovered->burned.empty()) std::fprintf(stderr, "windfall: there was nothing to burn\n");
  for (const HighWater::Mark& mark : recovered->behind) {
    std::fprintf(stderr,
                 "windfall: the marks of promotion %s, prize %s end at %llu, and this data has given out more: is this "
                 "the file of the server that was lost?\n",
                 mark.prize.promotion_id.c_str(), mark.prize.prize_id.c_str(),
                 static_cast<unsigned long long>(mark.below));
  }
  for (const HighWater::Mark& mark : recovered->unknown) {
    std::fprintf(stderr,
                 "windfall: up to %llu codes of promotion %s, prize %s were given out, of which this data knows "
                 "nothing: do not import their file again\n",
                 static_cast<unsigned long long>(mark.below), mark.prize.promotion_id.c_str(),
                 mark.prize.prize_id.c_str());
  }
  if (options.lost) {
    std::fprintf(stderr, "windfall: do not import files again that were imported after the backup\n");
  }
  return kExitOk;
}

struct KeyOptions {
  std::string directory;
  std::string master_keys;
  std::uint32_t key = 0;
  [[nodiscard]] std::string path() const { return master_keys.empty() ? directory + ".keys" : master_keys; }
};

int add_key(const KeyOptions& options) {
  const Result<KeyId> added = vault::add_master_key(options.path());
  if (!added) return refuse(added.error());
  std::printf("{\"key\":%u}\n", added->value);
  std::fprintf(stderr,
               "windfall: it is used from the next start on; then stop the server and run windfall keys reseal\n");
  return kExitOk;
}

int reseal(const KeyOptions& options) {
  const Result<vault::MasterKeys> keys = vault::load_master_keys(options.path(), options.directory);
  if (!keys) return refuse(keys.error());
  const Result<std::int64_t> seeds = proof::reseal_seeds(options.directory, *keys, system::RealClock().now());
  if (!seeds) return refuse(seeds.error());
  // Held until the end: no server may start in between.
  const auto held = journal::open_for_reading(journal::real_file_system(), options.directory);
  if (!held) return refuse(held.error());
  const auto seals = vault::KeySeals::make(*keys);
  if (!seals) return refuse(seals.error());
  std::uint64_t rows = 0;
  const std::string path = options.directory + "/" + std::string(sqlite::kCodesFile);
  std::error_code none;
  if (std::filesystem::exists(path, none)) {
    const auto vault_opened = sqlite::SqliteCodeVault::open(path, **seals);
    if (!vault_opened) return refuse(vault_opened.error());
    for (bool done = false; !done;) {
      const Result<CodeVault::Resealed> step = (*vault_opened)->reseal(CodeVault::kBatchMost);
      if (!step) return refuse(step.error());
      rows += step->rows;
      done = step->done;
    }
  }
  std::printf("{\"resealed\":%llu,\"seeds\":%lld,\"key\":%u}\n", static_cast<unsigned long long>(rows),
              static_cast<long long>(*seeds), (*seals)->current().value);
  if (keys->size() > 1) {
    std::fprintf(stderr,
                 "windfall: codes and seeds need no earlier key any more; invite links shared under one do, and so do "
                 "backups made before\n");
  }
  return kExitOk;
}

}  // namespace

void add_recover(CLI::App& app, Chosen& chosen) {
  CLI::App* command =
      app.add_subcommand("recover", "After a restore: burn every code that may have been given out since the backup");
  auto options = std::make_shared<proof::RecoverOptions>();
  auto file = std::make_shared<std::string>();
  CLI::Option* data = command->add_option("--data", options->directory, "Data directory of a stopped server");
  data->type_name("DIR");
  CLI::Option* config = command->add_option(
      "--config", *file, "Configuration of several machines, whose PostgreSQL was restored: Redis knows the marks");
  config->type_name("FILE")->excludes(data);
  CLI::Option* marks = command->add_option("--high-water", options->high_water, "The server's file of marks");
  marks->type_name("FILE")->excludes(config);
  command->add_flag("--lost", options->lost, "There are no marks any more: burn every code that is not assigned")
      ->excludes(marks);
  command->add_option("--master-keys", options->master_keys, "The server's file of master keys")->type_name("FILE");
  command->callback([options, file, &chosen] {
    if (options->directory.empty() && file->empty()) throw CLI::RequiredError("--data DIR or --config FILE");
    chosen = [options, file] {
      return file->empty() ? run_recover(*options) : run_recover_installation(*file, *options);
    };
  });
}

void add_keys(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("keys", "Change the master keys that codes and seeds are sealed under");
  command->require_subcommand(1);
  const auto sub = [command, &chosen](const char* name, const char* help, int (*run)(const KeyOptions&)) {
    CLI::App* added = command->add_subcommand(name, help);
    auto options = std::make_shared<KeyOptions>();
    added->add_option("--data", options->directory, "Data directory of a stopped server")->required()->type_name("DIR");
    added->add_option("--master-keys", options->master_keys, "The server's file of master keys")->type_name("FILE");
    added->callback([options, run, &chosen] { chosen = [options, run] { return run(*options); }; });
  };
  sub("add", "Add a random key, which everything is sealed under from the next start on", add_key);
  sub("reseal", "Seal every code and every lottery's seed under the newest key", reseal);
}

}  // namespace windfall::app

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "adapters/codec/json_out.hpp"
#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/system/clock.hpp"
#include "app/commands.hpp"
#include "app/proof/backup.hpp"
#include "app/proof/restore.hpp"
#include "app/proof/seed_keys.hpp"

namespace windfall::app {

namespace {

int refuse(const Failure& why) {
  std::fprintf(stderr, "windfall: %s\n", why.message.c_str());
  const bool wrong_call = why.code == FailureCode::conflict || why.code == FailureCode::not_found;
  return wrong_call ? kExitUsage : kExitFailed;
}

int run_backup(proof::BackupOptions options) {
  // Where a server keeps them by itself; without a lottery there may be none.
  if (!options.keys_to.empty() && options.master_keys.empty()) {
    const std::string usual = proof::default_master_keys(options.directory);
    std::error_code none;
    if (std::filesystem::exists(usual, none)) options.master_keys = usual;
  }
  const Result<proof::Manifest> manifest = proof::backup(options);
  if (!manifest) return refuse(manifest.error());
  std::printf("%s\n", proof::encode_manifest(*manifest).c_str());
  if (options.keys_to.empty()) {
    std::fprintf(stderr,
                 "windfall: the user-hash key is not in the backup (--with-keys FILE); without it nobody is "
                 "recognised after a restore\n");
  }
  const bool codes = std::ranges::any_of(manifest->members,
                                         [](const proof::Member& member) { return member.name == sqlite::kCodesFile; });
  if (codes && (options.keys_to.empty() || options.master_keys.empty())) {
    std::fprintf(stderr,
                 "windfall: the master keys are not in the backup (--with-keys FILE --master-keys FILE); without them "
                 "no code can be read after a restore\n");
  }
  return kExitOk;
}

void say_what_is_next(const std::string& directory, const proof::Restored& restored) {
  const char* const data = directory.c_str();
  std::fprintf(stderr, "windfall: everything is paused. Next, in this order:\n");
  if (restored.gives_codes) {
    std::fprintf(stderr,
                 "  1. windfall recover --data %s --high-water FILE\n"
                 "     FILE: the marks of the server that was lost (its server.high_water; by default its data "
                 "directory's name with .high-water at its end).\n"
                 "     Codes that were given out since the backup are burned; no server starts here before.\n",
                 data);
  } else {
    std::fprintf(stderr,
                 "  1. windfall recover: not needed, no lottery here has gifticons (the start asks for it where the "
                 "marks know of codes)\n");
  }
  std::fprintf(stderr,
               "  2. windfall fsck --data %s\n"
               "  3. start the server, compare the partner's book\n"
               "  4. POST /v1/admin/resume-all\n",
               data);
}

int run_restore(proof::RestoreOptions options) {
  // Where a server looks for them by itself.
  if (options.master_keys_to.empty()) options.master_keys_to = proof::default_master_keys(options.directory);
  options.now = system::RealClock().now();
  const Result<proof::Restored> restored = proof::restore(options);
  if (!restored) return refuse(restored.error());
  std::string out;
  codec::ObjectWriter(out)
      .text("oldLineage", restored->old_lineage)
      .text("newLineage", restored->new_lineage)
      .integer("frames", static_cast<std::int64_t>(restored->frames_read))
      .integer("events", restored->events)
      .integer("participations", restored->participations)
      .integer("effectsUnknown", restored->effects_unknown)
      .boolean("ledgerRebuilt", restored->ledger_rebuilt)
      .boolean("codes", restored->has_codes)
      .boolean("recoverFirst", restored->gives_codes)
      .close();
  std::printf("%s\n", out.c_str());
  if (!restored->has_key) {
    std::fprintf(stderr, "windfall: put the user-hash key into %s/user-hash.key (mode 600) before the first start\n",
                 options.directory.c_str());
  }
  if (restored->has_codes && !restored->has_master_keys) {
    std::fprintf(stderr, "windfall: the codes need the master keys of the backed-up server (--keys, --master-keys)\n");
  }
  say_what_is_next(options.directory, *restored);
  return kExitOk;
}

}  // namespace

void add_backup(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("backup", "Copy a data directory into one file, also beside a running server");
  auto options = std::make_shared<proof::BackupOptions>();
  command->add_option("--data", options->directory, "Data directory")->required()->type_name("DIR");
  command->add_option("--to", options->to, "New file, a tar archive")->required()->type_name("FILE");
  CLI::Option* keys = command->add_option("--with-keys", options->keys_to, "New file for the keys; keep it elsewhere");
  keys->type_name("FILE");
  command
      ->add_option("--master-keys", options->master_keys,
                   "The server's file of master keys, to be among the keys; unless given: DIR with .keys at its end, "
                   "if it is there")
      ->type_name("FILE")
      ->needs(keys);
  command->callback([options, &chosen] { chosen = [options] { return run_backup(*options); }; });
}

void add_restore(CLI::App& app, Chosen& chosen) {
  CLI::App* command =
      app.add_subcommand("restore", "Make a data directory of a backup: a new lineage, in which everything is paused");
  auto options = std::make_shared<proof::RestoreOptions>();
  command->add_option("FILE", options->archive, "Made by windfall backup")->required();
  command->add_option("--data", options->directory, "New or empty directory")->required()->type_name("DIR");
  command->add_option("--keys", options->keys, "Made by windfall backup --with-keys")->type_name("FILE");
  command
      ->add_option("--master-keys", options->master_keys_to,
                   "File of the master keys, outside of the directory, made of --keys if they are in there; unless "
                   "given: DIR with .keys at its end")
      ->type_name("FILE");
  command->callback([options, &chosen] { chosen = [options] { return run_restore(*options); }; });
}

}  // namespace windfall::app

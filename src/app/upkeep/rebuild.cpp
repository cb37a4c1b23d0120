#include "app/upkeep/rebuild.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "app/upkeep/fenced_partitions.hpp"

namespace windfall::app {

namespace {

/// Between two lines about a partition that is being filled.
constexpr std::int64_t kSayMs = 1'000;

class ByHand {
 public:
  ByHand(OpenedInstallation& installation, const RebuildOptions& options,
         const std::function<void(const std::string& line)>& say)
      : installation_(installation), options_(options), say_(say) {}

  Task<Result<std::vector<RebuildOutcome>>> run() {
    Result<std::vector<PartitionState>> states = co_await look_at_partitions(&installation_);
    if (!states) co_return tl::unexpected(states.error());
    Result<std::vector<PartitionState>> chosen = choose(std::move(*states));
    if (!chosen) co_return tl::unexpected(chosen.error());
    states_ = std::move(*chosen);
    for (const PartitionState& state : states_) {
      outcomes_.push_back({.name = name_of(state), .state = words_of(state.kind), .log = state.sequence.value});
      say_(fmt::format("{} {}; its log has {} events", name_of(state), words_of(state.kind), state.sequence.value));
    }
    if (options_.dry_run) co_return std::move(outcomes_);
    const Result<bool> leading = co_await installation_.lead();
    if (!leading) co_return tl::unexpected(leading.error());
    if (!*leading) {
      co_return fail(FailureCode::conflict,
                     "another process leads (a server with the role batch, or this command elsewhere) and rebuilds by "
                     "itself whatever is fenced: its log says so. Nothing was done here");
    }
    const Result<bool> done = co_await rebuild();
    co_await installation_.retire();
    if (!done) co_return tl::unexpected(done.error());
    co_return std::move(outcomes_);
  }

 private:
  using Kind = PartitionState::Kind;

  [[nodiscard]] bool asked_for(const PartitionState& state) const {
    if (state.promotion_id.empty()) return options_.system;
    return std::ranges::find(options_.promotions, state.promotion_id) != options_.promotions.end();
  }

  [[nodiscard]] Result<std::vector<PartitionState>> choose(std::vector<PartitionState> states) const {
    for (const std::string& id : options_.promotions) {
      if (std::ranges::none_of(states, [&](const PartitionState& state) { return state.promotion_id == id; })) {
        return fail(FailureCode::not_found, fmt::format("promotion {} is not in the ledger", id));
      }
    }
    const bool named = options_.system || !options_.promotions.empty();
    std::string sound;
    std::erase_if(states, [&](const PartitionState& state) {
      const bool wanted = named ? asked_for(state) : true;
      const bool fenced = state.kind != Kind::sound;
      if (wanted && !fenced && named) sound += (sound.empty() ? "" : ", ") + name_of(state);
      return !wanted || (!fenced && !options_.force);
    });
    if (!sound.empty() && !options_.force) {
      return fail(FailureCode::not_found,
                  sound +
                      ": not fenced, there is nothing to rebuild (--force fences first, and is for hot state that "
                      "is known to be wrong)");
    }
    if (states.empty()) return fail(FailureCode::not_found, "nothing is fenced: there is nothing to rebuild");
    return states;
  }

  Task<Result<bool>> rebuild() {
    std::vector<PartitionNo> partitions;
    for (const PartitionState& state : states_) {
      PartitionState taken = state;
      const Result<bool> out = co_await take_out_of_force(&installation_, std::move(taken));
      if (!out) co_return out;
      if (!*out) co_return fail(FailureCode::conflict, name_of(state) + " was rebuilt by somebody else meanwhile");
      partitions.push_back(state.partition);
    }
    begun_ms_ = installation_.clock().monotonic_ms();
    const std::unique_ptr<Rebuilding> rebuilding = installation_.rebuilding(
        {.folded = [this](PartitionNo of, std::uint64_t events) { folded(of, events); },
         .rebuilt = [this](PartitionNo of, const Rebuilding::Done& done) { rebuilt(of, done); }});
    Result<bool> done = co_await rebuilding->run(std::move(partitions));
    co_return done;
  }

  [[nodiscard]] std::size_t index_of(PartitionNo partition) const {
    return static_cast<std::size_t>(std::ranges::find(states_, partition, &PartitionState::partition) -
                                    states_.begin());
  }

  void folded(PartitionNo of, std::uint64_t events) {
    const std::int64_t now = installation_.clock().monotonic_ms();
    std::int64_t& said = said_ms_.try_emplace(of, now).first->second;
    if (now - said < kSayMs) return;
    said = now;
    say_(fmt::format("{}: {} of {} events", outcomes_[index_of(of)].name, events, outcomes_[index_of(of)].log));
  }

  void rebuilt(PartitionNo of, const Rebuilding::Done& done) {
    RebuildOutcome& outcome = outcomes_[index_of(of)];
    outcome.rebuilt = true;
    outcome.epoch = done.rebuilt.epoch.value;
    outcome.events = done.rebuilt.events;
    outcome.lost = done.ended ? done.ended->lost : 0;
    outcome.at_least = !done.ended || done.ended->at_least;
    outcome.after_ms = installation_.clock().monotonic_ms() - begun_ms_;
    say_(fmt::format("{}: serves again after {:.1f} s, epoch {}, {} events, {}{} lost", outcome.name,
                     static_cast<double>(outcome.after_ms) / 1000.0, outcome.epoch, outcome.events,
                     outcome.at_least ? "at least " : "", outcome.lost));
  }

  OpenedInstallation& installation_;
  const RebuildOptions& options_;
  const std::function<void(const std::string& line)>& say_;
  std::vector<PartitionState> states_;
  std::vector<RebuildOutcome> outcomes_;  ///< as states_
  std::map<PartitionNo, std::int64_t> said_ms_;
  std::int64_t begun_ms_ = 0;
};

}  // namespace

Result<std::vector<RebuildOutcome>> rebuild_by_hand(const Config& config, const RebuildOptions& options,
                                                    const std::function<void(const std::string& line)>& say) {
  Result<std::unique_ptr<OpenedInstallation>> opened = OpenedInstallation::open(config);
  if (!opened) return tl::unexpected(opened.error());
  ByHand by_hand(**opened, options, say);
  return (*opened)->run(by_hand.run());
}

}  // namespace windfall::app

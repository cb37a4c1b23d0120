// The journal in virtual time: group commit, one frame at a time, with the rules of journal::Writer for full disks,
// failed syncs and refused submits. The disk outlives the process.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/embedded/embedded_store.hpp"
#include "application/port/event_log.hpp"
#include "simulation/agenda.hpp"
#include "simulation/mutant.hpp"

namespace windfall::simulation {

struct Frame {
  std::string body;
  std::vector<embedded::NamedUser> identities;
  std::uint64_t events = 0;
  std::uint64_t digest = 0;  ///< of the live state when the frame's last batch was submitted
};

/// What is left after a crash, and the faults of the day.
struct Disk {
  std::vector<Frame> frames;  ///< durable; a frame's sequence is its place, from 1
  bool full = false;
  bool slow = false;
  bool sync_fails = false;  ///< the next one
};

/// One process's writer.
class SimulatedJournal {
 public:
  struct Hooks {
    std::function<void(std::uint64_t ticket, std::uint64_t frame_sequence)> on_durable;
    std::function<void(std::uint64_t from_ticket, Failure why)> on_failed;
    std::function<void()> on_fatal;
  };
  SimulatedJournal(Disk& disk, Agenda& agenda, Dice& dice, VirtualLoop& loop, Mutant mutant, Hooks hooks)
      : disk_(disk), agenda_(agenda), dice_(dice), loop_(loop), mutant_(mutant), hooks_(std::move(hooks)) {
    limit_ = dice_.percent(30) ? 3'000 : 1'000'000;
  }

  Result<std::uint64_t> submit(const embedded::TurnBatch& batch, std::uint64_t digest);
  void resume() { awaiting_resume_ = false; }
  [[nodiscard]] bool idle() const { return !writing_ && queued_ == 0; }
  /// The power goes: of the frame under way some prefix may have reached the disk, which counts only if it is the
  /// whole.
  void crash();

 private:
  void wake();
  void flush();
  void finish();
  void fail_all(Failure why);

  Disk& disk_;
  Agenda& agenda_;
  Dice& dice_;
  VirtualLoop& loop_;
  Mutant mutant_;
  Hooks hooks_;
  std::size_t limit_ = 0;

  Frame queue_;
  std::size_t queued_ = 0;  ///< batches in queue_
  Frame frame_;
  bool writing_ = false;
  bool awaiting_resume_ = false;
  std::uint64_t last_ticket_ = 0;
  std::uint64_t frame_ticket_ = 0;
  std::uint64_t settled_ = 0;
};

/// The durable frames as the log that consumers read.
class SimulatedEventLog final : public EventLog {
 public:
  SimulatedEventLog(const Disk& disk, Dice& dice) : disk_(disk), dice_(dice) {}
  Result<LogBatch> read(std::uint64_t position, std::size_t max_events) override;
  bool healed = false;

 private:
  const Disk& disk_;
  Dice& dice_;
};

}  // namespace windfall::simulation

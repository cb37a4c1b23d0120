// The journal as the log that consumers read: frames become events. A position is the sequence of the last frame read.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "adapters/journal/reader.hpp"
#include "application/port/event_log.hpp"

namespace windfall::embedded {

class JournalEventLog final : public EventLog {
 public:
  /// `durable` names the last frame that may be read; thread-safe, as this class is.
  JournalEventLog(const std::string& directory, const journal::LineageId& lineage,
                  std::function<std::uint64_t()> durable)
      : reader_(directory, lineage), durable_(std::move(durable)) {}

  Result<LogBatch> read(std::uint64_t position, std::size_t max_events) override;

 private:
  std::mutex mutex_;
  journal::Reader reader_;
  journal::Position next_;  ///< where the last read ended
  std::function<std::uint64_t()> durable_;
};

}  // namespace windfall::embedded

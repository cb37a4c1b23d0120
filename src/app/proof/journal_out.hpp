// A journal as commands write it: one frame after the other, each waited for.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/journal/journal.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::proof {

/// Writes behind what a journal holds, if anything, and waits for it.
class JournalOut {
 public:
  /// `hooks` may bring those of recovery.
  Result<bool> open(const std::string& directory, const journal::KeyFingerprint& fingerprint,
                    journal::WriterHooks hooks = {}) {
    hooks.on_durable = [this](const journal::Durable& durable) {
      const std::lock_guard lock(mutex_);
      durable_ = durable.up_to;
      told_.notify_all();
    };
    hooks.on_failed = [this](const journal::Failed& failed) {
      const std::lock_guard lock(mutex_);
      failed_ = failed.failure;
      told_.notify_all();
    };
    auto opened = journal::Writer::open({.directory = directory, .fingerprint = fingerprint}, std::move(hooks));
    if (!opened) return tl::unexpected(opened.error());
    writer_ = std::move(*opened);
    return true;
  }

  Result<bool> append(std::string_view body, const std::vector<journal::Identity>& identities) {
    for (;;) {
      const Result<journal::Ticket> ticket = writer_->submit(body, identities);
      if (ticket) {
        last_ = *ticket;
        return true;
      }
      if (ticket.error().code != FailureCode::overloaded) return tl::unexpected(ticket.error());
      if (const auto done = settle(); !done) return done;  // the queue is full: it is written first
    }
  }
  /// Waits until everything appended is durable.
  Result<bool> settle() {
    std::unique_lock lock(mutex_);
    told_.wait(lock, [this] { return durable_ >= last_ || failed_; });
    if (failed_) return tl::unexpected(*failed_);
    return true;
  }
  Result<bool> close() {
    const Result<void> closed = writer_->close();
    if (!closed) return tl::unexpected(closed.error());
    writer_.reset();
    return true;
  }
  [[nodiscard]] const journal::Writer& writer() const { return *writer_; }

 private:
  std::mutex mutex_;
  std::condition_variable told_;
  journal::Ticket durable_;
  journal::Ticket last_;
  std::optional<Failure> failed_;
  std::unique_ptr<journal::Writer> writer_;  ///< last: its threads call into the members above
};

}  // namespace windfall::proof

#include "journal/journal_fixture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>

namespace windfall::journal {

SeenFrame seen(const Frame& frame) {
  SeenFrame copy{frame.view.sequence, frame.view.kind, std::string(frame.view.body), {}, frame.position};
  for (const StoredIdentity identity : frame.view.identities) {
    copy.identities.push_back({identity.ref, std::string(identity.id), identity.state});
  }
  return copy;
}

WriterOptions small_options() {
  WriterOptions options;
  options.directory = kData;
  options.fingerprint = kFingerprint;
  options.lineage = kLineage;
  options.segment_bytes = 768;
  options.max_queued_bytes = 512;
  options.room_retry = std::chrono::milliseconds(1);
  return options;
}

Journal::Journal(FileSystem& files, WriterOptions options, std::set<UserRef> erased) {
  WriterHooks hooks;
  hooks.visit = [this](const Frame& frame) -> Result<void> {
    recovered_.push_back(seen(frame));
    return {};
  };
  hooks.is_erased = [erased = std::move(erased)](UserRef ref) { return erased.contains(ref); };
  hooks.on_durable = [this](const Durable& durable) {
    const std::lock_guard lock(mutex_);
    durables_.push_back(durable);
    told_.notify_all();
  };
  hooks.on_failed = [this](const Failed& failed) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(failed);
    told_.notify_all();
  };
  hooks.on_fatal = [this](const std::string& why) {
    const std::lock_guard lock(mutex_);
    fatal_ = why;
    told_.notify_all();
  };
  opened_ = Writer::open(std::move(options), std::move(hooks), files);
}

Journal::~Journal() { drop(); }

void Journal::drop() {
  if (opened_) opened_->reset();
}

bool Journal::await(Ticket ticket) {
  std::unique_lock lock(mutex_);
  bool durable = false;
  told_.wait(lock, [&] {
    durable = !durables_.empty() && durables_.back().up_to >= ticket;
    return durable || !fatal_.empty() || (!failures_.empty() && failures_.back().to >= ticket);
  });
  return durable;
}

bool Journal::put(const std::string& body, const std::vector<Identity>& identities) {
  const auto ticket = (*opened_)->submit(body, identities);
  return ticket && await(*ticket);
}

void Journal::await_failure() {
  std::unique_lock lock(mutex_);
  told_.wait(lock, [&] { return !failures_.empty(); });
}

void Journal::await_fatal() {
  std::unique_lock lock(mutex_);
  told_.wait(lock, [&] { return !fatal_.empty(); });
}

void Journal::await_admission() {
  while (!(*opened_)->can_admit()) std::this_thread::yield();
}

std::vector<Durable> Journal::durables() {
  const std::lock_guard lock(mutex_);
  return durables_;
}

std::vector<Failed> Journal::failures() {
  const std::lock_guard lock(mutex_);
  return failures_;
}

std::string Journal::fatal() {
  const std::lock_guard lock(mutex_);
  return fatal_;
}

std::map<std::string, std::string> journal_of(const std::vector<std::string>& bodies, WriterOptions options) {
  MemoryFileSystem files;
  Journal journal(files, std::move(options));
  const std::vector<Identity> identities{{{1, 2}, "alice"}, {{3, 4}, "b"}};
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    EXPECT_TRUE(journal.put(bodies[i], i == 0 ? identities : std::vector<Identity>{}));
  }
  journal.drop();
  return files.image();
}

Start start_on(const std::map<std::string, std::string>& image, WriterOptions options, std::set<UserRef> erased,
               std::map<std::string, std::string>* after) {
  const auto files = MemoryFileSystem::from(image);
  Start start;
  {
    Journal journal(*files, std::move(options), std::move(erased));
    start.frames = journal.recovered();
    if (journal.is_open()) {
      start.cut = journal->recovered().torn_tail;
    } else {
      start.refusal = journal.refusal();
    }
  }
  if (after != nullptr) *after = files->image();
  return start;
}

}  // namespace windfall::journal

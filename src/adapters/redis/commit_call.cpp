#include "adapters/redis/commit_call.hpp"

#include <fmt/format.h>

#include <cassert>
#include <map>
#include <string_view>
#include <utility>

namespace windfall::redis {

namespace {

/// The keys that every call names, then those of the columns.
void append_keys(Arguments& out, const Place& place, std::string header, const std::vector<const PlanText*>& plans) {
  std::size_t columns = 0;
  for (const PlanText* plan : plans) columns += plan->columns.size();
  constexpr std::size_t kFixedKeys = 5;
  out.push_back(std::to_string(kFixedKeys + columns));
  out.push_back(std::move(header));
  out.push_back(place.outbox());
  out.push_back(place.counters());
  out.push_back(place.commands(0));
  out.push_back(place.commands(1));
  for (const PlanText* plan : plans) {
    for (const Column& column : plan->columns) {
      out.push_back(column.definition ? place.definition() : place.bucket(column.user));
    }
  }
}

/// How many plans, proposals and commands; the plans, each once; and for each proposal the number of its plan, and its
/// command if there are any.
void append_plans(Arguments& out, const std::vector<const PlanText*>& plans,
                  const std::vector<const Command*>& commands) {
  std::map<std::string_view, std::size_t> numbers;
  std::vector<std::string_view> texts;
  for (const PlanText* plan : plans) {
    if (numbers.emplace(plan->text, texts.size() + 1).second) texts.emplace_back(plan->text);
  }
  bool any = false;
  for (const Command* command : commands) any = any || command != nullptr;
  out.push_back(std::to_string(texts.size()));
  out.push_back(std::to_string(plans.size()));
  out.emplace_back(any ? "1" : "0");
  for (const std::string_view text : texts) out.emplace_back(text);
  for (const PlanText* plan : plans) out.push_back(std::to_string(numbers.at(plan->text)));
  if (!any) return;
  for (const Command* command : commands) out.push_back(command == nullptr ? std::string() : bytes_of(command->hash));
  for (const Command* command : commands) {
    out.push_back(command == nullptr ? std::string() : bytes_of_fingerprint(command->fingerprint));
  }
}

void append_columns(Arguments& out, const std::vector<const PlanText*>& plans) {
  for (const PlanText* plan : plans) {
    for (const Column& column : plan->columns) {
      out.push_back(column.definition ? *column.definition : bytes_of(column.user));
    }
  }
}

}  // namespace

Result<Submission> prepare(const Proposal& proposal, std::string payload) {
  Result<PlanText> plan = plan_of(proposal);
  if (!plan) return tl::unexpected(plan.error());
  return Submission{.plan = std::move(*plan),
                    .command = proposal.command,
                    .payload = std::move(payload),
                    .revision = proposal.revision,
                    .takes = proposal.takes.size(),
                    .looks = proposal.looks.size(),
                    .events = proposal.events.size()};
}

Arguments commit_call(const Place& place, std::span<const Submission* const> submissions, const CommitTerms& terms) {
  assert(!submissions.empty() && submissions.size() <= kMaxProposalsPerCall);
  std::vector<const PlanText*> plans;
  std::vector<const Command*> commands;
  for (const Submission* submission : submissions) {
    plans.push_back(&submission->plan);
    commands.push_back(submission->command ? &*submission->command : nullptr);
  }
  Arguments out{"FCALL", "commit_5"};
  append_keys(out, place, place.header(), plans);
  out.push_back(std::to_string(place.epoch.value));
  out.push_back(std::to_string(terms.seen.value));
  out.push_back(terms.now ? std::to_string(terms.now->ms) : std::string());
  out.push_back(std::to_string(terms.outbox_limit));
  append_plans(out, plans, commands);
  for (const Submission* submission : submissions) out.push_back(submission->payload);
  append_columns(out, plans);
  return out;
}

}  // namespace windfall::redis

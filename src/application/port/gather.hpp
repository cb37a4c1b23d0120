// Several tasks at once, instead of one after the other.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "application/port/task.hpp"

namespace windfall {

namespace detail {

template <class T>
struct Gathering {
  std::vector<std::optional<T>> results;
  std::size_t open = 0;
  Completion<bool> all{};
};

template <class T>
Task<void> settle(Task<T> task, Gathering<T>* gathering, std::size_t at) {
  T result = co_await task;
  gathering->results[at].emplace(std::move(result));
  if (--gathering->open == 0) gathering->all.complete(true);
}

}  // namespace detail

/// Starts all of them at once; their results in their order, when the last has come.
template <class T>
Task<std::vector<T>> gather(std::vector<Task<T>> tasks) {
  std::vector<T> results;
  if (tasks.empty()) co_return results;
  detail::Gathering<T> gathering{.results = std::vector<std::optional<T>>(tasks.size()), .open = tasks.size()};
  for (std::size_t i = 0; i < tasks.size(); ++i) detach(detail::settle(std::move(tasks[i]), &gathering, i));
  co_await gathering.all;
  results.reserve(gathering.results.size());
  for (std::optional<T>& result : gathering.results) results.push_back(std::move(*result));
  co_return results;
}

}  // namespace windfall

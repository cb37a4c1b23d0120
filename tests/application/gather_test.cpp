// Several tasks at once.
#include "application/port/gather.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>

#include "application/virtual_world.hpp"

namespace windfall::test {
namespace {

Task<std::string> once(Completion<bool>* released, std::string what) {
  co_await *released;
  co_return what;
}

TEST(Gathering, ResultsComeInTheOrderOfTheTasksWhicheverIsDoneFirst) {
  std::deque<Completion<bool>> released(3);
  std::vector<Task<std::string>> tasks;
  for (std::size_t i = 0; i < released.size(); ++i) tasks.push_back(once(&released[i], std::to_string(i)));
  const auto all = start(gather(std::move(tasks)));
  released[2].complete(true);
  released[0].complete(true);
  EXPECT_FALSE(all->has_value());
  released[1].complete(true);
  ASSERT_TRUE(all->has_value());
  EXPECT_EQ(**all, (std::vector<std::string>{"0", "1", "2"}));
}

TEST(Gathering, WhatNeedsNoWaitingIsDoneAtOnce) {
  std::deque<Completion<bool>> released(2);
  std::vector<Task<std::string>> tasks;
  for (Completion<bool>& one : released) {
    one.complete(true);
    tasks.push_back(once(&one, "done"));
  }
  EXPECT_EQ(value_of(gather(std::move(tasks))).size(), 2U);
  EXPECT_TRUE(value_of(gather(std::vector<Task<std::string>>{})).empty());
}

}  // namespace
}  // namespace windfall::test

// Ctrl-C and its like, taken at a time of our choosing: nothing is left behind, whenever they come.
#pragma once

#include <chrono>

namespace windfall::demo {

class Signals {
 public:
  /// Before any other thread is made: SIGINT, SIGTERM and SIGHUP wait until they are looked for, SIGPIPE is ignored.
  Signals();

  /// Waits that long, or until one of them comes. True once one has come.
  bool wait(std::chrono::milliseconds most);
  [[nodiscard]] bool came() const { return came_; }

  /// In a new process, before it becomes another program: as a program expects signals to be.
  static void undo();

 private:
  bool came_ = false;
};

}  // namespace windfall::demo

// The demo from its first line to its audit.
#pragma once

#include <cstdint>
#include <string>

#include "app/demo/dice.hpp"
#include "app/demo/words.hpp"

namespace windfall::demo {

struct Script {
  std::string program;     ///< the binary that serves
  std::string cluster;     ///< folder of a cluster to play on; empty: on a server of its own
  std::uint16_t port = 0;  ///< of the server; 0 = any
  double seconds = 20;     ///< in which the crowd comes
  std::uint32_t users = 8000;
  DiceScript dice;
  Language language = Language::english;
  bool json = false;   ///< the result as JSON on stdout, the talk on stderr
  bool leave = false;  ///< end after the audit instead of serving on
};

/// True if all went well and no book differs.
bool play(const Script& script);

}  // namespace windfall::demo

// Prints events of every type, one JSON object a line, for event_schemas.py: with extremes, with and without names.
#include <rapidcheck.h>

#include <cstdio>
#include <string>
#include <variant>

#include "adapters/codec/event_json.hpp"
#include "codec/any_event.hpp"

int main() {
  using namespace windfall;
  constexpr int kOfEach = 12;
  int round = 0;
  const codec::NameOf names = [&round](UserRef) { return std::string_view{round % 2 == 0 ? "앨리스" : ""}; };
  const bool done = rc::check("samples", [&round, &names] {
    if (++round > kOfEach) return;
    for (std::size_t kind = 0; kind < std::variant_size_v<Event>; ++kind) {
      std::string line;
      codec::append_event_json(line, test::any_recorded(kind), round % 3 == 0 ? "" : "coffee", names);
      std::printf("%s\n", line.c_str());
    }
  });
  return done ? 0 : 1;
}

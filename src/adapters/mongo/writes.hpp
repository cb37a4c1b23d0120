// What a batch of the log writes, as one value and as one document: the whole of it stands in the database before any
// of it is done, so that whoever finds it does it to its end. Done twice it changes nothing more.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "adapters/mongo/client.hpp"
#include "adapters/mongo/rows.hpp"

namespace windfall::mongo {

struct Writes {
  /// New documents by collection; each has its _id.
  std::map<std::string, std::vector<Document>> inserts;
  /// Members of a document that is there, unless a later batch has changed it.
  struct Set {
    std::string collection;
    Document which;
    Document members;
  };
  std::vector<Set> sets;
  /// An erased person: words about them that were written up to there.
  struct Forgotten {
    UserRef user;
    std::int64_t entry = 0;
    std::int64_t position = 0;
  };
  std::vector<Forgotten> forgotten;
  /// All numbers, and the places that changed.
  Progress progress;
};

[[nodiscard]] Document document_of(const Writes& writes, std::int64_t batch, Instant at);
[[nodiscard]] Writes writes_of(const View& batch);

/// Does them, progress last. Failure damaged if a document contradicts one that is there.
Result<bool> carry_out(Client& client, const Writes& writes, std::int64_t batch);

}  // namespace windfall::mongo

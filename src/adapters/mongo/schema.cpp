#include "adapters/mongo/schema.hpp"

#include <string>
#include <vector>

namespace windfall::mongo {

namespace {

struct Index {
  const char* collection;
  std::vector<const char*> keys;  ///< ascending
  bool unique = false;
};

const std::vector<Index>& indexes() {
  static const std::vector<Index> kAll{
      {kPromotions, {"partition"}, true},
      {kPromotions, {"id"}, true},
      {kEvents, {"partition", "sequence"}, true},
      // Once a day; also the way to what a batch may contradict.
      {kParticipations, {"partition", "day", "userRef"}, true},
      {kParticipations, {"ordinal"}, true},
      {kParticipations, {"userRef", "ordinal"}},
      {kParticipations, {"partition", "ordinal"}},
      {kParticipations, {"partition", "sequence"}, true},
      {kTickets, {"userRef", "seq"}},
      {kDraws, {"seq"}, true},
      {kDraws, {"userRef", "seq"}},
      {kDraws, {"partition", "seq"}},
      {kDraws, {"partition", "won", "seq"}},
      {kDraws, {"eventId"}},
      {kDraws, {"partition", "waitsForCode", "prize", "seq"}},
      {kSegments, {"partition", "segment"}, true},
      {kIdentities, {"userId"}},
      {kRefusals, {"userRef", "at"}},
      {kRefusals, {"at"}},
      {kInbound, {"userRef"}},
      {kInbound, {"at"}},
      {kAudit, {"subjectRef"}},
      {kDefinitions, {"partition", "revision"}},
  };
  return kAll;
}

Document document_of(const Index& index) {
  Document keys;
  std::string name;
  for (const char* key : index.keys) {
    keys.integer(key, std::int64_t{1});
    name += (name.empty() ? "" : "_") + std::string(key) + "_1";
  }
  Document made;
  made.document("key", keys).text("name", name);
  if (index.unique) made.boolean("unique", true);
  return made;
}

}  // namespace

Result<bool> make_indexes(Client& client) {
  // One at a time: FerretDB 1.24 breaks off when some of several are there already.
  for (const Index& index : indexes()) {
    Document command;
    command.text("createIndexes", index.collection).array("indexes", std::vector<Document>{document_of(index)});
    const Result<bool> made = client.command("createIndexes", command);
    if (!made) return made;
  }
  return true;
}

}  // namespace windfall::mongo

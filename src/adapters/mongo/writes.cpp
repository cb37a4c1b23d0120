#include "adapters/mongo/writes.hpp"

#include <fmt/format.h>

#include "adapters/mongo/schema.hpp"

namespace windfall::mongo {

namespace {

/// {_id: {$in: …}} of all of them.
Document ids_of(const std::vector<Document>& documents) {
  Document ids;
  std::size_t index = 0;
  for (const Document& document : documents) {
    bson_iter_t at;
    if (!bson_iter_init_find(&at, document.raw(), "_id")) continue;
    const std::string name = std::to_string(index++);
    bson_append_iter(ids.raw(), name.c_str(), static_cast<int>(name.size()), &at);
  }
  Document in;
  bson_append_array(in.raw(), "$in", -1, ids.raw());
  Document filter;
  filter.document("_id", in);
  return filter;
}

/// What was left out must have been there before, by this very batch: its _id is. Any other unique key that is taken is
/// a contradiction, and never skipped.
Result<bool> insert_all(Client& client, const std::string& collection, const std::vector<Document>& documents,
                        std::int64_t batch) {
  Result<bool> all_new = client.insert(collection.c_str(), documents);
  if (!all_new || *all_new) return all_new;
  std::size_t there = 0;
  Result<bool> counted = client.each(collection.c_str(), {.filter = ids_of(documents)}, [&there](const View&) {
    ++there;
    return true;
  });
  if (!counted) return counted;
  if (there == documents.size()) return true;
  return fail(FailureCode::damaged, fmt::format("ledger: {} of {} documents of batch {} contradict others in {}",
                                                documents.size() - there, documents.size(), batch, collection));
}

Result<bool> forget(Client& client, const Writes::Forgotten& forgotten) {
  Document until;
  until.integer("$lte", forgotten.entry);
  Document something;
  something.null("$ne");
  Document tickets;
  tickets.user("userRef", forgotten.user).document("seq", until).document("reason", something);
  Document nothing;
  nothing.null("reason");
  Document set;
  set.document("$set", nothing);
  const Result<std::int64_t> unsaid = client.change_many(kTickets, tickets, set);
  if (!unsaid) return tl::unexpected(unsaid.error());

  Document refusals;
  refusals.user("userRef", forgotten.user);
  const Result<std::int64_t> refused = client.erase(kRefusals, refusals);
  if (!refused) return tl::unexpected(refused.error());

  Document then;
  then.integer("$lte", forgotten.position);
  Document inbound;
  inbound.user("userRef", forgotten.user).document("position", then);
  const Result<std::int64_t> rejected = client.erase(kInbound, inbound);
  if (!rejected) return tl::unexpected(rejected.error());
  return true;
}

Document earlier_than(std::int64_t batch) {
  Document out;
  out.integer("$lt", batch);
  return out;
}

}  // namespace

Document document_of(const Writes& writes, std::int64_t batch, Instant at) {
  std::vector<Document> inserts;
  for (const auto& [collection, documents] : writes.inserts) {
    for (const Document& document : documents) {
      inserts.emplace_back().text("c", collection).document("d", document);
    }
  }
  std::vector<Document> sets;
  for (const Writes::Set& set : writes.sets) {
    sets.emplace_back().text("c", set.collection).document("i", set.which).document("d", set.members);
  }
  std::vector<Document> forgotten;
  for (const Writes::Forgotten& each : writes.forgotten) {
    forgotten.emplace_back().user("user", each.user).integer("entry", each.entry).integer("position", each.position);
  }
  std::vector<Document> places;
  for (const auto& [partition, place] : writes.progress.places) {
    places.emplace_back().integer("partition", std::int64_t{partition}).append(place_of(place.first, place.second));
  }
  Document out;
  out.integer("_id", batch)
      .time("at", at)
      .array("inserts", inserts)
      .array("sets", sets)
      .array("forgotten", forgotten)
      .array("places", places)
      .document("numbers", numbers_of(writes.progress));
  return out;
}

Writes writes_of(const View& batch) {
  Writes writes;
  for (const Document& insert : batch.array("inserts")) {
    const View view(insert);
    writes.inserts[view.text("c")].push_back(view.document("d").value_or(Document{}));
  }
  for (const Document& set : batch.array("sets")) {
    const View view(set);
    writes.sets.push_back({.collection = view.text("c"),
                           .which = view.document("i").value_or(Document{}),
                           .members = view.document("d").value_or(Document{})});
  }
  for (const Document& each : batch.array("forgotten")) {
    const View view(each);
    writes.forgotten.push_back(
        {.user = view.user("user"), .entry = view.integer("entry"), .position = view.integer("position")});
  }
  if (const auto numbers = batch.document("numbers")) writes.progress = progress_of(View(*numbers));
  for (const Document& each : batch.array("places")) {
    const View view(each);
    writes.progress.places[static_cast<std::uint32_t>(view.integer("partition"))] = {
        {static_cast<std::uint32_t>(view.integer("epoch"))}, {static_cast<std::uint64_t>(view.integer("sequence"))}};
  }
  return writes;
}

Result<bool> carry_out(Client& client, const Writes& writes, std::int64_t batch) {
  for (const Writes::Forgotten& each : writes.forgotten) {
    const Result<bool> forgotten = forget(client, each);
    if (!forgotten) return forgotten;
  }
  for (const auto& [collection, documents] : writes.inserts) {
    const Result<bool> inserted = insert_all(client, collection, documents, batch);
    if (!inserted) return inserted;
  }
  std::map<std::string, std::vector<Change>> changes;
  for (const Writes::Set& set : writes.sets) {
    Document filter = set.which;
    filter.document("batch", earlier_than(batch));
    Document members = set.members;
    members.integer("batch", batch);
    Document change;
    change.document("$set", members);
    changes[set.collection].push_back({.filter = std::move(filter), .change = std::move(change)});
  }
  for (const auto& [collection, list] : changes) {
    const Result<std::int64_t> changed = client.change(collection.c_str(), list);
    if (!changed) return tl::unexpected(changed.error());
  }
  if (!writes.forgotten.empty()) {
    // Earlier batches, all of them done, may know the person's id.
    Document before;
    before.document("_id", earlier_than(batch));
    const Result<std::int64_t> dropped = client.erase(kBatches, before);
    if (!dropped) return tl::unexpected(dropped.error());
  }
  Document filter;
  filter.text("_id", kProgressId).document("batch", earlier_than(batch));
  Document members = numbers_of(writes.progress);
  members.integer("batch", batch);
  for (const auto& [partition, place] : writes.progress.places) {
    members.document("places." + std::to_string(partition), place_of(place.first, place.second));
  }
  Document change;
  change.document("$set", members);
  const Result<std::int64_t> done =
      client.change(kProgress, {{.filter = std::move(filter), .change = std::move(change)}});
  if (!done) return tl::unexpected(done.error());
  return true;
}

}  // namespace windfall::mongo

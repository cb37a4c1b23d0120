#include "app/proof/partner_book.hpp"

#include <fmt/format.h>

#include <cstring>
#include <fstream>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/object_reader.hpp"
#include "app/proof/join_table.hpp"

namespace windfall::proof {

namespace {

constexpr std::size_t kReadBytes = 1024 * 1024;
/// An entry has five short members; what is longer is no entry.
constexpr std::size_t kLongestEntry = 64 * 1024;

struct Booked {
  std::string event_id;
  std::string user_id;
  std::string promotion_id;
  Amount amount = 0;
  std::int64_t times = 0;
};

codec::Decoded<Booked> parse(std::string_view object) {
  return codec::decode_object(object, [](codec::ObjectReader& in) {
    Booked booked;
    booked.event_id = in.required_identifier("eventId");
    booked.user_id = in.required_user_id("userId");
    booked.promotion_id = in.required_identifier("promotionId");
    booked.amount = in.required_int("amount", {.min = INT64_MIN, .max = INT64_MAX}).value_or(0);
    booked.times = in.required_int("times", {.min = 0, .max = UINT32_MAX}).value_or(0);
    return booked;
  });
}

/// Cuts the objects out of an array of flat objects, however the text arrives.
class ObjectCutter {
 public:
  /// Calls take(object) for each complete one; false as soon as it says so, or at nonsense.
  template <class Take>
  bool feed(std::string_view text, Take take) {
    for (const char c : text) {
      if (!in_array_) {
        in_array_ = c == '[';
        continue;
      }
      if (object_.empty()) {
        if (c == ']') closed_ = true;
        if (c != '{') continue;
      }
      object_ += c;
      if (object_.size() > kLongestEntry) return false;
      if (in_string_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_string_ = false;
        }
      } else if (c == '"') {
        in_string_ = true;
      } else if (c == '}') {
        if (!take(object_)) return false;
        object_.clear();
      }
    }
    return true;
  }
  [[nodiscard]] bool complete() const { return closed_ && object_.empty(); }

 private:
  std::string object_;
  bool in_array_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool closed_ = false;
};

}  // namespace

Result<PartnerBook> PartnerBook::read(const std::string& path, const codec::UserHasher* hasher, Report& report) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(FailureCode::not_found, path + ": cannot be read");
  PartnerBook book;
  book.knows_people_ = hasher != nullptr;
  if (hasher == nullptr) {
    report.note(Invariant::i4, "the user-hash key is not readable: the book's people were not compared");
  }
  ObjectCutter cutter;
  std::string chunk(kReadBytes, '\0');
  std::string problem = "is not the answer to GET /book";
  bool good = true;
  while (good && (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || in.gcount() > 0)) {
    good = cutter.feed(std::string_view(chunk).substr(0, static_cast<std::size_t>(in.gcount())),
                       [&](std::string_view object) {
                         const Result<bool> added = book.add(object, hasher, report);
                         if (!added) problem = added.error().message;
                         return added.has_value();
                       });
  }
  if (!good || !cutter.complete()) return fail(FailureCode::invalid, path + ": " + problem);
  return book;
}

Result<bool> PartnerBook::add(std::string_view object, const codec::UserHasher* hasher, Report& report) {
  const codec::Decoded<Booked> booked = parse(object);
  if (!booked) return fail(FailureCode::invalid, "an entry is no booking: " + std::string{object});
  report.checked(Invariant::i4);
  const auto id = codec::from_uuid_text(booked->event_id);
  const std::string where = "the partner's book, " + booked->event_id;
  if (!id) {
    report.violation(Invariant::i4, where, "is no id that Windfall makes");
    return true;
  }
  Entry& entry = entries_.at(key_of(*id));
  if (entry.times != 0 || booked->times != 1) {
    report.violation(Invariant::i4, where, fmt::format("booked {} times", std::int64_t{entry.times} + booked->times));
  }
  entry.times += static_cast<std::uint32_t>(booked->times);
  const UserRef user = hasher != nullptr ? hasher->of(booked->user_id) : UserRef{};
  entry.content = content_of(user, booked->promotion_id, booked->amount);
  return true;
}

void PartnerBook::check(const Place& place, const Settlements::EffectId& effect, UserRef user,
                        std::string_view promotion, Amount amount, Fate fate, Report& report) {
  report.checked(Invariant::i4);
  const UserRef key = key_of(effect);
  const Entry* found = entries_.find(key);
  if (found == nullptr || found->times == 0) {
    if (fate == Fate::done) {
      report.violation(Invariant::i4, place, codec::to_uuid_text(effect) + " is DONE, but not in the partner's book");
    }
    return;
  }
  if (found->content != content_of(knows_people_ ? user : UserRef{}, promotion, amount)) {
    report.violation(Invariant::i4, place,
                     codec::to_uuid_text(effect) + " is booked for another user, promotion or amount");
  }
  if (fate == Fate::dead) ++dead_but_booked_;
  if (fate == Fate::open) ++open_but_booked_;
  entries_.at(key).claimed = 1;
}

bool PartnerBook::has(const Settlements::EffectId& effect) const {
  const Entry* found = entries_.find(key_of(effect));
  return found != nullptr && found->times != 0;
}

void PartnerBook::excuse(const Settlements::EffectId& effect) {
  if (has(effect)) entries_.at(key_of(effect)).claimed = 1;
}

void PartnerBook::finish(Report& report) const {
  entries_.for_each([&report](UserRef key, const Entry& entry) {
    if (entry.claimed != 0 || entry.times == 0) return;
    Settlements::EffectId effect{};
    std::memcpy(effect.data(), &key.hi, sizeof key.hi);
    std::memcpy(effect.data() + sizeof key.hi, &key.lo, sizeof key.lo);
    report.violation(Invariant::i4, "the partner's book, " + codec::to_uuid_text(effect),
                     "no acceptance in the journal caused this booking");
  });
  if (open_but_booked_ > 0) {
    report.note(Invariant::i4, fmt::format("{} bookings are not settled here yet; they are asked for at the next start",
                                           open_but_booked_));
  }
  if (dead_but_booked_ > 0) {
    report.note(Invariant::i4,
                fmt::format("{} dead letters are booked at the partner: redrive them", dead_but_booked_));
  }
}

std::uint64_t PartnerBook::content_of(UserRef user, std::string_view promotion, Amount amount) {
  std::uint64_t hash = scatter(user.hi);
  hash = scatter(hash ^ user.lo);
  for (const char c : promotion) hash = scatter(hash ^ static_cast<unsigned char>(c));
  return scatter(hash ^ static_cast<std::uint64_t>(amount));
}

UserRef PartnerBook::key_of(const Settlements::EffectId& effect) {
  UserRef key;
  std::memcpy(&key.hi, effect.data(), sizeof key.hi);
  std::memcpy(&key.lo, effect.data() + sizeof key.hi, sizeof key.lo);
  return key == UserRef{} ? UserRef{.hi = 0, .lo = 1} : key;
}

}  // namespace windfall::proof

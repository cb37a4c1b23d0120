// Any bytes as a request: parsing, creating and patching end in a value or in a complaint that has a place; what is
// accepted survives being kept.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "adapters/codec/json_in.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/text_place.hpp"
#include "adapters/codec/utf8.hpp"

namespace {

using namespace windfall;
using namespace windfall::codec;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const BadInput& bad, std::string_view body) {
  if (bad.not_json) {
    require(!bad.where.empty() && !bad.where_ko.empty() && !bad.detail_en.empty() && !bad.detail_ko.empty() &&
            bad.errors.empty());
    return;
  }
  require(!bad.errors.empty());
  for (const FieldError& error : bad.errors) {
    require(is_utf8(error.pointer) && !error.detail_en.empty() && !error.detail_ko.empty());
    const TextPlace place = place_of(body, error.pointer);
    require(place.line >= 1 && place.column >= 1 && place.line <= place_at(body, body.size()).line);
  }
}

void check_kept(const Promotion& promotion) {
  const auto kept = encode_definition(promotion);
  const auto back = decode_definition(kept);
  require(back.has_value() && encode_definition(*back) == kept);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body{reinterpret_cast<const char*>(data), size};
  const auto parsed = parse_json(body);
  if (!parsed) check(parsed.error(), body);

  const auto created = decode_create(body);
  created ? check_kept(*created) : check(created.error(), body);

  static const Promotion present =
      decode_create(
          R"({"title":"T","startDate":"2025-06-20","endDate":"2025-06-30","rewardAmount":1,"limitJoinCount":1})")
          .value();
  for (const Status status : {Status::draft, Status::active, Status::ended}) {
    const PatchContext context{.status = status, .begun = status != Status::draft, .today = present.start};
    const auto patched = apply_patch(present, context, body);
    patched ? check_kept(patched->next) : check(patched.error(), body);
  }

  if (const auto definition = decode_definition(body)) check_kept(*definition);
  return 0;
}

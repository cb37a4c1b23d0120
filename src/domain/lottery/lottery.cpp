#include "domain/lottery/lottery.hpp"

namespace windfall {

const char* name_of(const Grant& grant) {
  struct Name {
    const char* operator()(const VisitGrant&) const { return "VISIT"; }
    const char* operator()(const InviteGrant&) const { return "INVITE"; }
  };
  return std::visit(Name{}, grant);
}

const char* name_of(PrizeKind kind) {
  switch (kind) {
    case PrizeKind::gifticon:
      return "GIFTICON";
    case PrizeKind::points:
      return "POINTS";
  }
  return "";
}

}  // namespace windfall

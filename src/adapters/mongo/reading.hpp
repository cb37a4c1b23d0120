// What the methods that read share: filters, names of people, and rows from documents.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/mongo/client.hpp"
#include "adapters/mongo/rows.hpp"
#include "application/port/ledger_store.hpp"

namespace windfall::mongo {

/// People by reference; whoever is erased or unknown is missing.
using Names = std::map<UserRef, std::string>;
Result<Names> names_of(Client& client, const std::vector<UserRef>& users);
[[nodiscard]] std::string name_in(const Names& names, UserRef user);

/// {$gt: after, $lte: last}
[[nodiscard]] Document behind(std::int64_t after, std::int64_t last);
/// {name: 1} or {name: -1}
[[nodiscard]] Document by(const char* name, std::int64_t direction = 1);

/// Draws that fit the filter, in that order, with names.
Result<std::vector<DrawRow>> draw_rows(Client& client, const Find& find);
/// The coupons among them.
Result<std::vector<CouponRow>> coupon_rows(Client& client, const Find& find);

}  // namespace windfall::mongo

// Whom earlier batches of this process have named, so that most batches need not ask. Numbers never change; an erasure
// by whatever process is counted in `progress`, and whoever has missed one forgets all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "domain/kernel/ids.hpp"

namespace windfall::postgres {

class KnownUsers {
 public:
  struct User {
    std::int64_t no = 0;
    bool named = false;  ///< the ledger has an id
  };

  /// Called with what the database counts, before anything is asked.
  void expect(std::int64_t erasures) {
    if (erasures == erasures_) return;
    users_.clear();
    erasures_ = erasures;
  }
  [[nodiscard]] std::optional<User> find(UserRef user) const {
    const auto known = users_.find(user);
    return known == users_.end() ? std::nullopt : std::optional{known->second};
  }
  /// Only what is committed.
  void learn(UserRef user, User known) {
    if (users_.size() >= kMost) users_.clear();
    users_.insert_or_assign(user, known);
  }
  void counted(std::int64_t erasures) { erasures_ = erasures; }

 private:
  /// Some 15 MiB.
  static constexpr std::size_t kMost = 262'144;

  struct HashOfRef {
    std::size_t operator()(UserRef user) const { return user.lo; }  // a hash already
  };

  std::int64_t erasures_ = 0;
  std::unordered_map<UserRef, User, HashOfRef> users_;
};

}  // namespace windfall::postgres

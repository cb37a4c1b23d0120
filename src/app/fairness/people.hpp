// What an export says about people: who has won how often, and who has lost.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "domain/lottery/second_chance.hpp"

namespace windfall::fairness {

class People {
 public:
  struct Record {
    std::uint32_t wins = 0;
    bool lost = false;
  };

  Record& at(const Pseudonym& user) { return records_[user]; }

  /// Whom the second chance is for: users with a losing draw and fewer wins than allowed, by pseudonym.
  [[nodiscard]] std::vector<Pseudonym> pool(std::uint32_t max_wins) const {
    std::vector<Pseudonym> users;
    for (const auto& [user, record] : records_) {
      if (record.lost && record.wins < max_wins) users.push_back(user);
    }
    std::ranges::sort(users);
    return users;
  }

 private:
  /// Pseudonyms are uniformly distributed already.
  struct FirstBytes {
    std::size_t operator()(const Pseudonym& user) const {
      std::size_t hash = 0;
      std::memcpy(&hash, user.bytes.data(), sizeof(hash));
      return hash;
    }
  };
  std::unordered_map<Pseudonym, Record, FirstBytes> records_;
};

}  // namespace windfall::fairness

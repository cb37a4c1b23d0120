// Which addresses share a bucket, and that a flood of addresses takes no more memory than was there from the start.
#include "adapters/http/api/address_limit.hpp"

#include <gtest/gtest.h>

#include <string>

namespace windfall::http {
namespace {

constexpr RateLimit::Settings kOneASecond{.per_second = 1, .burst = 2};

/// How many of `tries` requests at one moment get through.
int passed(AddressLimit& limit, const std::string& address, int tries, std::int64_t at_ms = 1000) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limit.allow(address, at_ms) ? 1 : 0;
  return count;
}

TEST(AddressLimit, IsOffWithoutARate) {
  AddressLimit limit({.per_second = 0, .burst = 1});
  EXPECT_EQ(passed(limit, "192.0.2.1", 10'000), 10'000);
}

TEST(AddressLimit, LetsABurstThroughAndThenTheRate) {
  AddressLimit limit(kOneASecond);
  EXPECT_EQ(passed(limit, "192.0.2.1", 5, 1000), 2);
  EXPECT_EQ(passed(limit, "192.0.2.1", 5, 1999), 0);
  EXPECT_EQ(passed(limit, "192.0.2.1", 5, 2000), 1);
  EXPECT_EQ(passed(limit, "192.0.2.1", 5, 3'600'000), 2) << "what was not used is not saved up beyond the burst";
}

TEST(RateLimit, WhatIsChargedBeyondTheTokensIsOwed) {
  RateLimit limit(kOneASecond);
  const UserRef user{.hi = 1, .lo = 2};
  EXPECT_TRUE(limit.allow(user, 1000));
  limit.charge(user, 9, 1000);
  EXPECT_FALSE(limit.allow(user, 1000));
  EXPECT_FALSE(limit.allow(user, 9999)) << "8 are owed, and one is needed";
  EXPECT_TRUE(limit.allow(user, 10'000));
  EXPECT_TRUE(limit.allow({.hi = 1, .lo = 3}, 1000)) << "another one's";
}

TEST(AddressLimit, CostsOtherAddressesNothing) {
  AddressLimit limit(kOneASecond);
  EXPECT_EQ(passed(limit, "192.0.2.1", 1000), 2);
  EXPECT_EQ(passed(limit, "192.0.2.2", 5), 2);
  EXPECT_EQ(passed(limit, "2001:db8::1", 5), 2);
}

TEST(AddressLimit, CountsTheNetworkOfAnIpv6Address) {
  AddressLimit limit(kOneASecond);
  EXPECT_EQ(passed(limit, "2001:db8:0:1::1", 5), 2);
  EXPECT_EQ(passed(limit, "2001:db8:0:1:ffff:ffff:ffff:ffff", 5), 0);
  EXPECT_EQ(passed(limit, "2001:db8:0:2::1", 5), 2);
}

TEST(AddressLimit, TakesAMappedAddressForTheIpv4AddressItIs) {
  AddressLimit limit(kOneASecond);
  EXPECT_EQ(passed(limit, "192.0.2.1", 5), 2);
  EXPECT_EQ(passed(limit, "::ffff:192.0.2.1", 5), 0);
  EXPECT_EQ(passed(limit, "::ffff:192.0.2.2", 5), 2) << "mapped addresses have their first bytes in common";
}

TEST(AddressLimit, GoesOnLimitingWhatFloodsFromAMillionNetworks) {
  AddressLimit limit(kOneASecond);
  for (int i = 0; i < 1'000'000; ++i) {
    limit.allow("10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256),
                1000);
  }
  EXPECT_EQ(passed(limit, "192.0.2.1", 5), 2);
  EXPECT_EQ(passed(limit, "192.0.2.1", 5), 0);
}

}  // namespace
}  // namespace windfall::http

#include "adapters/journal/crc32c.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace windfall::journal {
namespace {

TEST(Crc32c, AgreesWithThePublishedVectors) {
  std::string ascending(32, '\0');
  std::string descending(32, '\0');
  for (std::size_t i = 0; i < 32; ++i) {
    ascending[i] = static_cast<char>(i);
    descending[i] = static_cast<char>(31 - i);
  }
  for (const auto crc : {+[](std::string_view bytes) { return crc32c(bytes); },
                         +[](std::string_view bytes) { return crc32c_by_table(bytes); }}) {
    EXPECT_EQ(crc(""), 0U);
    EXPECT_EQ(crc("123456789"), 0xE3069283U);
    EXPECT_EQ(crc(std::string(32, '\0')), 0x8A9136AAU);  // RFC 3720, appendix B.4
    EXPECT_EQ(crc(std::string(32, '\xFF')), 0x62A8AB43U);
    EXPECT_EQ(crc(ascending), 0x46DD794EU);
    EXPECT_EQ(crc(descending), 0x113FDB5CU);
  }
}

TEST(Crc32c, IsTheSameInHardwareAndByTableAtEveryLengthAndSplit) {
  std::mt19937 random(20250702);
  std::string bytes(300, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const std::string_view part = std::string_view{bytes}.substr(0, length);
    const std::uint32_t whole = crc32c(part);
    ASSERT_EQ(whole, crc32c_by_table(part)) << length;
    const std::size_t split = length == 0 ? 0 : random() % length;
    ASSERT_EQ(whole, crc32c(part.substr(split), crc32c(part.substr(0, split)))) << length << " at " << split;
  }
}

}  // namespace
}  // namespace windfall::journal

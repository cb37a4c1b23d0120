// A forged audit, where the forgery needs SQLite's own words; the rest is in the ledger contract.
#include <gtest/gtest.h>

#include "sqlite/sqlite_fixture.hpp"

namespace windfall::sqlite {
namespace {

class AuditChain : public testing::TestWithParam<const char*> {};

TEST_P(AuditChain, CatchesTampering) {
  SqliteUnderTest under_test({});
  contract::LogBuilder log;
  for (int i = 0; i < 6; ++i)
    log.add(kSystemPartition, Audited{.audit = contract::LogBuilder::audit("redrive"), .subject = std::to_string(i)});
  ASSERT_TRUE(under_test.store().apply(log.batch()));
  ASSERT_FALSE(under_test.store().first_broken_audit().value());
  under_test.sql(GetParam());
  EXPECT_TRUE(under_test.store().first_broken_audit().value());
}

INSTANTIATE_TEST_SUITE_P(Each, AuditChain,
                         testing::Values("update audit set at = at + 1 where seq = 6",
                                         "update audit set subject_user = zeroblob(16) where seq = 2"));

}  // namespace
}  // namespace windfall::sqlite

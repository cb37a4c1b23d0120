#include "adapters/sqlite/audit_chain.hpp"

namespace windfall::sqlite {

std::optional<std::int64_t> first_broken_row(Connection& connection, std::string_view genesis) {
  std::string chain{genesis};
  std::int64_t seq = 0;
  Rows rows =
      connection(
          "select seq, at, actor, action, subject, subject_user, before, after, reason, chain from audit order by seq")
          .select();
  while (rows.next()) {
    ++seq;
    const std::string actor = rows.text(2);
    const std::string action = rows.text(3);
    const std::string subject = rows.text(4);
    const std::string reason = rows.text(8);
    const AuditEntry entry{.at = Instant{rows.integer(1)},
                           .actor = actor,
                           .action = action,
                           .subject = subject,
                           .subject_user = rows.is_null(5) ? std::nullopt : std::optional{rows.user(5)},
                           .before = rows.text(6),
                           .after = rows.text(7),
                           .reason = reason};
    chain = chain_of(chain, seq, entry);
    if (rows.integer(0) != seq || rows.text(9) != chain) return seq;
  }
  Rows progress = connection("select audit, chain from progress").select();
  if (!progress.next() || progress.integer(0) != seq || progress.text(1) != chain) return seq + 1;
  return std::nullopt;
}

}  // namespace windfall::sqlite

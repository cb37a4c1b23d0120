// Collections of the ledger and their keys.
#pragma once

#include "adapters/mongo/client.hpp"

namespace windfall::mongo {

// The ledger as anyone may query it.
inline constexpr const char* kPromotions = "promotions";          ///< the seed's own form; the sync writes into it
inline constexpr const char* kDefinitions = "definitions";        ///< every one there ever was
inline constexpr const char* kParticipations = "participations";  ///< _id: the participation's id, that of its event
inline constexpr const char* kTickets = "tickets";                ///< _id: place in the order of entries
inline constexpr const char* kDraws = "draws";                    ///< with what they won, coupons included
inline constexpr const char* kSegments = "segments";
inline constexpr const char* kSegmentPauses = "segmentPauses";  ///< of segments that were not open by then
inline constexpr const char* kIdentities = "identities";  ///< the only place that knows a person's id; null: erased
inline constexpr const char* kBlocked = "blocked";
inline constexpr const char* kRefusals = "refusals";
inline constexpr const char* kInbound = "inboundRejections";
inline constexpr const char* kAudit = "audit";
inline constexpr const char* kFindings = "findings";
inline constexpr const char* kTotals = "totals";
inline constexpr const char* kLotteryTotals = "lotteryTotals";
inline constexpr const char* kEvents = "events";  ///< the log, without gaps: the hot state can be folded from it again

// How it is written.
inline constexpr const char* kBatches = "batches";    ///< the last ones, each whole in one document
inline constexpr const char* kProgress = "progress";  ///< one document: how far all of it is there
inline constexpr const char* kProgressId = "progress";

/// Makes the indexes that are missing, the unique ones among them.
Result<bool> make_indexes(Client& client);

}  // namespace windfall::mongo

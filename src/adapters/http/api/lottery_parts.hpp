// What the lottery's part of the API stands on. All of it outlives the API.
#pragma once

#include "application/on_event/judge_inbound.hpp"
#include "application/on_request/coupons.hpp"
#include "application/on_request/draw_book.hpp"
#include "application/on_request/draw_ticket.hpp"
#include "application/on_request/earn_tickets.hpp"
#include "application/on_request/show_tickets.hpp"
#include "application/port/inbox.hpp"
#include "application/port/lottery_ledger.hpp"
#include "application/port/seals.hpp"

namespace windfall::http {

struct LotteryParts {
  DrawBook& book;
  DrawTicket& draw;
  EarnTickets& earn;
  ShowTickets& show;
  LotteryLedger& ledger;
  InviteTokens& tokens;
  Coupons& coupons;
  ImportCodes& imports;
  Inbox& inbox;
  JudgeInbound& judge;
};

}  // namespace windfall::http

-- A queue for each endpoint of the partner: however many notifications wait, the accruals that are due are found at once.
drop index effect_due;
create index effect_due_accrual on effect (next_try, no) where state in (0, 2) and kind = 0;
create index effect_due_notification on effect (next_try, no) where state in (0, 2) and kind <> 0;

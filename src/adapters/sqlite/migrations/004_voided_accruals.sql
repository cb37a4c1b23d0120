-- lottery_total.accruals does without those of voided wins, which are never paid.
update lottery_total set accruals = (
  select count(*) from draw d where d.partition = lottery_total.partition and d.effect is not null and d.voided = 0);

-- What was over without a call because its win was voided: state 3, but nothing was done.
alter table effect add column cancelled boolean not null default false;
update effect e set cancelled = true from draw d where d.effect = e.id and d.prize is not null and d.voided <> 0 and e.state = 3;

create or replace view v_effect as
select e.no, e.id, (array['ACCRUAL', 'WIN', 'TICKET_GRANTED'])[e.kind + 1] as kind,
       case when e.cancelled then 'VOID' else (array['PENDING', 'SENDING', 'UNKNOWN', 'DONE', 'DEAD'])[e.state + 1] end as state,
       p.id as promotion, u.id as user_id, u.ref as user_ref, e.amount, e.occurred_at,
       case when e.state in (0, 2) and e.next_try > 'epoch' then e.next_try end as next_try,
       e.tries, e.last_error, e.dead_letter, e.ordinal, e.owner
from effect e join promotion p on p.partition = e.partition join identity u on u.no = e.user_no;

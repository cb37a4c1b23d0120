-- What was over without a call because its win was voided: state 3, but nothing was done.
alter table effect add column cancelled integer not null default 0;
update effect set cancelled = 1 where no in (
  select effect from draw where prize is not null and voided <> 0 and effect is not null) and state = 3;

drop view v_effect;
create view v_effect as
select e.no,
       lower(substr(hex(e.id), 1, 8) || '-' || substr(hex(e.id), 9, 4) || '-' || substr(hex(e.id), 13, 4) || '-' ||
             substr(hex(e.id), 17, 4) || '-' || substr(hex(e.id), 21)) as id,
       case e.kind when 0 then 'ACCRUAL' when 1 then 'WIN' else 'TICKET_GRANTED' end as kind,
       case when e.cancelled <> 0 then 'VOID' when e.state = 0 then 'PENDING' when e.state = 1 then 'SENDING' when e.state = 2 then 'UNKNOWN'
            when e.state = 3 then 'DONE' else 'DEAD' end as state,
       p.id as promotion, u.id as user, lower(hex(u.ref)) as user_ref, e.amount,
       strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at / 1000, 'unixepoch') || printf('.%03dZ', e.occurred_at % 1000) as occurred_at,
       case when e.state in (0, 2) and e.next_try > 0 then
         strftime('%Y-%m-%dT%H:%M:%S', e.next_try / 1000, 'unixepoch') || printf('.%03dZ', e.next_try % 1000) end as next_try,
       coalesce(a.tries, 0) as tries, coalesce(a.last_error, '') as last_error, e.dead_letter, e.ordinal
from effect e join promotion p on p.partition = e.partition join user u on u.no = e.user left join attempt a on a.effect = e.no;

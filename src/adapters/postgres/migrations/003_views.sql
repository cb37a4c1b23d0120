-- The same rows for people: names instead of numbers, states as words.

create view v_promotion as
select id, title, status, revision, join_count, left_join_count, spent, created, modified, synced_at, partition, document
from promotion;

create view v_event as
select p.id as promotion, e.partition, e.epoch, e.sequence, t.name as type, e.at, e.revision, u.id as user_id, u.ref as user_ref,
       e.command, e.bytes
from event e join event_type t on t.no = e.type left join promotion p on p.partition = e.partition
left join identity u on u.no = e.user_no;

create view v_effect as
select e.no, e.id, (array['ACCRUAL', 'WIN', 'TICKET_GRANTED'])[e.kind + 1] as kind,
       (array['PENDING', 'SENDING', 'UNKNOWN', 'DONE', 'DEAD'])[e.state + 1] as state,
       p.id as promotion, u.id as user_id, u.ref as user_ref, e.amount, e.occurred_at,
       case when e.state in (0, 2) and e.next_try > 'epoch' then e.next_try end as next_try,
       e.tries, e.last_error, e.dead_letter, e.ordinal, e.owner
from effect e join promotion p on p.partition = e.partition join identity u on u.no = e.user_no;

create view v_participation as
select j.ordinal, j.event_id as id, p.id as promotion, u.id as user_id, u.ref as user_ref, j.day, j.amount, j.at,
       case when j.effect is null or e.state = 3 then 'DONE' when e.state = 4 then 'FAILED' else 'PENDING' end as accrual,
       j.test, j.revision, j.partition, j.epoch, j.sequence
from participation j join promotion p on p.partition = j.partition join identity u on u.no = j.user_no left join effect e on e.id = j.effect;

create view v_audit as
select a.seq, a.at, a.actor, a.action,
       case when a.subject_user is null then a.subject else coalesce(u.id, a.subject_user::text) end as subject,
       a.before, a.after, a.reason, a.chain
from audit a left join identity u on u.ref = a.subject_user;

create view v_refusal as
select r.no, u.id as user_id, r.user_ref, r.promotion_id as promotion, r.code, r.detail, r.at
from refusal r left join identity u on u.ref = r.user_ref;

create view v_ticket as
select t.seq, p.id as promotion, u.id as user_id, u.ref as user_ref, case when t.tickets < 0 then 'REVOCATION' else 'GRANT' end as type,
       (array['VISIT', 'INVITE_SENT', 'INVITE_OPENED', 'ADJUSTMENT'])[t.cause + 1] as cause, t.tickets, t.at, o.id as other_user, t.reason
from ticket t join promotion p on p.partition = t.partition join identity u on u.no = t.user_no left join identity o on o.no = t.other
union all
select d.seq, p.id, u.id, u.ref, 'DRAW', null, -1, d.at, null, null
from draw d join promotion p on p.partition = d.partition join identity u on u.no = d.user_no where d.segment <> 4294967295;

create view v_draw as
select d.seq, d.event_id as win_id, p.id as promotion, u.id as user_id, u.ref as user_ref,
       case when d.segment = 4294967295 then 'SECOND_CHANCE' else 'DRAW' end as type, nullif(d.segment, 4294967295) as segment, d.serial,
       d.at, p.document -> 'lottery' -> 'prizes' -> d.prize ->> 'prizeId' as prize, d.item, d.day, d.test, d.voided <> 0 as voided,
       d.partition, d.epoch, d.sequence
from draw d join promotion p on p.partition = d.partition join identity u on u.no = d.user_no;

create view v_coupon as
select c.draw as seq, d.event_id as id, p.id as promotion, u.id as user_id, u.ref as user_ref,
       p.document -> 'lottery' -> 'prizes' -> c.prize ->> 'prizeId' as prize,
       case when c.voided then 'VOIDED' when c.used_at is not null then 'USED' when c.ordinal is null then 'PENDING_CODE' else 'ISSUED' end as state,
       c.issue, c.ordinal, c.issued_at, c.used_at, c.expires_at
from coupon c join draw d on d.seq = c.draw join promotion p on p.partition = c.partition join identity u on u.no = d.user_no;

create view v_inbound_rejection as
select r.no, u.id as user_id, u.ref as user_ref, r.id, r.dropped, r.reason, r.at
from inbound_rejection r join identity u on u.no = r.user_no;

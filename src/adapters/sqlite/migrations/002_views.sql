-- The same rows for people: times as text in UTC, ids as UUIDs, states as words.

create view v_promotion as
select id, title, status, revision, join_count, left_join_count, spent,
       strftime('%Y-%m-%dT%H:%M:%S', created / 1000, 'unixepoch') || printf('.%03dZ', created % 1000) as created,
       strftime('%Y-%m-%dT%H:%M:%S', modified / 1000, 'unixepoch') || printf('.%03dZ', modified % 1000) as modified,
       strftime('%Y-%m-%dT%H:%M:%S', synced_at / 1000, 'unixepoch') || printf('.%03dZ', synced_at % 1000) as synced_at,
       partition, definition
from promotion;

create view v_effect as
select e.no,
       lower(substr(hex(e.id), 1, 8) || '-' || substr(hex(e.id), 9, 4) || '-' || substr(hex(e.id), 13, 4) || '-' ||
             substr(hex(e.id), 17, 4) || '-' || substr(hex(e.id), 21)) as id,
       case e.state when 0 then 'PENDING' when 1 then 'SENDING' when 2 then 'UNKNOWN' when 3 then 'DONE' else 'DEAD' end as state,
       p.id as promotion, u.id as user, lower(hex(u.ref)) as user_ref, e.amount,
       strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at / 1000, 'unixepoch') || printf('.%03dZ', e.occurred_at % 1000) as occurred_at,
       case when e.state in (0, 2) and e.next_try > 0 then
         strftime('%Y-%m-%dT%H:%M:%S', e.next_try / 1000, 'unixepoch') || printf('.%03dZ', e.next_try % 1000) end as next_try,
       coalesce(a.tries, 0) as tries, coalesce(a.last_error, '') as last_error, e.dead_letter, e.ordinal
from effect e join promotion p on p.partition = e.partition join user u on u.no = e.user left join attempt a on a.effect = e.no;

create view v_participation as
select j.ordinal,
       lower(substr(hex(j.event_id), 1, 8) || '-' || substr(hex(j.event_id), 9, 4) || '-' || substr(hex(j.event_id), 13, 4) || '-' ||
             substr(hex(j.event_id), 17, 4) || '-' || substr(hex(j.event_id), 21)) as id,
       p.id as promotion, u.id as user, lower(hex(u.ref)) as user_ref, date(j.day * 86400, 'unixepoch') as day, j.amount,
       strftime('%Y-%m-%dT%H:%M:%S', j.at / 1000, 'unixepoch') || printf('.%03dZ', j.at % 1000) as at,
       case when j.effect is null or e.state = 3 then 'DONE' when e.state = 4 then 'FAILED' else 'PENDING' end as accrual,
       j.test, j.revision, j.partition, j.epoch, j.sequence
from participation j join promotion p on p.partition = j.partition join user u on u.no = j.user left join effect e on e.no = j.effect;

create view v_audit as
select a.seq, strftime('%Y-%m-%dT%H:%M:%S', a.at / 1000, 'unixepoch') || printf('.%03dZ', a.at % 1000) as at, a.actor, a.action,
       case when a.subject_user is null then a.subject else coalesce(u.id, lower(hex(a.subject_user))) end as subject,
       a.before, a.after, a.reason, a.chain
from audit a left join user u on u.ref = a.subject_user;

create view v_refusal as
select r.no, u.id as user, lower(hex(r.user)) as user_ref, r.promotion_id as promotion, r.code, r.detail,
       strftime('%Y-%m-%dT%H:%M:%S', r.at / 1000, 'unixepoch') || printf('.%03dZ', r.at % 1000) as at
from refusal r left join user u on u.ref = r.user;

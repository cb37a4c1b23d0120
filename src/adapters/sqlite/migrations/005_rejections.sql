-- Which promotion an event was about that came in and granted nothing; 0 = none that is known.
alter table inbound_rejection add column partition integer not null default 0;
create index inbound_rejection_by_user on inbound_rejection (user);

-- Refusals and rejections of before that moment may be gone: they are kept for a limited time.
alter table progress add column dropped_before integer not null default 0;

drop view v_inbound_rejection;
create view v_inbound_rejection as
select r.no, p.id as promotion, u.id as user, lower(hex(u.ref)) as user_ref, lower(hex(r.id)) as id, r.dropped, r.reason,
       strftime('%Y-%m-%dT%H:%M:%S', r.at / 1000, 'unixepoch') || printf('.%03dZ', r.at % 1000) as at
from inbound_rejection r join user u on u.no = r.user left join promotion p on p.partition = r.partition;

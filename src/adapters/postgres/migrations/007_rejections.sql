-- Which promotion an event was about that came in and granted nothing; 0 = none that is known.
alter table inbound_rejection add column partition integer not null default 0;

create or replace view v_inbound_rejection as
select r.no, u.id as user_id, u.ref as user_ref, r.id, r.dropped, r.reason, r.at, p.id as promotion_id
from inbound_rejection r join identity u on u.no = r.user_no left join promotion p on p.partition = r.partition;

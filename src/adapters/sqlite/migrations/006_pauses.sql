-- Segments in which the lottery was paused, whether or not they were open by then: a pause may reach over the border into one that
-- is opened later.
create table segment_pause (
  partition integer not null,
  segment integer not null,
  primary key (partition, segment)
) strict, without rowid;

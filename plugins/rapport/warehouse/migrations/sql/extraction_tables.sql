-- What extraction remembers from batch to batch, and what people have decided about it.

create table ctl.watermark (
  batch_seq bigint not null references ctl.batch,
  source text not null references ctl.source,
  table_name text not null,
  low timestamptz,
  is_full boolean not null,
  is_compared boolean not null,
  table_hash text not null,
  recorded_at timestamptz not null default clock_timestamp(),
  reset_at timestamptz,
  reset_by text,
  reset_reason text,
  primary key (batch_seq, table_name)
);
create index watermark_table on ctl.watermark (source, table_name, batch_seq);
comment on table ctl.watermark is
  'Per batch and incremental table: where the next read begins, and whether all rows or all keys were read.';
comment on column ctl.watermark.low is
  'Every change committed later carries this time or a later one; NULL: unknown, the next read is a full one.';

-- Rows of an undone batch do not count: its watermark is set back with it.
create view ctl.current_watermark as
select distinct on (w.source, w.table_name)
  w.source, w.table_name, w.batch_seq, w.low, w.table_hash, w.recorded_at,
  max(w.recorded_at) filter (where w.is_full) over whole as full_read_at,
  max(w.recorded_at) filter (where w.is_compared) over whole as compared_at
from ctl.watermark as w
join ctl.batch as b on b.batch_seq = w.batch_seq and b.status <> 'rejected'
where w.reset_at is null
window whole as (partition by w.source, w.table_name)
order by w.source, w.table_name, w.batch_seq desc;
comment on view ctl.current_watermark is 'The watermarks in force.';

create table ctl.approval (
  approval_id bigint generated always as identity primary key,
  source text not null references ctl.source,
  table_name text not null,
  kind text not null check (kind in ('mass_delete', 'small_extract', 'drift')),
  reason text not null check (reason ~ '\S'),
  approved_by text not null check (approved_by ~ '\S'),
  session_role text not null default session_user,
  approved_at timestamptz not null default clock_timestamp(),
  valid_until timestamptz not null,
  check (valid_until > approved_at)
);
comment on table ctl.approval is 'Guards that a person has released once: who, why, until when.';

create table ctl.approval_use (
  approval_id bigint not null references ctl.approval,
  batch_seq bigint not null references ctl.batch,
  observed text not null,
  used_at timestamptz not null default clock_timestamp(),
  primary key (approval_id, batch_seq)
);
comment on table ctl.approval_use is
  'The batch that an approval let pass, and what it let pass; an undone batch gives it back.';

create table ctl.source_schema (
  batch_seq bigint not null references ctl.batch,
  source text not null references ctl.source,
  table_name text not null,
  columns jsonb not null,
  primary key (batch_seq, table_name)
);
create index source_schema_table on ctl.source_schema (source, table_name, batch_seq);
comment on table ctl.source_schema is
  'The columns of a source table as first seen in a batch; written when they differ from before.';

create table ctl.drift (
  drift_id bigint generated always as identity primary key,
  batch_seq bigint not null references ctl.batch,
  source text not null references ctl.source,
  table_name text not null,
  kind text not null,
  column_name text,
  message text not null,
  mode text not null,
  is_stopping boolean not null,
  seen_at timestamptz not null default clock_timestamp()
);
create index drift_batch on ctl.drift (batch_seq);
comment on table ctl.drift is 'What had changed in a source against its contract and the batch before.';

create table ctl.source_alert (
  alert_id bigint generated always as identity primary key,
  batch_seq bigint not null references ctl.batch,
  source text not null references ctl.source,
  kind text not null,
  message text not null,
  seen_at timestamptz not null default clock_timestamp()
);
comment on table ctl.source_alert is 'What an extraction noticed in a source and a person should look at.';

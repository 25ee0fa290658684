-- Watermarks, approvals, drift and quarantine: each written in the transaction it speaks of.

create function ctl.record_watermark(
  p_batch bigint, p_fence bigint, p_table text, p_low timestamptz, p_is_full boolean,
  p_is_compared boolean, p_table_hash text
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_source text := ctl.assert_open_batch(p_batch, p_fence);
begin
  -- A full read knows all, whatever clock it is told. Reading a part never moves a watermark
  -- back, and an unknown time (NULL, which greatest() passes over) leaves it where it is.
  insert into ctl.watermark (batch_seq, source, table_name, low, is_full, is_compared, table_hash)
  values (
    p_batch, v_source, p_table,
    case when p_is_full then p_low else greatest(p_low, (
      select c.low from ctl.current_watermark as c
      where c.source = v_source and c.table_name = p_table
    )) end,
    p_is_full, p_is_compared, p_table_hash
  );
end $$;

create function ctl.reset_watermark(p_source text, p_table text, p_actor text, p_reason text)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_count bigint;
begin
  update ctl.watermark
  set reset_at = clock_timestamp(), reset_by = p_actor, reset_reason = p_reason
  where source = p_source and table_name = p_table and reset_at is null;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

create function ctl.approve(
  p_source text, p_table text, p_kind text, p_actor text, p_reason text, p_until timestamptz
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint;
begin
  if not exists (
    select from ctl.source where source = p_source and p_table = any (table_names)
  ) then
    raise exception 'there is no table %.%', p_source, p_table using errcode = 'no_data_found';
  end if;
  insert into ctl.approval (source, table_name, kind, reason, approved_by, valid_until)
  values (p_source, p_table, p_kind, p_reason, p_actor, p_until)
  returning approval_id into v_id;
  perform ctl.append_ledger(jsonb_build_object(
    'decision', 'approved', 'approval', v_id, 'source', p_source, 'table', p_table,
    'guard', p_kind, 'actor', p_actor, 'session_user', session_user, 'reason', p_reason,
    'valid_until', p_until, 'at', clock_timestamp()
  ));
  return v_id;
end $$;

-- Uses an approval in force, once; NULL when there is none. A batch that is undone gives it back.
create function ctl.use_approval(
  p_batch bigint, p_fence bigint, p_table text, p_kind text, p_observed text
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_source text := ctl.assert_open_batch(p_batch, p_fence);
  v_id bigint;
begin
  select a.approval_id into v_id
  from ctl.approval as a
  where a.source = v_source and a.table_name = p_table and a.kind = p_kind
    and a.valid_until > clock_timestamp()
    and not exists (
      select from ctl.approval_use as u join ctl.batch as b on b.batch_seq = u.batch_seq
      where u.approval_id = a.approval_id and b.status <> 'rejected' and b.batch_seq <> p_batch
    )
  order by a.approval_id
  limit 1
  for update;
  if found then
    insert into ctl.approval_use (approval_id, batch_seq, observed)
    values (v_id, p_batch, p_observed) on conflict do nothing;
  end if;
  return v_id;
end $$;

create function ctl.record_drift(p_batch bigint, p_fence bigint, p_changes jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_source text := ctl.assert_open_batch(p_batch, p_fence);
begin
  insert into ctl.drift (batch_seq, source, table_name, kind, column_name, message, mode, is_stopping)
  select p_batch, v_source, c.table_name, c.kind, c.column_name, c.message, c.mode, c.is_stopping
  from jsonb_to_recordset(p_changes) as c (
    table_name text, kind text, column_name text, message text, mode text, is_stopping boolean
  );
end $$;

create function ctl.record_source_schema(
  p_batch bigint, p_fence bigint, p_table text, p_columns jsonb
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_source text := ctl.assert_open_batch(p_batch, p_fence);
begin
  insert into ctl.source_schema values (p_batch, v_source, p_table, p_columns)
  on conflict (batch_seq, table_name) do update set columns = excluded.columns;
end $$;

create function ctl.record_alert(p_batch bigint, p_fence bigint, p_kind text, p_message text)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_source text := ctl.assert_open_batch(p_batch, p_fence);
begin
  insert into ctl.source_alert (batch_seq, source, kind, message)
  values (p_batch, v_source, p_kind, p_message);
end $$;

-- Drift mode `evolve`: a nullable column more, never another change.
create function ctl.add_landing_column(
  p_batch bigint, p_fence bigint, p_table text, p_column text, p_type text
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_source text := ctl.assert_open_batch(p_batch, p_fence);
begin
  if p_column !~ '^[a-z][a-z0-9_]{0,50}$'
    or p_type !~ '^(text|date|time|timestamp|timestamptz|interval|boolean|smallint|integer|bigint|numeric\(\d{1,3},\d{1,2}\))$' then
    raise exception 'column % of type % cannot be added to landing', p_column, p_type;
  end if;
  -- Asked first: even an idle `alter table` would wait for every reader.
  if exists (
    select from pg_attribute
    where attrelid = format('landing.%I', v_source || '__' || p_table)::regclass
      and attname = p_column and not attisdropped
  ) then
    return;
  end if;
  execute format(
    'alter table landing.%I add column %I %s%s', v_source || '__' || p_table, p_column,
    p_type, case when p_type = 'text' then ' collate "C"' else '' end
  );
end $$;

-- Closes open quarantine rows of a table about which this batch knows better:
-- `superseded` (the key is refused again), `resolved` (the key came clean), `gone` (a whole read
-- lacks it), `replayed`. Each remembers the batch, so that undoing it opens them again.
create function ctl.settle_quarantine(
  p_batch bigint, p_fence bigint, p_table text, p_status text, p_ids bigint []
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_source text := ctl.assert_open_batch(p_batch, p_fence);
  v_count bigint;
begin
  if p_status not in ('superseded', 'resolved', 'gone', 'replayed') then
    raise exception 'unknown status %', p_status;
  end if;
  execute format(
    'update quarantine.%I set status = $1, settled_by_batch = $2'
    ' where quarantine_id = any ($3) and status = ''open'' and batch_seq < $2',
    v_source || '__' || p_table
  ) using p_status, p_batch, p_ids;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- Batches: one undecided batch per source, fenced; undone as a whole when it is not accepted.

create function ctl.undo_batch(p_batch bigint, p_reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_table text;
  v_batch ctl.batch;
begin
  select * into strict v_batch from ctl.batch where batch_seq = p_batch for update;
  if v_batch.status not in ('open', 'complete') then
    raise exception 'batch % is % and cannot be undone', p_batch, v_batch.status;
  end if;
  -- From what is really there, not from the contract of today: a table may have been removed since.
  for v_table in
    select tablename from pg_tables
    where schemaname = 'landing' and tablename like replace(v_batch.source, '_', '\_') || '\_\_%'
  loop
    execute format('delete from landing.%I where _from_batch = $1', v_table) using p_batch;
    execute format(
      'update landing.%I set _to_batch = 9223372036854775807, _closed_at = null where _to_batch = $1',
      v_table
    ) using p_batch;
    execute format(
      'update quarantine.%I set status = ''batch_rejected'' where batch_seq = $1', v_table
    ) using p_batch;
    execute format(
      'update quarantine.%I set status = ''open'', settled_by_batch = null'
      ' where settled_by_batch = $1', v_table
    ) using p_batch;
  end loop;
  update ctl.batch set status = 'rejected', decided_at = clock_timestamp(), reason = p_reason
  where batch_seq = p_batch;
end $$;

create function ctl.open_batch(
  p_source text, p_run_key text, p_tree_hash text, p_contract_hash text,
  out batch_seq bigint, out fence bigint
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_lease ctl.lease;
  v_old ctl.batch;
  v_holder_lives boolean;
begin
  insert into ctl.lease (source) values (p_source) on conflict do nothing;
  select b.* into v_old from ctl.batch as b
  where b.source = p_source and b.run_key = p_run_key and (
    b.status = 'accepted'
    -- A batch that failed its gate is read anew: the source may have been mended since.
    or b.status = 'complete' and not exists (
      select from ctl.validation as v where v.batch_seq = b.batch_seq and not v.is_passed
    )
  )
  order by b.batch_seq desc limit 1;
  if found then
    batch_seq := v_old.batch_seq;
    fence := null;
    return;
  end if;

  select * into v_lease from ctl.lease where source = p_source;
  v_holder_lives := exists (
    select from pg_stat_activity as a
    where a.pid = v_lease.backend_pid and a.backend_start = v_lease.backend_start
      and a.pid <> pg_backend_pid()
  ) and exists (
    select from ctl.batch as b where b.batch_seq = v_lease.batch_seq and b.status = 'open'
  );
  if v_holder_lives and v_lease.run_key <> p_run_key
    and v_lease.taken_at > clock_timestamp() - interval '2 hours' then
    raise exception 'source % is being read by run % since %',
      p_source, v_lease.run_key, date_trunc('second', v_lease.taken_at)
      using errcode = 'object_in_use',
      hint = 'Wait for that run, or stop it; a lease older than two hours is taken over.';
  end if;
  -- A retry ends its predecessor first: a stopped process must neither block nor land later.
  if v_holder_lives then
    perform pg_terminate_backend(v_lease.backend_pid, 10000);
  end if;

  select * into v_lease from ctl.lease where source = p_source for update;
  for v_old in
    select b.* from ctl.batch as b where b.source = p_source and b.status in ('open', 'complete')
  loop
    perform ctl.undo_batch(v_old.batch_seq, 'not decided when run ' || p_run_key || ' began');
  end loop;
  fence := v_lease.fence + 1;
  insert into ctl.batch (source, fence, run_key, tree_hash, contract_hash)
  values (p_source, fence, p_run_key, p_tree_hash, p_contract_hash)
  returning batch.batch_seq into batch_seq;
  update ctl.lease
  set
    fence = open_batch.fence, batch_seq = open_batch.batch_seq, run_key = p_run_key,
    backend_pid = pg_backend_pid(), taken_at = clock_timestamp(),
    backend_start = (select a.backend_start from pg_stat_activity as a where a.pid = pg_backend_pid())
  where source = p_source;
end $$;

create function ctl.assert_lease(p_source text, p_fence bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from ctl.lease where source = p_source and fence = p_fence for share;
  if not found then
    raise exception 'the lease on source % with fence % has passed to a later run', p_source, p_fence
      using errcode = 'object_not_in_prerequisite_state';
  end if;
end $$;

create function ctl.assert_open_batch(p_batch bigint, p_fence bigint) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_batch ctl.batch;
begin
  select * into strict v_batch from ctl.batch where batch_seq = p_batch for share;
  perform ctl.assert_lease(v_batch.source, p_fence);
  if v_batch.status <> 'open' or v_batch.fence is distinct from p_fence then
    raise exception 'batch % is % and takes no more rows', p_batch, v_batch.status
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  return v_batch.source;
end $$;

create function ctl.set_snapshot(p_batch bigint, p_fence bigint, p_snapshot jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform ctl.assert_open_batch(p_batch, p_fence);
  update ctl.batch set snapshot = p_snapshot where batch_seq = p_batch;
end $$;

create function ctl.record_table(p_batch bigint, p_fence bigint, p_table text, p_counts jsonb)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform ctl.assert_open_batch(p_batch, p_fence);
  insert into ctl.batch_table values (
    p_batch, p_table, (p_counts ->> 'read')::bigint, (p_counts ->> 'landed')::bigint,
    (p_counts ->> 'unchanged')::bigint, (p_counts ->> 'quarantined')::bigint,
    (p_counts ->> 'deduplicated')::bigint, (p_counts ->> 'superseded')::bigint,
    (p_counts ->> 'tombstoned')::bigint, coalesce(p_counts -> 'money', '{}')
  );
end $$;

create function ctl.record_file(
  p_batch bigint, p_fence bigint, p_table text, p_path text, p_sha256 text, p_bytes bigint,
  p_rows bigint
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform ctl.assert_open_batch(p_batch, p_fence);
  insert into ctl.input_file values (p_batch, p_table, p_path, p_sha256, p_bytes, p_rows);
end $$;

create function ctl.complete_batch(p_batch bigint, p_fence bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_source text := ctl.assert_open_batch(p_batch, p_fence);
  v_missing text;
begin
  select string_agg(t.name, ', ' order by t.name) into v_missing
  from (select unnest(table_names) as name from ctl.source where source = v_source) as t
  where not exists (
    select from ctl.batch_table as b where b.batch_seq = p_batch and b.table_name = t.name
  );
  if v_missing is not null then
    raise exception 'batch % of % lacks tables: %', p_batch, v_source, v_missing;
  end if;
  update ctl.batch set status = 'complete', completed_at = clock_timestamp()
  where batch_seq = p_batch;
end $$;

-- Reasons for which a batch may not be accepted; empty when it may.
create function ctl.batch_objections(p_batch bigint) returns text []
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_batch ctl.batch;
  v_row record;
  v_count bigint;
  v_reasons text [] := '{}';
begin
  select * into strict v_batch from ctl.batch where batch_seq = p_batch;
  for v_row in
    select r.object, r.suite from ctl.required_suite as r
    where r.tree_hash = v_batch.tree_hash and r.stage = 'landing'
      and (r.object = v_batch.source or starts_with(r.object, v_batch.source || '__'))
      and not exists (
        select from ctl.validation as v
        where v.batch_seq = p_batch and v.object = r.object and v.suite = r.suite
          and v.suite_hash = r.suite_hash and v.run_count = r.expectation_count
          and (v.is_passed or ctl.is_waived(v.validation_id))
          and (v.rows_evaluated > 0 or r.allow_empty)
          and v.validation_id = (
            select max(l.validation_id) from ctl.validation as l
            where l.batch_seq = p_batch and l.object = r.object and l.suite = r.suite
          )
      )
    order by 1, 2
  loop
    v_reasons := v_reasons || format('no passing evidence of suite %s for landing.%s', v_row.suite, v_row.object);
  end loop;
  for v_row in
    select f.object, f.rule from ctl.failure as f
    join ctl.code_version as c on c.tree_hash = v_batch.tree_hash and c.warnings_need_override
    where f.batch_seq = p_batch and f.severity = 'warning' and f.override_id is null
    order by 1, 2
  loop
    v_reasons := v_reasons || format('warning %s of landing.%s has no override', v_row.rule, v_row.object);
  end loop;
  for v_row in select * from ctl.batch_table where batch_seq = p_batch order by table_name loop
    execute format(
      'select count(*) from landing.%I where _from_batch = $1 and not _is_deleted',
      v_batch.source || '__' || v_row.table_name
    ) into v_count using p_batch;
    if v_count <> v_row.rows_landed then
      v_reasons := v_reasons || format(
        'landing.%s__%s holds %s rows of this batch, %s were recorded',
        v_batch.source, v_row.table_name, v_count, v_row.rows_landed
      );
    end if;
  end loop;
  return v_reasons;
end $$;

create function ctl.accept_batch(p_batch bigint) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_batch ctl.batch;
  v_reasons text [];
begin
  select * into strict v_batch from ctl.batch where batch_seq = p_batch for update;
  if v_batch.status = 'accepted' then
    return jsonb_build_object('decision', 'accepted', 'reasons', '[]'::jsonb);
  elsif v_batch.status <> 'complete' then
    return jsonb_build_object(
      'decision', 'refused', 'reasons', jsonb_build_array('batch is ' || v_batch.status)
    );
  end if;
  v_reasons := ctl.batch_objections(p_batch);
  if v_reasons = '{}' then
    perform ctl.apply_overrides(p_batch, null);
    update ctl.batch set status = 'accepted', decided_at = clock_timestamp()
    where batch_seq = p_batch;
  end if;
  return jsonb_build_object(
    'decision', case when v_reasons = '{}' then 'accepted' else 'refused' end,
    'reasons', to_jsonb(v_reasons)
  );
end $$;

create function ctl.reject_batch(p_batch bigint, p_reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform ctl.undo_batch(p_batch, p_reason);
end $$;

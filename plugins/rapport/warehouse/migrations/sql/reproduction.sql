-- Reproduction: build a release again from its frozen inputs and compare, without publishing it.

create function ctl.open_reproduction(p_original bigint, p_run_key text, p_tree_hash text)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_original ctl.release;
  v_release bigint;
begin
  select * into v_original from ctl.release where release_id = p_original;
  if not found or not exists (select from ctl.store_mart where release_id = p_original) then
    raise exception 'release % was never stored, so there is nothing to compare with', p_original
      using errcode = 'invalid_parameter_value', hint = 'See `rapport releases`.';
  end if;
  if exists (
    select from ctl.release
    where release_id = v_original.previous_release_id and status = 'pruned'
  ) then
    raise exception 'release % read release %, which retention has removed', p_original,
      v_original.previous_release_id
      using errcode = 'invalid_parameter_value',
      hint = 'Restore a backup of that time (docs/runbooks/backup_and_restore.md).';
  end if;
  select release_id into v_release from ctl.release where run_key = p_run_key;
  if found then
    return v_release;
  end if;
  insert into ctl.release (
    as_of_date, known_at, run_key, tree_hash, status, parameters, previous_release_id, frozen_at,
    reproduces_release_id
  )
  values (
    v_original.as_of_date, v_original.known_at, p_run_key, p_tree_hash, 'frozen',
    v_original.parameters, v_original.previous_release_id, clock_timestamp(), p_original
  )
  returning release_id into v_release;
  insert into ctl.release_input
  select v_release, source, batch_seq, batch_completed_at, staleness_hours, max_staleness_hours,
    is_required, coverage, as_of_batch
  from ctl.release_input where release_id = p_original;
  perform ctl.lend_slot(v_release);
  return v_release;
end $$;

-- Compare the sealed tables with what the original stored, mart by mart; free the slot; keep the
-- answer in the ledger.
create function ctl.conclude_reproduction(p_release bigint) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' as $$
declare
  v_release ctl.release;
  v_slot text := ctl.slot_of(p_release);
  v_mart record;
  v_now record;
  v_marts jsonb := '[]';
  v_identical boolean := true;
begin
  perform from ctl.head for update;
  select * into strict v_release from ctl.release where release_id = p_release for update;
  if v_release.reproduces_release_id is null or v_release.status <> 'sealed' then
    raise exception 'release % is not a finished reproduction (it is %)', p_release, v_release.status;
  end if;
  for v_mart in
    select s.mart, s.row_count, s.content_hash, m.column_names
    from ctl.store_mart as s
    join ctl.release as o on o.release_id = s.release_id
    join ctl.registered_mart as m on m.tree_hash = o.tree_hash and m.mart = s.mart
    where s.release_id = v_release.reproduces_release_id order by s.mart
  loop
    if exists (
      select from unnest(v_mart.column_names) as c
      where not exists (
        select from pg_attribute as a
        where a.attrelid = to_regclass(format('%I.%I', v_slot, v_mart.mart))
          and a.attname = c and not a.attisdropped
      )
    ) then
      v_now := row(null::bigint, null::text);
    else
      v_now := ctl.content_hash(v_slot, v_mart.mart, v_mart.column_names, null);
    end if;
    v_identical := v_identical and v_now.content_hash is not distinct from v_mart.content_hash;
    v_marts := v_marts || jsonb_build_object(
      'mart', v_mart.mart, 'rows', v_mart.row_count, 'sha256', v_mart.content_hash,
      'rows_now', v_now.row_count, 'sha256_now', v_now.content_hash,
      'is_identical', v_now.content_hash is not distinct from v_mart.content_hash
    );
  end loop;
  update ctl.release
  set status = 'reproduced', decided_at = clock_timestamp(),
    reason = case when v_identical then 'identical to' else 'differs from' end
      || ' release ' || v_release.reproduces_release_id
  where release_id = p_release;
  update ctl.slot set release_id = null where release_id = p_release;
  perform ctl.append_ledger(jsonb_build_object(
    'decision', 'reproduced', 'release', v_release.reproduces_release_id,
    'reproduction', p_release, 'tree_hash', v_release.tree_hash, 'identical', v_identical,
    'marts', v_marts, 'session_user', session_user, 'at', clock_timestamp()
  ));
  return jsonb_build_object('identical', v_identical, 'marts', v_marts);
end $$;

-- How many rows of a landed table, by the batch that brought them, a release sees: counts only, of
-- the rows that carry the first of the given columns with its value, where the table has one.
create function ctl.trace_batches(
  p_release bigint, p_source text, p_table text, p_columns text [], p_values text []
)
returns table (batch_seq bigint, row_count bigint, narrowed_by text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_ceiling bigint := (
    select i.batch_seq from ctl.release_input as i
    where i.release_id = p_release and i.source = p_source
  );
  v_column text;
  v_value text;
begin
  if to_regclass(format('landing.%I', p_source || '__' || p_table)) is null then
    return;
  end if;
  select u.c, u.v into v_column, v_value
  from unnest(p_columns, p_values) with ordinality as u (c, v, o)
  where exists (
    select from pg_attribute as a
    where a.attrelid = to_regclass(format('landing.%I', p_source || '__' || p_table))
      and a.attname = u.c and a.attnum > 0 and not a.attisdropped
  )
  order by u.o limit 1;
  return query execute format(
    'select t._from_batch, count(*), $3 from landing.%I as t
     where t._from_batch <= $1 and t._to_batch > $1 and not t._is_deleted%s group by 1 order by 1',
    p_source || '__' || p_table,
    case when v_column is not null then format(' and t.%I::text = $2', v_column) else '' end
  ) using v_ceiling, v_value, v_column;
end $$;

-- A release from its opening to the sealed candidate.

-- Lend a build slot: free ones first, then those of releases that ended, the oldest of each.
create function ctl.lend_slot(p_release bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_slot text;
begin
  select s.slot into v_slot
  from ctl.slot as s left join ctl.release as r on r.release_id = s.release_id
  where s.release_id is null
    or r.status in ('published', 'refused', 'failed', 'abandoned', 'pruned', 'reproduced')
  order by s.release_id is not null, s.leased_at nulls first, s.slot
  limit 1 for update of s skip locked;
  if not found then
    raise exception 'every build slot is lent to an unfinished release'
      using errcode = 'object_in_use',
      hint = 'See `rapport releases`; end one with `rapport abandon RELEASE`, or raise RAPPORT_SLOTS and deploy.';
  end if;
  update ctl.slot set release_id = p_release, leased_at = clock_timestamp() where slot = v_slot;
end $$;

create function ctl.open_release(
  p_as_of date, p_run_key text, p_tree_hash text, p_known_at timestamptz, p_parameters jsonb
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_release ctl.release;
begin
  select * into v_release from ctl.release where run_key = p_run_key for update;
  if found and v_release.as_of_date <> p_as_of then
    raise exception 'run % is a release of %, not of %', p_run_key, v_release.as_of_date, p_as_of;
  end if;
  if found and exists (select from ctl.slot where release_id = v_release.release_id) then
    if v_release.status = 'failed' then
      delete from ctl.release_input where release_id = v_release.release_id;
    end if;
    update ctl.release set status = 'open', reason = null, tree_hash = p_tree_hash
    where release_id = v_release.release_id and status = 'failed';
    return v_release.release_id;
  end if;
  if found and v_release.status not in ('open', 'failed') then
    return v_release.release_id;
  end if;

  if v_release.release_id is null then
    insert into ctl.release (as_of_date, known_at, run_key, tree_hash, parameters)
    values (p_as_of, p_known_at, p_run_key, p_tree_hash, p_parameters)
    returning * into v_release;
  else
    update ctl.release set status = 'open', reason = null, tree_hash = p_tree_hash
    where release_id = v_release.release_id;
    delete from ctl.release_input where release_id = v_release.release_id;
  end if;
  perform ctl.lend_slot(v_release.release_id);
  return v_release.release_id;
end $$;

-- The slot of a release; raises when it has been lent to another meanwhile.
create function ctl.slot_of(p_release bigint) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_slot text;
begin
  select slot into v_slot from ctl.slot where release_id = p_release;
  if v_slot is null then
    raise exception 'release % has no build slot any more', p_release
      using hint = 'Start the run again from its first task.';
  end if;
  return v_slot;
end $$;

create function ctl.freeze_inputs(p_release bigint, p_sources text []) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_release ctl.release;
  v_missing text;
begin
  select * into strict v_release from ctl.release where release_id = p_release for update;
  if v_release.status <> 'open' then
    return;  -- frozen once; a retry reads what was frozen
  end if;
  insert into ctl.release_input (
    release_id, source, batch_seq, batch_completed_at, staleness_hours, max_staleness_hours,
    is_required, coverage, as_of_batch
  )
  select
    p_release, s.source, coalesce(b.batch_seq, 0), b.completed_at,
    extract(epoch from coalesce(v_release.known_at, v_release.opened_at) - b.completed_at) / 3600,
    s.max_staleness_hours, s.is_required, coalesce((
      select jsonb_object_agg(c.entity, case
        when b.batch_seq is null then 'none' else c.extent
      end)
      from jsonb_each_text(s.coverage) as c (entity, extent)
    ), '{}'),
    coalesce((
      select max(a.batch_seq) from ctl.batch as a
      where a.source = s.source and a.status = 'accepted' and a.batch_seq <= b.batch_seq
        and a.completed_at < (v_release.as_of_date + 1)::timestamp
        at time zone coalesce(v_release.parameters ->> 'business_time_zone', 'UTC')
    ), 0)
  from ctl.source as s
  left join lateral (
    select n.batch_seq, (
      -- A replay of quarantined rows reads nothing: the source stays as old as its last read.
      select max(r.completed_at) from ctl.batch as r
      where r.source = s.source and r.status = 'accepted' and r.batch_seq <= n.batch_seq
        and r.snapshot ->> 'connector' is distinct from 'quarantine'
    ) as completed_at
    from ctl.batch as n
    where n.source = s.source and n.status = 'accepted'
      and (v_release.known_at is null or n.completed_at <= v_release.known_at)
    order by n.batch_seq desc limit 1
  ) as b on true
  where s.source = any(p_sources);
  select string_agg(source, ', ' order by source) into v_missing
  from ctl.release_input where release_id = p_release and batch_seq = 0 and is_required;
  if v_missing is not null then
    raise exception 'no accepted batch of required source(s): %', v_missing
      using hint = 'Run without --known-at, or extract these sources first.';
  end if;
  if not exists (select from ctl.release_input where release_id = p_release and batch_seq > 0) then
    raise exception 'no source has an accepted batch; there is nothing to build'
      using hint = 'Check the enabled sources with `rapport doctor`.';
  end if;
  update ctl.release
  set
    status = 'frozen', frozen_at = clock_timestamp(),
    previous_release_id = (
      select release_id from ctl.pointer
      where as_of_date = date_trunc('month', v_release.as_of_date)::date - 1
        and to_edition = 9223372036854775807
    )
  where release_id = p_release;
end $$;

-- Make the slot ready for a build: emptied for 'staging'; for 'marts' only what the transformer made.
create function ctl.prepare_build(p_release bigint, p_stage text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_slot text := ctl.slot_of(p_release);
  v_status text;
  v_relation record;
begin
  select status into strict v_status from ctl.release where release_id = p_release for update;
  if p_stage = 'staging' and v_status not in ('frozen', 'staging_sealed', 'sealed', 'staged')
    or p_stage = 'marts' and v_status not in ('staging_sealed', 'sealed', 'staged') then
    raise exception 'release % is %, so % cannot be built', p_release, v_status, p_stage
      using hint = 'Its inputs are not frozen: clear the run from open_release on, with all that follows.';
  end if;
  for v_relation in
    select c.relname, c.relkind, pg_get_userbyid(c.relowner) as owner from pg_class as c
    where c.relnamespace = v_slot::regnamespace and c.relkind in ('r', 'v', 'm')
  loop
    if p_stage = 'staging' or not exists (
      select from ctl.sealed_relation
      where release_id = p_release and relation = v_relation.relname and stage = 'staging'
    ) then
      execute format(
        'drop %s if exists %I.%I cascade',
        case v_relation.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
        v_slot, v_relation.relname
      );
    end if;
  end loop;
  delete from ctl.sealed_relation
  where release_id = p_release and (p_stage = 'staging' or stage = 'marts');
  execute format('grant usage, create on schema %I to rapport_transformer', v_slot);
  update ctl.release
  set status = case p_stage when 'staging' then 'frozen' else 'staging_sealed' end
  where release_id = p_release;
  return v_slot;
end $$;

-- The owner takes the tables: the role that built them can read, not change them any more.
create function ctl.seal_relations(p_release bigint, p_stage text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_slot text := ctl.slot_of(p_release);
  v_relation record;
begin
  for v_relation in
    select c.relname, c.relkind from pg_class as c
    where c.relnamespace = v_slot::regnamespace and c.relkind in ('r', 'v', 'm')
      and pg_get_userbyid(c.relowner) <> 'rapport_owner'
    order by c.relname
  loop
    execute format('alter table %I.%I owner to rapport_owner', v_slot, v_relation.relname);
    execute format(
      'revoke all on %I.%I from rapport_transformer', v_slot, v_relation.relname
    );
    execute format(
      'grant select on %I.%I to rapport_transformer, rapport_validator, auditor',
      v_slot, v_relation.relname
    );
    insert into ctl.sealed_relation values (p_release, v_relation.relname, p_stage)
    on conflict do nothing;
  end loop;
end $$;

create function ctl.seal_staging(p_release bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform ctl.seal_relations(p_release, 'staging');
  update ctl.release set status = 'staging_sealed'
  where release_id = p_release and status = 'frozen';
end $$;

create function ctl.seal_release(p_release bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_slot text := ctl.slot_of(p_release);
begin
  perform ctl.seal_relations(p_release, 'marts');
  execute format('revoke usage, create on schema %I from rapport_transformer', v_slot);
  update ctl.release set status = 'sealed', sealed_at = clock_timestamp()
  where release_id = p_release and status = 'staging_sealed';
end $$;

create function ctl.fail_release(p_release bigint, p_reason text, p_status text default 'failed')
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if p_status not in ('failed', 'abandoned') then
    raise exception 'a release ends as failed or abandoned, not %', p_status;
  end if;
  update ctl.release set status = p_status, reason = p_reason, decided_at = clock_timestamp()
  where release_id = p_release and status not in ('published', 'refused', 'pruned', 'reproduced');
end $$;

-- SHA-256 over the sorted SHA-256 digests of the rows' canonical text: independent of row order,
-- of the plan and of the time zone of the session.
create function ctl.content_hash(
  p_schema text, p_table text, p_columns text [], p_release bigint,
  out row_count bigint, out content_hash text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
set intervalstyle = 'iso_8601' set extra_float_digits = 1 set bytea_output = 'hex' as $$
begin
  execute format(
    'select count(*), encode(sha256(coalesce(string_agg(d, ''''::bytea order by d), ''''::bytea)), ''hex'')
     from (select sha256(convert_to(row(%s)::text, ''UTF8'')) as d from %I.%I as t %s) as digests',
    (select string_agg(format('t.%I', c), ', ' order by o) from unnest(p_columns) with ordinality as u (c, o)),
    p_schema, p_table, case when p_release is null then '' else 'where t.release_id = $1' end
  ) into row_count, content_hash using p_release;
end $$;

create function ctl.record_validation(p jsonb) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint;
  v_release bigint := (p ->> 'release_id')::bigint;
  v_hash text;
  v_rows bigint := (p ->> 'rows_evaluated')::bigint;
begin
  if p ->> 'stage' = 'marts' then
    if (select status from ctl.release where release_id = v_release) is distinct from 'sealed' then
      raise exception 'release % is not sealed; evidence of an open candidate does not count', v_release;
    end if;
    select h.row_count, h.content_hash into v_rows, v_hash
    from ctl.release as r
    join ctl.registered_mart as m on m.tree_hash = r.tree_hash and m.mart = p ->> 'object'
    cross join lateral ctl.content_hash(ctl.slot_of(v_release), m.mart, m.column_names, null) as h
    where r.release_id = v_release;
  end if;
  insert into ctl.validation (
    stage, suite, object, suite_hash, batch_seq, release_id, content_hash, rows_evaluated,
    run_count, is_passed
  )
  select
    p ->> 'stage', p ->> 'suite', p ->> 'object', p ->> 'suite_hash',
    (p ->> 'batch_seq')::bigint, v_release, v_hash, coalesce(v_rows, 0), count(*),
    count(*) > 0 and bool_and((r ->> 'is_passed')::boolean or r ->> 'severity' = 'warning')
  from jsonb_array_elements(p -> 'results') as r
  returning validation_id into v_id;
  insert into ctl.validation_result
  select
    v_id, o, r ->> 'expectation_type', r ->> 'column_name', coalesce(r -> 'kwargs', '{}'),
    r ->> 'severity', (r ->> 'is_passed')::boolean, r ->> 'observed',
    (r ->> 'unexpected_count')::bigint, r ->> 'reason', r ->> 'detail_query'
  from jsonb_array_elements(p -> 'results') with ordinality as e (r, o);
  insert into ctl.failed_row
  select v_id, o, k
  from jsonb_array_elements(p -> 'results') with ordinality as e (r, o)
  cross join lateral jsonb_array_elements(coalesce(r -> 'failed_keys', '[]')) as k;
  return v_id;
end $$;

-- Publishing: the database itself decides, from evidence, whether readers may see a release.

-- Copy the sealed candidate into the store and hash what was stored.
create function ctl.stage(p_release bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_release ctl.release;
  v_slot text := ctl.slot_of(p_release);
  v_mart ctl.registered_mart;
  v_columns text;
  v_hash record;
begin
  perform pg_advisory_xact_lock(hashtext('rapport release'), p_release::integer);
  select * into strict v_release from ctl.release where release_id = p_release for update;
  if v_release.status not in ('sealed', 'staged') then
    raise exception 'release % is %, only a sealed one can be stored', p_release, v_release.status;
  elsif v_release.reproduces_release_id is not null then
    raise exception 'release % reproduces another and is never stored', p_release;
  end if;
  delete from ctl.store_mart where release_id = p_release;
  for v_mart in
    select * from ctl.registered_mart where tree_hash = v_release.tree_hash order by mart
  loop
    select string_agg(format('%I', c), ', ' order by o) into v_columns
    from unnest(v_mart.column_names) with ordinality as u (c, o);
    execute format('delete from store.%I where release_id = $1', v_mart.mart) using p_release;
    execute format(
      'insert into store.%1$I (release_id, %2$s) select $1, %2$s from %3$I.%1$I',
      v_mart.mart, v_columns, v_slot
    ) using p_release;
    v_hash := ctl.content_hash('store', v_mart.mart, v_mart.column_names, p_release);
    insert into ctl.store_mart (release_id, mart, row_count, content_hash)
    values (p_release, v_mart.mart, v_hash.row_count, v_hash.content_hash);
  end loop;
  perform ctl.record_controls(p_release);
  update ctl.release set status = 'staged', staged_at = clock_timestamp()
  where release_id = p_release;
end $$;

-- Reasons for which a release may not be published; empty when it may.
create function ctl.release_objections(p_release bigint) returns text []
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_release ctl.release;
  v_reasons text [];
begin
  select * into strict v_release from ctl.release where release_id = p_release;
  select array_agg(reason order by reason) into v_reasons from (
    select format('release is %s, not staged', v_release.status) as reason
    where v_release.status not in ('staged', 'published')
    union all
    select 'release is a reproduction' where v_release.reproduces_release_id is not null
    union all
    select 'no suite is registered for this code version'
    where not exists (
      select from ctl.required_suite where tree_hash = v_release.tree_hash and stage = 'marts'
    )
    union all
    select format('warning %s of %s %s has no override', f.rule, f.stage, f.object)
    from ctl.failure as f
    join ctl.code_version as c on c.tree_hash = v_release.tree_hash and c.warnings_need_override
    where f.release_id = p_release and f.severity = 'warning' and f.override_id is null
    union all
    select format('input batch %s of %s is %s', i.batch_seq, i.source, coalesce(b.status, 'missing'))
    from ctl.release_input as i left join ctl.batch as b on b.batch_seq = i.batch_seq
    where i.release_id = p_release and i.batch_seq > 0 and b.status is distinct from 'accepted'
    union all
    select format('mart %s is registered but not stored', m.mart)
    from ctl.registered_mart as m
    where m.tree_hash = v_release.tree_hash and not exists (
      select from ctl.store_mart as s where s.release_id = p_release and s.mart = m.mart
    )
    union all
    select format('no passing evidence of suite %s (%s) for %s', r.suite, r.stage, r.object)
    from ctl.required_suite as r
    left join lateral (
      select v.* from ctl.validation as v
      where v.release_id = p_release and v.stage = r.stage and v.suite = r.suite
        and v.object = r.object
      order by v.validation_id desc limit 1
    ) as v on true
    left join ctl.store_mart as s
      on s.release_id = p_release and s.mart = r.object and r.stage = 'marts'
    where r.tree_hash = v_release.tree_hash and r.stage in ('staging', 'marts') and not coalesce(
      (v.is_passed or ctl.is_waived(v.validation_id)) and v.suite_hash = r.suite_hash and v.run_count = r.expectation_count
      and (v.rows_evaluated > 0 or r.allow_empty)
      and (r.stage = 'staging' or v.content_hash = s.content_hash), false
    )
  ) as objections;
  return coalesce(v_reasons, '{}');
end $$;

create function ctl.move_pointer(
  p_release bigint, p_as_of date, p_kind text, p_actor text, p_reason text
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_edition bigint;
begin
  update ctl.head set edition = edition + 1 returning edition into v_edition;
  insert into ctl.edition (edition, kind, release_id, as_of_date, actor, reason)
  values (v_edition, p_kind, p_release, p_as_of, p_actor, p_reason);
  update ctl.pointer set to_edition = v_edition
  where as_of_date = p_as_of and to_edition = 9223372036854775807;
  insert into ctl.pointer (as_of_date, release_id, from_edition) values (p_as_of, p_release, v_edition);
  return v_edition;
end $$;

create function ctl.release_entry(p_release bigint) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' as $$
  select jsonb_build_object(
    'release', r.release_id, 'as_of', r.as_of_date, 'run', r.run_key, 'tree_hash', r.tree_hash,
    'lock_hash', c.lock_hash, 'parameters', r.parameters, 'previous_release', r.previous_release_id,
    'inputs', (
      select jsonb_object_agg(i.source, jsonb_build_object(
        'batch', i.batch_seq, 'as_of_batch', i.as_of_batch, 'snapshot', b.snapshot
      ))
      from ctl.release_input as i left join ctl.batch as b on b.batch_seq = i.batch_seq
      where i.release_id = r.release_id
    ),
    'controls', (
      select jsonb_object_agg(i.source || '.' || t.table_name, jsonb_build_object(
        'read', t.rows_read, 'landed', t.rows_landed, 'unchanged', t.rows_unchanged,
        'quarantined', t.rows_quarantined, 'deduplicated', t.rows_deduplicated, 'money', t.money
      ))
      from ctl.release_input as i join ctl.batch_table as t on t.batch_seq = i.batch_seq
      where i.release_id = r.release_id
    ),
    'controls_of_release', (
      select jsonb_object_agg(t.control || ' ' || t.currency, jsonb_build_object(
        'landed', t.landed_amount::text, 'found', t.found_amount::text, 'rows', t.found_rows
      ))
      from ctl.control_total as t where t.release_id = r.release_id
    ),
    'overrides', (
      select jsonb_agg(jsonb_build_object(
        'override', o.override_id, 'stage', o.stage, 'object', o.object, 'rule', o.rule,
        'approved_by', o.approved_by, 'reason', o.reason, 'expires_at', o.expires_at
      ) order by o.override_id)
      from ctl.override as o
      where o.override_id in (
        select a.override_id from ctl.applied_override as a
        join ctl.validation as v on v.validation_id = a.validation_id
        where v.release_id = r.release_id or v.batch_seq in (
          select batch_seq from ctl.release_input where release_id = r.release_id
        )
      )
    ),
    'suites', (
      select jsonb_object_agg(q.stage || '/' || q.object || '/' || q.suite, q.suite_hash)
      from ctl.required_suite as q where q.tree_hash = r.tree_hash
    ),
    'marts', (
      select jsonb_object_agg(s.mart, jsonb_build_object('rows', s.row_count, 'sha256', s.content_hash))
      from ctl.store_mart as s where s.release_id = r.release_id
    )
  )
  from ctl.release as r join ctl.code_version as c on c.tree_hash = r.tree_hash
  where r.release_id = p_release
$$;

-- Publish or refuse. The answer is a decision, not an exception: a refusal is recorded too.
-- p_expected: the edition of this date the caller has seen (0: none yet); another one refuses.
create function ctl.publish(p_release bigint, p_actor text, p_expected bigint default null)
returns jsonb
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' as $$
declare
  v_release ctl.release;
  v_reasons text [];
  v_edition bigint;
  v_newer bigint;
  v_current bigint;
begin
  -- What takes long comes before the lock that all publishing shares; the lock of this release
  -- keeps the store as it was checked.
  perform pg_advisory_xact_lock(hashtext('rapport release'), p_release::integer);
  v_reasons := ctl.store_objections(p_release);
  perform from ctl.head for update;
  select * into strict v_release from ctl.release where release_id = p_release for update;
  select from_edition into v_edition from ctl.pointer
  where release_id = p_release and to_edition = 9223372036854775807;
  if found then
    return jsonb_build_object('decision', 'published', 'edition', v_edition, 'reasons', '[]'::jsonb);
  end if;
  v_reasons := v_reasons || ctl.release_objections(p_release);
  v_current := coalesce((
    select from_edition from ctl.pointer
    where as_of_date = v_release.as_of_date and to_edition = 9223372036854775807
  ), 0);
  if p_expected <> v_current then
    v_reasons := v_reasons || format(
      'readers of %s see edition %s, not the expected %s', v_release.as_of_date, v_current, p_expected
    );
  end if;
  select release_id into v_newer from ctl.pointer
  where as_of_date = v_release.as_of_date and to_edition = 9223372036854775807
    and release_id > p_release;
  if found then
    v_reasons := v_reasons || format('the later release %s of the same date is already published', v_newer);
  end if;
  if v_release.status = 'published' then
    v_reasons := v_reasons || 'the release was published and replaced since; use rollback'::text;
  end if;
  if v_reasons = '{}' then
    perform ctl.apply_overrides(null, p_release);
    v_edition := ctl.move_pointer(p_release, v_release.as_of_date, 'publish', p_actor, null);
    update ctl.release set status = 'published', decided_at = clock_timestamp(), reason = null
    where release_id = p_release;
    update ctl.slot set release_id = null where release_id = p_release;
  else
    update ctl.release
    set status = 'refused', decided_at = clock_timestamp(), reason = array_to_string(v_reasons, '; ')
    where release_id = p_release and status <> 'published';
  end if;
  perform ctl.append_ledger(ctl.release_entry(p_release) || jsonb_build_object(
    'decision', case when v_reasons = '{}' then 'published' else 'refused' end,
    'edition', v_edition, 'actor', p_actor, 'session_user', session_user,
    'reasons', to_jsonb(v_reasons), 'at', clock_timestamp()
  ));
  return jsonb_build_object(
    'decision', case when v_reasons = '{}' then 'published' else 'refused' end,
    'edition', v_edition, 'reasons', to_jsonb(v_reasons)
  );
end $$;

-- Show an earlier release of its date again.
create function ctl.rollback(
  p_release bigint, p_actor text, p_reason text, p_expected bigint default null
) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' as $$
declare
  v_release ctl.release;
  v_current bigint;
  v_edition bigint;
begin
  perform from ctl.head for update;
  select * into v_release from ctl.release where release_id = p_release;
  if not found or v_release.status <> 'published' then
    return jsonb_build_object('decision', 'refused', 'reasons', jsonb_build_array(format(
      'release %s %s', p_release, coalesce('is ' || v_release.status || ', not published', 'does not exist')
    )));
  end if;
  select release_id, from_edition into v_current, v_edition from ctl.pointer
  where as_of_date = v_release.as_of_date and to_edition = 9223372036854775807;
  if p_expected <> v_edition then
    return jsonb_build_object('decision', 'refused', 'reasons', jsonb_build_array(format(
      'readers of %s see edition %s, not the expected %s', v_release.as_of_date, v_edition, p_expected
    )));
  end if;
  if v_current = p_release then
    return jsonb_build_object('decision', 'refused', 'reasons', jsonb_build_array(format(
      'release %s is what readers of %s see already', p_release, v_release.as_of_date
    )));
  end if;
  v_edition := ctl.move_pointer(p_release, v_release.as_of_date, 'rollback', p_actor, p_reason);
  perform ctl.append_ledger(jsonb_build_object(
    'decision', 'rolled_back', 'release', p_release, 'as_of', v_release.as_of_date,
    'replaced_release', v_current, 'edition', v_edition, 'actor', p_actor,
    'session_user', session_user, 'reason', p_reason, 'at', clock_timestamp()
  ));
  return jsonb_build_object('decision', 'rolled_back', 'edition', v_edition, 'reasons', '[]'::jsonb);
end $$;

-- Keep per date the current release and the newest p_keep; never remove an input of a kept one.
create function ctl.prune(p_keep integer) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' as $$
declare
  v_release bigint;
  v_table text;
  v_pruned bigint [] := '{}';
begin
  perform from ctl.head for update;
  for v_release in
    with recursive ranked as (
      select r.release_id, r.previous_release_id,
        row_number() over (partition by r.as_of_date order by r.release_id desc) <= p_keep
        or exists (
          select from ctl.pointer as p
          where p.release_id = r.release_id and p.to_edition = 9223372036854775807
        ) as is_kept
      from ctl.release as r where r.status = 'published'
    ),
    -- What a kept release read stays, and what that one read: each must be reproducible.
    kept as (
      select release_id, previous_release_id from ranked where is_kept
      union
      select r.release_id, r.previous_release_id
      from ranked as r join kept as k on k.previous_release_id = r.release_id
    )
    select release_id from ranked where release_id not in (select release_id from kept)
    union
    select s.release_id from ctl.store_mart as s join ctl.release as r using (release_id)
    where r.status in ('refused', 'failed', 'abandoned')
      and not exists (select from ctl.slot as l where l.release_id = r.release_id)
  loop
    for v_table in
      select tablename from pg_tables
      where schemaname = 'store'
    loop
      execute format('delete from store.%I where release_id = $1', v_table) using v_release;
    end loop;
    -- Editions that show a pruned release cannot be pinned any more, nor any before them.
    update ctl.head set oldest_edition = greatest(oldest_edition, coalesce((
      select max(to_edition) from ctl.pointer where release_id = v_release
    ), 0));
    update ctl.release set status = 'pruned', reason = 'retention' where release_id = v_release
      and status = 'published';
    v_pruned := v_pruned || v_release;
  end loop;
  if v_pruned <> '{}' then
    perform ctl.append_ledger(jsonb_build_object(
      'decision', 'pruned', 'releases', to_jsonb(v_pruned), 'keep', p_keep, 'at', clock_timestamp()
    ));
  end if;
  return jsonb_build_object('pruned', to_jsonb(v_pruned));
end $$;

-- The edition this session reads: the current one, or the one pinned with `set mart.edition`.
create function ctl.session_edition() returns bigint
language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_pin text := nullif(current_setting('mart.edition', true), '');
  v_head ctl.head;
begin
  select * into strict v_head from ctl.head;
  if v_pin is null then
    return v_head.edition;
  end if;
  if v_pin !~ '^[0-9]{1,18}$' or v_pin::bigint not between greatest(v_head.oldest_edition, 1) and v_head.edition then
    raise exception 'edition % is not available; editions % to % are', v_pin,
      greatest(v_head.oldest_edition, 1), v_head.edition
      using errcode = 'invalid_parameter_value',
      hint = 'Reset with: reset mart.edition';
  end if;
  return v_pin::bigint;
end $$;

create view ctl.visible as
select p.as_of_date, p.release_id
from ctl.pointer as p
where p.from_edition <= (select ctl.session_edition())
  and p.to_edition > (select ctl.session_edition());
comment on view ctl.visible is 'Per date the one release that this session reads.';

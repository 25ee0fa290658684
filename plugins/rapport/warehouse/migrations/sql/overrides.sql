-- Overrides: a named person lets one named expectation fail, for one release, one batch, or until a
-- date. Recorded by rapport_approver alone, which can do nothing else: who publishes cannot waive.

create function ctl.add_override(
  p_stage text, p_object text, p_rule text, p_release bigint, p_batch bigint, p_reason text,
  p_approved_by text, p_expires_at timestamptz
) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' as $$
declare
  v_id bigint;
begin
  if p_expires_at is null or p_expires_at <= clock_timestamp()
    or p_expires_at > clock_timestamp() + interval '366 days' then
    raise exception 'an override ends within a year, not at %', coalesce(p_expires_at::text, 'no time')
      using errcode = 'invalid_parameter_value';
  end if;
  if not exists (
    select from ctl.required_suite where stage = p_stage and object = p_object
  ) then
    raise exception 'no suite of stage % judges %', p_stage, p_object
      using errcode = 'invalid_parameter_value', hint = 'See the report of the release that failed.';
  end if;
  insert into ctl.override (
    stage, object, rule, release_id, batch_seq, reason, approved_by, expires_at
  )
  values (
    p_stage, p_object, p_rule, p_release, p_batch, btrim(p_reason), btrim(p_approved_by), p_expires_at
  )
  returning override_id into v_id;
  perform from ctl.head for update;
  perform ctl.append_ledger(jsonb_build_object(
    'decision', 'override_added', 'override', v_id, 'stage', p_stage, 'object', p_object,
    'rule', p_rule, 'release', p_release, 'batch', p_batch, 'reason', btrim(p_reason),
    'approved_by', btrim(p_approved_by), 'expires_at', p_expires_at, 'session_user', session_user,
    'at', clock_timestamp()
  ));
  return v_id;
end $$;

create function ctl.revoke_override(p_override bigint, p_revoked_by text, p_reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
begin
  perform from ctl.head for update;
  update ctl.override
  set revoked_at = clock_timestamp(), revoked_by = btrim(p_revoked_by), revoke_reason = btrim(p_reason)
  where override_id = p_override and revoked_at is null;
  if not found then
    raise exception 'there is no override % in force', p_override
      using errcode = 'invalid_parameter_value';
  end if;
  perform ctl.append_ledger(jsonb_build_object(
    'decision', 'override_revoked', 'override', p_override, 'revoked_by', btrim(p_revoked_by),
    'reason', btrim(p_reason), 'session_user', session_user, 'at', clock_timestamp()
  ));
end $$;

-- What failed in the latest run of each suite, and the override in force for it, if any.
create view ctl.failure as
select
  v.validation_id, r.position, v.stage, v.suite, v.object, v.batch_seq, v.release_id,
  r.kwargs ->> 'rule' as rule, r.severity, r.observed, r.unexpected_count, o.override_id
from ctl.validation as v
join ctl.validation_result as r on r.validation_id = v.validation_id and not r.is_passed
left join lateral (
  select o.override_id from ctl.override as o
  where o.stage = v.stage and o.object = v.object and o.rule = r.kwargs ->> 'rule'
    and o.revoked_at is null and o.expires_at > clock_timestamp()
    -- What could not be evaluated is not known: nobody can let it through.
    and not starts_with(coalesce(r.observed, ''), 'could not be evaluated')
    and (o.release_id is null or o.release_id = v.release_id)
    and (o.batch_seq is null or o.batch_seq = v.batch_seq)
  order by o.release_id is null and o.batch_seq is null, o.expires_at desc, o.override_id
  limit 1
) as o on true
where not exists (
  select from ctl.validation as l
  where l.stage = v.stage and l.suite = v.suite and l.object = v.object
    and l.batch_seq is not distinct from v.batch_seq
    and l.release_id is not distinct from v.release_id and l.validation_id > v.validation_id
);
comment on view ctl.failure is
  'Failed expectations of the latest run of each suite, with the override in force for each.';

-- Whether every critical failure of a run of a suite is let through by an override in force.
create function ctl.is_waived(p_validation bigint) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(bool_and(override_id is not null), false)
  from ctl.failure where validation_id = p_validation and severity = 'critical'
$$;

-- Keep which overrides a decision rested on; an override used once stays readable when it has ended.
create function ctl.apply_overrides(p_batch bigint, p_release bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ctl.applied_override (override_id, validation_id, position)
  select override_id, validation_id, position from ctl.failure
  where override_id is not null and (batch_seq = p_batch or release_id = p_release)
  on conflict do nothing
$$;

create view mart.waivers as
select
  v.as_of_date, v.release_id, f.stage, f.object, r.kwargs ->> 'rule' as rule, r.severity,
  r.unexpected_count as failing_rows, o.reason, o.approved_by, o.approved_at, o.expires_at,
  o.expires_at <= now() or o.revoked_at is not null as is_expired, b.source, f.batch_seq, o.override_id
from ctl.applied_override as a
join ctl.override as o on o.override_id = a.override_id
join ctl.validation as f on f.validation_id = a.validation_id
join ctl.validation_result as r on r.validation_id = a.validation_id and r.position = a.position
left join ctl.batch as b on b.batch_seq = f.batch_seq
join ctl.visible as v
  on v.release_id = f.release_id or exists (
    select from ctl.release_input as i
    where i.release_id = v.release_id and i.source = b.source and i.batch_seq >= f.batch_seq
  );
comment on view mart.waivers is
  'One row per published date and failed expectation that a named person let through, with its expiry.';
comment on column mart.waivers.as_of_date is 'Date of the marts that rest on the waiver.';
comment on column mart.waivers.release_id is 'The release of that date that readers see.';
comment on column mart.waivers.stage is 'Gate that failed: landing, staging or marts.';
comment on column mart.waivers.object is 'Table that was judged.';
comment on column mart.waivers.rule is 'Expectation that failed.';
comment on column mart.waivers.severity is 'critical or warning.';
comment on column mart.waivers.failing_rows is 'Rows that broke the rule, where they can be counted.';
comment on column mart.waivers.reason is 'Why it was let through.';
comment on column mart.waivers.approved_by is 'Who let it through.';
comment on column mart.waivers.approved_at is 'When.';
comment on column mart.waivers.expires_at is 'No later decision may rest on it after this instant.';
comment on column mart.waivers.is_expired is 'True once it has expired or was revoked.';
comment on column mart.waivers.source is 'Source of the batch, for a waiver at landing.';
comment on column mart.waivers.batch_seq is 'Batch that was accepted with it, for a waiver at landing.';
comment on column mart.waivers.override_id is 'Number of the override, as in `rapport override list`.';

-- Erasure of a person: every copy of a pseudonym is replaced by a random token, the same everywhere,
-- so that nothing leads back to the person and every figure stays as it was published. Only for
-- rapport_owner (docs/runbooks/erase_a_person.md).

create function ctl.erase_pseudonym(p_pseudonym text, p_requested_by text, p_reason text)
returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
  v_token text := 'erased:' || encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex');
  v_table record;
  v_count bigint;
  v_tables jsonb := '{}';
begin
  if p_pseudonym !~ '^k[^:]+:[0-9a-f]{64}$' then
    raise exception 'this is not a pseudonym' using errcode = 'invalid_parameter_value';
  end if;
  for v_table in
    select c.table_schema as s, c.table_name as t,
      string_agg(format(
        '%1$I = replace(%1$I::text, $1, $2)::%2$s', c.column_name, c.data_type
      ), ', ') as changes,
      string_agg(format('position($1 in %I::text) > 0', c.column_name), ' or ') as condition
    from information_schema.columns as c
    join information_schema.tables as t
      on t.table_schema = c.table_schema and t.table_name = c.table_name
      and t.table_type = 'BASE TABLE'
    where c.data_type in ('text', 'jsonb') and (
      c.table_schema in ('landing', 'quarantine', 'store') or c.table_schema like 'build\_%'
      or c.table_schema = 'ctl' and c.table_name in ('failed_row', 'validation_result')
    )
    group by 1, 2 order by 1, 2
  loop
    execute format(
      'update %I.%I set %s where %s', v_table.s, v_table.t, v_table.changes, v_table.condition
    ) using p_pseudonym, v_token;
    get diagnostics v_count = row_count;
    if v_count > 0 then
      v_tables := v_tables || jsonb_build_object(v_table.s || '.' || v_table.t, v_count);
    end if;
  end loop;
  perform from ctl.head for update;
  perform ctl.append_ledger(jsonb_build_object(
    'decision', 'erased', 'tables', v_tables, 'requested_by', btrim(p_requested_by),
    'reason', btrim(p_reason), 'session_user', session_user, 'at', clock_timestamp()
  ));
  return v_tables;
end $$;

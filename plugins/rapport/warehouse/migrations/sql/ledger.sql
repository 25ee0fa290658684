-- The ledger: each entry is canonical JSON (RFC 8785) that names its number and the SHA-256 of the
-- entry before it. Signed heads, made outside the warehouse, stand beside it.

-- Member names sort by UTF-16 code units (RFC 8785, 3.2.3).
create function ctl.utf16_units(p_text text) returns integer []
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(unit order by position, part), '{}')
  from string_to_table(p_text, null) with ordinality as c (letter, position)
  cross join lateral (values
    (1, case when ascii(letter) < 65536 then ascii(letter)
      else 55296 + (ascii(letter) - 65536) / 1024 end),
    (2, case when ascii(letter) >= 65536 then 56320 + (ascii(letter) - 65536) % 1024 end)
  ) as u (part, unit)
  where unit is not null
$$;

-- RFC 8785 text of a JSON value. Numbers are safe integers; any other number becomes a string of
-- its decimal digits, as the RFC advises, so that no reader rounds it to a double.
create function ctl.canonical_json(p_value jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case jsonb_typeof(p_value)
    when 'object' then '{' || coalesce((
      select string_agg(
        to_json(key)::text || ':' || ctl.canonical_json(value), ',' order by ctl.utf16_units(key)
      )
      from jsonb_each(p_value)
    ), '') || '}'
    when 'array' then '[' || coalesce((
      select string_agg(ctl.canonical_json(item), ',' order by position)
      from jsonb_array_elements(p_value) with ordinality as e (item, position)
    ), '') || ']'
    when 'number' then case
      when p_value::numeric = trunc(p_value::numeric) and abs(p_value::numeric) <= 9007199254740991
        then trunc(p_value::numeric)::bigint::text
      else to_json(trim_scale(p_value::numeric)::text)::text
    end
    when 'string' then to_json(p_value #>> '{}')::text
    else p_value::text
  end;
end $$;

create function ctl.append_ledger(p_entry jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_head ctl.head;
  v_hash text;
  v_entry text;
begin
  select * into strict v_head from ctl.head for update;
  v_entry := ctl.canonical_json(
    p_entry || jsonb_build_object('seq', v_head.ledger_seq + 1, 'previous', v_head.ledger_hash)
  );
  v_hash := encode(sha256(convert_to(v_entry, 'UTF8')), 'hex');
  insert into ctl.ledger (ledger_seq, previous_hash, entry, entry_hash)
  values (v_head.ledger_seq + 1, v_head.ledger_hash, v_entry, v_hash);
  update ctl.head set ledger_seq = v_head.ledger_seq + 1, ledger_hash = v_hash;
end $$;

-- Even the owner adds only what continues the chain, and takes nothing away.
create function ctl.guard_ledger() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_head ctl.head;
begin
  if tg_op <> 'INSERT' then
    raise exception 'the ledger only grows: % is refused', lower(tg_op)
      using errcode = 'restrict_violation';
  end if;
  select * into strict v_head from ctl.head for update;
  if new.ledger_seq <> v_head.ledger_seq + 1 or new.previous_hash <> v_head.ledger_hash
    or new.entry_hash <> encode(sha256(convert_to(new.entry, 'UTF8')), 'hex')
    or new.entry <> ctl.canonical_json(new.entry::jsonb)
    or (new.entry::jsonb ->> 'seq')::bigint is distinct from new.ledger_seq
    or new.entry::jsonb ->> 'previous' is distinct from new.previous_hash then
    raise exception 'entry % does not continue the ledger', new.ledger_seq
      using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger guard before insert or update or delete on ctl.ledger
for each row execute function ctl.guard_ledger();
create trigger guard_truncate before truncate on ctl.ledger
for each statement execute function ctl.guard_ledger();

-- Keep a signature made outside of the warehouse over one entry's number and hash.
create function ctl.record_signature(p_seq bigint, p_hash text, p_key_id text, p_signature text)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from ctl.ledger where ledger_seq = p_seq and entry_hash = p_hash) then
    raise exception 'the ledger has no entry % with hash %', p_seq, p_hash
      using errcode = 'invalid_parameter_value';
  end if;
  insert into ctl.ledger_signature (ledger_seq, entry_hash, key_id, signature)
  values (p_seq, p_hash, p_key_id, p_signature) on conflict do nothing;
end $$;

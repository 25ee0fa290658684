-- The hard invariants, computed by the database itself from what it holds: exposure published =
-- exposure landed, per currency and to the cent (docs/decisions/0004-exposure-invariant.md).

-- Frozen landing rows of canonical sources against sealed staging: nothing lost, doubled or changed;
-- and in staging each key once, whatever the source.
create function ctl.reconcile_staging(p_release bigint) returns setof ctl.control_total
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_slot text := ctl.slot_of(p_release);
  v_item record;
begin
  for v_item in
    select i.source, i.batch_seq, e.entity, e.amount
    from ctl.release_input as i
    join ctl.source as s on s.source = i.source and s.layout = 'canonical'
    join (values
      ('loans', 'principal_amount'), ('loan_balances', 'outstanding_amount'),
      ('transactions', 'amount'), ('transactions', 'principal_part')
    ) as e (entity, amount) on e.entity = any(s.table_names)
    where i.release_id = p_release
      and to_regclass(format('%I.%I', v_slot, 'stg_canonical__' || e.entity)) is not null
  loop
    return query execute format(
      'select $1, $2, coalesce(a.currency, b.currency, ''''), coalesce(a.n, 0), a.amount,
         coalesce(b.n, 0), b.amount, abs(coalesce(a.n, 0) - coalesce(b.n, 0))
       from (
         select coalesce(currency, '''') as currency, count(*) as n, sum(%1$I) as amount
         from landing.%2$I
         where _from_batch <= $3 and _to_batch > $3 and not _is_deleted group by 1
       ) as a full join (
         select coalesce(currency, '''') as currency, count(*) as n, sum(%1$I) as amount
         from %3$I.%4$I where source = $4 group by 1
       ) as b on b.currency = a.currency',
      v_item.amount, v_item.source || '__' || v_item.entity, v_slot,
      'stg_canonical__' || v_item.entity
    ) using p_release, format('%s.%s.%s', v_item.source, v_item.entity, v_item.amount),
      v_item.batch_seq, v_item.source;
  end loop;
  -- A key twice can leave every sum right (a payment and its reversal both doubled).
  for v_item in
    select e.entity, e.keys from (values
      ('loans', 'loan_id'), ('loan_balances', 'loan_id, balance_date'),
      ('transactions', 'transaction_id')
    ) as e (entity, keys)
  loop
    return query execute format(
      'select $1, $2, '''', count(*), null::numeric, count(distinct (%s)), null::numeric,
         count(*) - count(distinct (%s))
       from %I.%I',
      v_item.keys, v_item.keys, v_slot, 'stg_canonical__' || v_item.entity
    ) using p_release, 'keys.' || v_item.entity;
  end loop;
end $$;

-- What each loan disbursed by the date must show as outstanding, from sealed staging alone:
-- written off 0; on payments: lent less given back; on a balance: the newest one by the date.
-- A source whose payments are complete, with the parts they need, leaves no choice but payments.
create function ctl.reconcile_exposure(p_release bigint) returns setof ctl.control_total
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_as_of date := (select as_of_date from ctl.release where release_id = p_release);
begin
  return query execute format($query$
    with booked as (
      select b.source, b.loan_id, b.amount,
        case b.kind when 'reversal' then coalesce(o.kind, 'repayment') else b.kind end as kind,
        case b.kind when 'reversal' then -1 else 1 end as sign,
        coalesce(b.principal_part, o.principal_part) as principal_part,
        coalesce(b.interest_part, o.interest_part) as interest_part
      from %1$I.stg_canonical__transactions as b
      left join %1$I.stg_canonical__transactions as o
        on b.kind = 'reversal' and o.transaction_id = b.reverses_transaction_id
      where b.booked_date <= $2
    ),
    moved as (
      select loan_id,
        sum(sign * coalesce(principal_part, amount)) filter (where kind = 'disbursement') as lent,
        coalesce(sum(sign * case kind
          when 'write_off' then coalesce(principal_part, amount)
          when 'waiver' then coalesce(principal_part, 0)
          else coalesce(principal_part, amount - interest_part) end
        ) filter (where kind in ('repayment', 'recovery', 'waiver', 'write_off')), 0) as given_back,
        coalesce(bool_or(principal_part is null and interest_part is null)
          filter (where kind in ('repayment', 'recovery')), false) as is_undivided
      from booked group by loan_id
    ),
    balance as (
      select distinct on (loan_id) loan_id, outstanding_amount
      from %1$I.stg_canonical__loan_balances
      where balance_date <= $2 order by loan_id, balance_date desc
    ),
    complete as (
      select source from ctl.release_input
      where release_id = $1 and coverage ->> 'transactions' = 'complete'
        and source in (select source from booked)
    ),
    landed as (
      select s.loan_id, s.currency, s.principal_amount, b.outstanding_amount as balance_amount,
        coalesce(m.lent, s.principal_amount) - coalesce(m.given_back, 0) as ledger_amount,
        coalesce(s.written_off_date <= $2, false) as is_written_off,
        coalesce(s.closed_date <= $2, false) as is_closed,
        c.source is not null and not coalesce(m.is_undivided, false) as is_on_payments
      from %1$I.stg_canonical__loans as s
      left join moved as m on m.loan_id = s.loan_id
      left join balance as b on b.loan_id = s.loan_id
      left join complete as c on c.source = s.source
      where s.disbursed_date <= $2
    ),
    compared as (
      select coalesce(l.currency, r.currency, '') as currency, l.loan_id as landed_id,
        r.loan_id as stored_id, r.outstanding_amount as stored_amount,
        l.principal_amount as landed_principal, r.principal_amount as stored_principal,
        l.currency is not distinct from r.currency as is_same_currency,
        case
          when l.is_written_off then 0
          when l.is_on_payments or r.outstanding_basis = 'PAYMENTS' then l.ledger_amount
          when l.is_closed and r.outstanding_amount is distinct from l.ledger_amount then 0
          when l.is_closed then l.ledger_amount
          when r.outstanding_basis = 'SNAPSHOT' then l.balance_amount
        end as landed_amount
      from landed as l
      full join (
        -- A facility nobody has drawn on is no loan: a row of its own, with nothing outstanding.
        select * from store.loan_risk
        where release_id = $1 and not (
          principal_amount is null and outstanding_amount = 0
          and loan_id not in (select loan_id from landed)
          and facility_id in (select facility_id from %1$I.stg_canonical__facilities)
        )
      ) as r on r.loan_id = l.loan_id
    )
    select $1, 'exposure', currency, count(landed_id), sum(landed_amount), count(stored_id),
      sum(stored_amount),
      count(*) filter (where landed_id is null or stored_id is null or not is_same_currency
        or landed_amount is distinct from stored_amount
        or landed_principal is distinct from stored_principal)
    from compared group by currency
  $query$, ctl.slot_of(p_release)) using p_release, v_as_of;
end $$;

-- Write the control totals of a release down; they are what `ctl.publish` holds the store to.
create function ctl.record_controls(p_release bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from ctl.control_total where release_id = p_release;
  if exists (
    select from ctl.registered_mart as m join ctl.release as r on r.tree_hash = m.tree_hash
    where r.release_id = p_release and m.mart = 'loan_risk'
  ) then
    insert into ctl.control_total select * from ctl.reconcile_staging(p_release);
    insert into ctl.control_total select * from ctl.reconcile_exposure(p_release);
  end if;
end $$;

-- Reasons why what the store holds now is not what was staged, or not what was landed.
create function ctl.store_objections(p_release bigint) returns text []
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_reasons text [];
  v_mart record;
  v_now record;
  v_doubled bigint;
begin
  select array_agg(format(
    '%s %s: %s rows and %s landed, %s rows and %s found%s', control, currency, landed_rows,
    coalesce(landed_amount::text, 'no amount'), found_rows,
    coalesce(found_amount::text, 'no amount'),
    case when differing > 0 then format(', %s differ', differing) else '' end
  ) order by control, currency) into v_reasons
  from ctl.control_total
  where release_id = p_release and (
    differing > 0 or landed_rows <> found_rows or landed_amount is distinct from found_amount
  );
  v_reasons := coalesce(v_reasons, '{}');
  for v_mart in
    select m.mart, m.column_names, m.key_columns, s.row_count, s.content_hash
    from ctl.release as r
    join ctl.registered_mart as m on m.tree_hash = r.tree_hash
    join ctl.store_mart as s on s.release_id = r.release_id and s.mart = m.mart
    where r.release_id = p_release order by m.mart
  loop
    v_now := ctl.content_hash('store', v_mart.mart, v_mart.column_names, p_release);
    if v_now.row_count <> v_mart.row_count or v_now.content_hash <> v_mart.content_hash then
      v_reasons := v_reasons || format('store.%s is not what was staged', v_mart.mart);
    end if;
    execute format(
      'select count(*) from (select from store.%I where release_id = $1 group by %s having count(*) > 1) as d',
      v_mart.mart,
      (select string_agg(format('%I', k), ', ') from unnest(v_mart.key_columns) as u (k))
    ) into v_doubled using p_release;
    if v_doubled > 0 then
      v_reasons := v_reasons || format('store.%s holds %s keys more than once', v_mart.mart, v_doubled);
    end if;
    if v_mart.mart = 'loan_risk' and not exists (
      select from ctl.control_total where release_id = p_release and control = 'keys.loans'
    ) and v_now.row_count > 0 then
      v_reasons := v_reasons || 'its exposure was never reconciled'::text;
    end if;
  end loop;
  return v_reasons;
end $$;

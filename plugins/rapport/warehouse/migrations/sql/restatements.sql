-- Restatements: dates whose release read something readers do not see any more, and what a later
-- release of the same date changed.

-- Per visible date: which release of the month-end before it read, and which readers see now. A date
-- needs restatement when the two differ, or when the date it read needs it itself.
create view ctl.restatement as
with recursive link as (
  select
    v.as_of_date, v.release_id, r.previous_release_id as read_release_id,
    p.release_id as visible_release_id, p.as_of_date as previous_date,
    r.previous_release_id is distinct from p.release_id as is_direct
  from ctl.visible as v
  join ctl.release as r on r.release_id = v.release_id
  left join ctl.visible as p on p.as_of_date = date_trunc('month', v.as_of_date)::date - 1
),
affected as (
  select as_of_date, as_of_date as because_of_date from link where is_direct
  union
  select l.as_of_date, a.because_of_date
  from link as l join affected as a on a.as_of_date = l.previous_date
)
select
  l.as_of_date, l.release_id, l.previous_date, l.read_release_id, l.visible_release_id,
  a.because_of_date is not null as needs_restatement, a.because_of_date
from link as l
left join (select as_of_date, min(because_of_date) as because_of_date from affected group by 1) as a
  on a.as_of_date = l.as_of_date;
comment on view ctl.restatement is
  'Per published date: which earlier release its figures read, and whether readers see another now.';

create view mart.freshness as
select
  v.as_of_date, v.release_id, i.source, i.batch_seq, i.batch_completed_at, i.staleness_hours,
  i.max_staleness_hours, i.is_required, r.decided_at as published_at,
  i.staleness_hours > i.max_staleness_hours as is_stale, s.needs_restatement, s.because_of_date
from ctl.visible as v
join ctl.release_input as i on i.release_id = v.release_id
join ctl.release as r on r.release_id = v.release_id
join ctl.restatement as s on s.release_id = v.release_id and s.as_of_date = v.as_of_date;
comment on view mart.freshness is
  'One row per published date and source: which batch the figures come from and how old it was then.';
comment on column mart.freshness.as_of_date is 'Date of the marts.';
comment on column mart.freshness.release_id is 'The release of that date that readers see.';
comment on column mart.freshness.source is 'Source system.';
comment on column mart.freshness.batch_seq is 'Its last batch that counts (0: none, it is optional).';
comment on column mart.freshness.batch_completed_at is 'When that batch was landed.';
comment on column mart.freshness.staleness_hours is 'Hours from then to the opening of the release.';
comment on column mart.freshness.max_staleness_hours is 'Hours the contract of the source allows.';
comment on column mart.freshness.is_required is 'False where the source may be down.';
comment on column mart.freshness.published_at is 'When readers first saw the release.';
comment on column mart.freshness.is_stale is 'True when the batch was older than the contract allows.';
comment on column mart.freshness.needs_restatement is
  'True when an earlier date that these figures read has been published anew since.';
comment on column mart.freshness.because_of_date is
  'The earliest date from which on a restatement is due.';

-- Cells (and whole rows) of one mart that differ between two stored releases of one date.
create function ctl.restated_cells(p_mart text, p_first bigint, p_second bigint)
returns table (
  key_values jsonb, change text, column_name text, old_value text, new_value text,
  difference numeric
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' as $$
declare
  v_keys text [];
  v_columns text [];
begin
  select a.key_columns, array(
    select c from unnest(a.column_names) as c where c = any(b.column_names) and c <> 'as_of_date'
  ) into v_keys, v_columns
  from ctl.release as f
  join ctl.registered_mart as a on a.tree_hash = f.tree_hash and a.mart = p_mart
  cross join ctl.release as g
  join ctl.registered_mart as b on b.tree_hash = g.tree_hash and b.mart = p_mart
  where f.release_id = p_first and g.release_id = p_second;
  if v_keys is null then
    return;
  end if;
  return query execute format($query$
    with f as (select * from store.%1$I where release_id = $1),
    g as (select * from store.%1$I where release_id = $2),
    pairs as (
      select to_jsonb(f) as old, to_jsonb(g) as new,
        f.release_id is null as is_added, g.release_id is null as is_removed
      from f full join g on %2$s
      where f.release_id is null or g.release_id is null or row(%3$s) is distinct from row(%4$s)
    )
    select
      (select jsonb_object_agg(k, coalesce(p.old, p.new) -> k) from unnest($3) as u (k)
       where k <> 'as_of_date'),
      case when p.is_added then 'added' when p.is_removed then 'removed' else 'changed' end,
      c.name, p.old ->> c.name, p.new ->> c.name,
      case when jsonb_typeof(p.old -> c.name) = 'number' and jsonb_typeof(p.new -> c.name) = 'number'
        then (p.new ->> c.name)::numeric - (p.old ->> c.name)::numeric end
    from pairs as p
    left join unnest($4) as c (name) on not p.is_added and not p.is_removed
      and p.old -> c.name is distinct from p.new -> c.name
    $query$, p_mart,
    (select string_agg(format('f.%1$I = g.%1$I', k), ' and ') from unnest(v_keys) as u (k)),
    (select string_agg(format('f.%I', c), ', ') from unnest(v_columns) as u (c)),
    (select string_agg(format('g.%I', c), ', ') from unnest(v_columns) as u (c))
  ) using p_first, p_second, v_keys, v_columns;
end $$;

-- Editions after the first of their date, with the release each one replaced, both still stored.
create view ctl.replacement as
select * from (
  select
    p.as_of_date, p.from_edition as edition, e.kind, e.created_at as restated_at, e.actor, e.reason,
    p.release_id,
    lag(p.release_id) over (partition by p.as_of_date order by p.from_edition) as old_release_id
  from ctl.pointer as p join ctl.edition as e on e.edition = p.from_edition
  where p.from_edition <= (select ctl.session_edition())
) as changes
where old_release_id is not null and not exists (
  select from ctl.release as r
  where r.release_id in (changes.release_id, changes.old_release_id) and r.status = 'pruned'
);
comment on view ctl.replacement is 'Each time readers of a date were shown another release.';

create view mart.restatements as
select
  c.as_of_date, c.edition, c.kind, c.restated_at, c.old_release_id, c.release_id, m.mart,
  d.key_values, d.change, d.column_name, d.old_value, d.new_value, d.difference
from ctl.replacement as c
join ctl.store_mart as m on m.release_id = c.release_id
cross join lateral ctl.restated_cells(m.mart, c.old_release_id, c.release_id) as d;
comment on view mart.restatements is
  'One row per published figure that a later release of the same date changed; ask for one as_of_date.';
comment on column mart.restatements.as_of_date is 'Date of the figures.';
comment on column mart.restatements.edition is 'Edition that changed them.';
comment on column mart.restatements.kind is 'publish, or rollback to an earlier release.';
comment on column mart.restatements.restated_at is 'When.';
comment on column mart.restatements.old_release_id is 'The release readers saw before.';
comment on column mart.restatements.release_id is 'The release readers saw from then on.';
comment on column mart.restatements.mart is 'Mart.';
comment on column mart.restatements.key_values is 'Key of the row within its date.';
comment on column mart.restatements.change is 'changed (a column), added or removed (a row).';
comment on column mart.restatements.column_name is 'Column; NULL for a whole row.';
comment on column mart.restatements.old_value is 'What was published before, as text.';
comment on column mart.restatements.new_value is 'What was published instead, as text.';
comment on column mart.restatements.difference is 'new - old, for numbers.';

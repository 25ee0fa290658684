-- The state of every run. It lives here, in the transaction of the data it speaks of.

create table ctl.code_version (
  tree_hash text primary key,
  parts jsonb not null,
  lock_hash text not null,
  package_version text not null,
  registered_at timestamptz not null default now(),
  registered_by text not null default session_user,
  warnings_need_override boolean not null default false
);
comment on table ctl.code_version is
  'One row per deployed state of package, dbt project, expectations and contracts.';

create table ctl.required_suite (
  tree_hash text not null references ctl.code_version,
  stage text not null check (stage in ('landing', 'staging', 'marts')),
  suite text not null,
  object text not null,
  suite_hash text not null,
  expectation_count integer not null check (expectation_count > 0),
  allow_empty boolean not null,
  primary key (tree_hash, stage, object, suite)
);
comment on table ctl.required_suite is
  'The suites without whose evidence a batch is not accepted and a release not published.';

create table ctl.registered_mart (
  tree_hash text not null references ctl.code_version,
  mart text not null,
  column_names text [] not null,
  key_columns text [] not null,
  lineage jsonb not null default '{}',
  primary key (tree_hash, mart)
);
comment on column ctl.registered_mart.lineage is
  'Models, seeds and landed tables behind the mart, from the dbt manifest of this code version.';
comment on table ctl.registered_mart is 'The marts that a release of this code version consists of.';

create table ctl.source (
  source text primary key,
  contract_hash text not null,
  is_required boolean not null,
  max_staleness_hours numeric not null,
  table_names text [] not null,
  coverage jsonb not null default '{}',
  updated_at timestamptz not null default now(),
  layout text not null default 'models'
);
comment on table ctl.source is 'The contracts in force, as deployed last.';

create table ctl.batch (
  batch_seq bigint generated always as identity primary key,
  source text not null references ctl.source,
  status text not null default 'open'
  check (status in ('open', 'complete', 'accepted', 'rejected')),
  fence bigint not null,
  run_key text not null,
  tree_hash text not null references ctl.code_version,
  contract_hash text not null,
  snapshot jsonb,
  opened_at timestamptz not null default clock_timestamp(),
  completed_at timestamptz,
  decided_at timestamptz,
  reason text
);
create unique index batch_one_undecided on ctl.batch (source) where status in ('open', 'complete');
create index batch_run_key on ctl.batch (run_key, source);
comment on table ctl.batch is
  'One row per load of a source: open, complete (all tables in), accepted or rejected.';

create table ctl.batch_table (
  batch_seq bigint not null references ctl.batch,
  table_name text not null,
  rows_read bigint not null check (rows_read >= 0),
  rows_landed bigint not null check (rows_landed >= 0),
  rows_unchanged bigint not null check (rows_unchanged >= 0),
  rows_quarantined bigint not null check (rows_quarantined >= 0),
  rows_deduplicated bigint not null check (rows_deduplicated >= 0),
  rows_superseded bigint not null check (rows_superseded >= 0),
  rows_tombstoned bigint not null check (rows_tombstoned >= 0),
  money jsonb not null default '{}',
  recorded_at timestamptz not null default clock_timestamp(),
  primary key (batch_seq, table_name),
  constraint every_row_is_accounted_for check (
    rows_read = rows_landed + rows_unchanged + rows_quarantined + rows_deduplicated
    + rows_superseded
  )
);
comment on table ctl.batch_table is
  'The accounting identity of one table in one batch, in rows and (control amount by currency) in money.';

create table ctl.input_file (
  batch_seq bigint not null references ctl.batch,
  table_name text not null,
  path text not null,
  sha256 text not null,
  bytes bigint not null,
  row_count bigint not null,
  primary key (batch_seq, table_name, path)
);
comment on table ctl.input_file is 'The files a batch was read from, by content.';

create table ctl.lease (
  source text primary key references ctl.source,
  fence bigint not null default 0,
  batch_seq bigint references ctl.batch,
  run_key text,
  backend_pid integer,
  backend_start timestamptz,
  taken_at timestamptz
);
comment on table ctl.lease is 'Who may land into a source now; the fence number stops everybody before.';

create table ctl.slot (
  slot text primary key,
  release_id bigint unique,
  leased_at timestamptz
);
comment on table ctl.slot is 'The build schemas, lent to one release at a time.';

create table ctl.release (
  release_id bigint generated always as identity primary key,
  as_of_date date not null,
  known_at timestamptz,
  run_key text not null unique,
  tree_hash text not null references ctl.code_version,
  status text not null default 'open' check (status in (
    'open', 'frozen', 'staging_sealed', 'sealed', 'staged', 'published', 'refused', 'failed',
    'abandoned', 'pruned', 'reproduced'
  )),
  parameters jsonb not null default '{}',
  previous_release_id bigint references ctl.release,
  reproduces_release_id bigint references ctl.release,
  opened_at timestamptz not null default clock_timestamp(),
  opened_by text not null default session_user,
  frozen_at timestamptz,
  sealed_at timestamptz,
  staged_at timestamptz,
  decided_at timestamptz,
  reason text
);
create index release_as_of on ctl.release (as_of_date);
alter table ctl.slot add foreign key (release_id) references ctl.release;
comment on table ctl.release is 'One row per attempt to publish the marts of one date.';

create table ctl.release_input (
  release_id bigint not null references ctl.release,
  source text not null references ctl.source,
  batch_seq bigint not null,
  batch_completed_at timestamptz,
  staleness_hours numeric(12, 2),
  max_staleness_hours numeric(12, 2) not null,
  is_required boolean not null,
  coverage jsonb not null default '{}',
  as_of_batch bigint not null default 0,
  primary key (release_id, source)
);
comment on table ctl.release_input is
  'The frozen inputs: per source the last batch that counts (0 = nothing of an optional source).';
comment on column ctl.release_input.as_of_batch is
  'The last batch that had landed when the as_of_date ended (0: none): undated values are read there.';
comment on column ctl.release_input.coverage is
  'Per entity complete, partial or none: outside it, nothing delivered does not mean nothing happened.';

create table ctl.sealed_relation (
  release_id bigint not null references ctl.release,
  relation text not null,
  stage text not null,
  primary key (release_id, relation)
);
comment on table ctl.sealed_relation is
  'Tables whose ownership was taken from the transformer, so that what was validated stays as it was.';

create table ctl.validation (
  validation_id bigint generated always as identity primary key,
  stage text not null check (stage in ('landing', 'staging', 'marts')),
  suite text not null,
  object text not null,
  suite_hash text not null,
  batch_seq bigint references ctl.batch,
  release_id bigint references ctl.release,
  content_hash text,
  rows_evaluated bigint not null,
  run_count integer not null,
  is_passed boolean not null,
  recorded_at timestamptz not null default clock_timestamp(),
  recorded_by text not null default session_user,
  check ((batch_seq is null) <> (release_id is null))
);
create index validation_release on ctl.validation (release_id, stage);
create index validation_batch on ctl.validation (batch_seq);
comment on table ctl.validation is 'Evidence: one row per run of a suite over one object.';

create table ctl.validation_result (
  validation_id bigint not null references ctl.validation,
  position integer not null,
  expectation_type text not null,
  column_name text,
  kwargs jsonb not null,
  severity text not null check (severity in ('critical', 'warning')),
  is_passed boolean not null,
  observed text,
  unexpected_count bigint,
  reason text,
  detail_query text,
  primary key (validation_id, position)
);
comment on table ctl.validation_result is 'Evidence: one row per expectation of a suite run.';

create table ctl.failed_row (
  validation_id bigint not null,
  position integer not null,
  key_values jsonb not null,
  foreign key (validation_id, position) references ctl.validation_result
);
create index failed_row_result on ctl.failed_row (validation_id, position);
comment on table ctl.failed_row is 'Keys of rows that failed an expectation (a sample).';

create table ctl.override (
  override_id bigint generated always as identity primary key,
  stage text not null check (stage in ('landing', 'staging', 'marts')),
  object text not null,
  rule text not null check (rule <> ''),
  release_id bigint references ctl.release,
  batch_seq bigint references ctl.batch,
  reason text not null check (length(reason) >= 10),
  approved_by text not null check (
    approved_by <> '' and lower(approved_by) not in ('nobody', 'anonymous', 'unknown', 'airflow', 'scheduler')
  ),
  approved_at timestamptz not null default clock_timestamp(),
  recorded_by text not null default session_user,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_by text,
  revoke_reason text,
  check (release_id is null or batch_seq is null),
  check (release_id is null or stage <> 'landing'),
  check (batch_seq is null or stage = 'landing'),
  check ((revoked_at is null) = (coalesce(revoked_by, '') = ''))
);
create index override_rule on ctl.override (stage, object, rule);
comment on table ctl.override is
  'Who let which expectation fail, why, until when: for one release, one batch, or all until then.';

create table ctl.applied_override (
  override_id bigint not null references ctl.override,
  validation_id bigint not null,
  position integer not null,
  applied_at timestamptz not null default clock_timestamp(),
  primary key (validation_id, position, override_id),
  foreign key (validation_id, position) references ctl.validation_result
);
comment on table ctl.applied_override is 'The failed expectations that a decision let through, and by what.';

create table ctl.store_mart (
  release_id bigint not null references ctl.release,
  mart text not null,
  row_count bigint not null,
  content_hash text not null,
  stored_at timestamptz not null default clock_timestamp(),
  primary key (release_id, mart)
);
comment on table ctl.store_mart is 'What was stored of a release: rows and SHA-256 of the content, per mart.';

create table ctl.control_total (
  release_id bigint not null references ctl.release,
  control text not null,
  currency text not null,
  landed_rows bigint not null,
  landed_amount numeric,
  found_rows bigint not null,
  found_amount numeric,
  differing bigint not null,
  primary key (release_id, control, currency)
);
comment on table ctl.control_total is
  'Totals the database itself computed when a release was staged: a layer against the one before.';

create table ctl.edition (
  edition bigint primary key,
  kind text not null check (kind in ('publish', 'rollback')),
  release_id bigint not null references ctl.release,
  as_of_date date not null,
  actor text not null,
  reason text,
  created_at timestamptz not null default clock_timestamp()
);
comment on table ctl.edition is 'Each change of what readers see; numbered without gaps.';

create table ctl.pointer (
  as_of_date date not null,
  release_id bigint not null references ctl.release,
  from_edition bigint not null references ctl.edition,
  to_edition bigint not null default 9223372036854775807,
  primary key (as_of_date, from_edition),
  check (from_edition < to_edition)
);
create unique index pointer_current on ctl.pointer (as_of_date) where to_edition = 9223372036854775807;
create index pointer_release on ctl.pointer (release_id);
comment on table ctl.pointer is 'Which release of a date readers see, from which edition to which.';

create table ctl.head (
  only_row boolean primary key default true check (only_row),
  edition bigint not null,
  oldest_edition bigint not null,
  ledger_seq bigint not null,
  ledger_hash text not null
);
insert into ctl.head values (true, 0, 0, 0, repeat('0', 64));
comment on table ctl.head is 'The current edition and the end of the ledger; its row lock serialises publishing.';

create table ctl.ledger (
  ledger_seq bigint primary key,
  previous_hash text not null,
  entry text not null,
  entry_hash text not null unique,
  created_at timestamptz not null default clock_timestamp()
);
comment on table ctl.ledger is
  'Append-only: each entry (canonical JSON text) carries the SHA-256 of the one before it.';

create table ctl.ledger_signature (
  ledger_seq bigint not null references ctl.ledger,
  entry_hash text not null,
  key_id text not null,
  signature text not null,
  signed_at timestamptz not null default clock_timestamp(),
  primary key (ledger_seq, key_id)
);
comment on table ctl.ledger_signature is
  'Ed25519 signatures of heads of the ledger, by a key that the warehouse does not hold.';

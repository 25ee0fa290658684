-- Schemas and who may look into them. Runs as the migration role (not a superuser).
revoke all on schema public from public;
create schema if not exists landing authorization rapport_owner;
create schema if not exists quarantine authorization rapport_owner;
create schema if not exists store authorization rapport_owner;
create schema if not exists mart authorization rapport_owner;

set role rapport_owner;
-- Nothing made from here on is open to everybody; each grant below is one somebody needs.
alter default privileges for role rapport_owner revoke execute on functions from public;
alter default privileges for role rapport_owner revoke all on types from public;
grant usage on schema ctl to rapport_loader, rapport_transformer, rapport_validator,
  rapport_publisher, rapport_approver, auditor;
grant usage on schema landing to rapport_loader, rapport_transformer, rapport_validator;
grant usage on schema quarantine to rapport_loader, auditor;
grant usage on schema store to rapport_transformer, rapport_validator, auditor;
grant usage on schema mart to bi_reader, auditor;
reset role;
-- What the transformer builds, the owner seals and copies, and the validator reads.
set role rapport_transformer;
alter default privileges for role rapport_transformer
  grant select on tables to rapport_validator, auditor;
reset role;
-- Alembic made its table before the owner's role was taken.
alter table ctl.alembic_version owner to rapport_owner;

-- Each role may do its own step of the pipeline and nothing else.
revoke execute on all functions in schema ctl from public;

grant select on all tables in schema ctl
  to rapport_loader, rapport_transformer, rapport_validator, rapport_publisher, rapport_approver,
  auditor;
grant execute on function
  ctl.open_batch(text, text, text, text), ctl.assert_lease(text, bigint),
  ctl.set_snapshot(bigint, bigint, jsonb), ctl.record_table(bigint, bigint, text, jsonb),
  ctl.record_file(bigint, bigint, text, text, text, bigint, bigint),
  ctl.complete_batch(bigint, bigint),
  ctl.record_watermark(bigint, bigint, text, timestamptz, boolean, boolean, text),
  ctl.use_approval(bigint, bigint, text, text, text), ctl.record_drift(bigint, bigint, jsonb),
  ctl.record_source_schema(bigint, bigint, text, jsonb),
  ctl.record_alert(bigint, bigint, text, text),
  ctl.add_landing_column(bigint, bigint, text, text, text),
  ctl.settle_quarantine(bigint, bigint, text, text, bigint []),
  ctl.reset_watermark(text, text, text, text)
to rapport_loader;
-- Not the loader: who reads a source does not release its guards.
grant execute on function ctl.approve(text, text, text, text, text, timestamptz)
to rapport_publisher;
grant execute on function
  ctl.record_validation(jsonb), ctl.accept_batch(bigint), ctl.reject_batch(bigint, text)
to rapport_validator;
grant execute on function
  ctl.open_release(date, text, text, timestamptz, jsonb), ctl.freeze_inputs(bigint, text []),
  ctl.prepare_build(bigint, text), ctl.seal_staging(bigint), ctl.seal_release(bigint),
  ctl.fail_release(bigint, text, text), ctl.slot_of(bigint),
  ctl.open_reproduction(bigint, text, text), ctl.conclude_reproduction(bigint)
to rapport_transformer;
grant execute on function
  ctl.stage(bigint), ctl.publish(bigint, text, bigint),
  ctl.rollback(bigint, text, text, bigint),
  ctl.prune(integer), ctl.record_signature(bigint, text, text, text)
to rapport_publisher;
grant execute on function
  ctl.add_override(text, text, text, bigint, bigint, text, text, timestamptz),
  ctl.revoke_override(bigint, text, text)
to rapport_approver;
grant execute on function ctl.slot_of(bigint) to rapport_validator, auditor;
grant execute on function ctl.trace_batches(bigint, text, text, text [], text []) to auditor;
grant execute on function ctl.session_edition()
to bi_reader, auditor, rapport_transformer, rapport_validator, rapport_publisher, rapport_loader,
  rapport_approver;
grant execute on function ctl.restated_cells(text, bigint, bigint) to bi_reader, auditor;
grant select on mart.freshness, mart.waivers, mart.restatements to bi_reader, auditor;

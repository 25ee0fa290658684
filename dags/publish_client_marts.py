"""
# Publish the client marts / 发布客户集市

Reads the enabled sources, gates what came in, builds the marts of **one date** from frozen inputs,
gates them again, and lets readers see all marts together, or none of them.
一次运行只对应一个基准日:全部关卡通过才一起发布,否则读者继续看到上一版本。

`open_release` → `extract` (one per source) → `validate_landing` → `approve_batches` →
`freeze_inputs` → `build_staging` → `validate_staging` → `build_marts` →
`seal_and_validate_marts` → `approve_release` → `publish` → `report`

## When it runs
Early on the first of each month, for the month that has just ended: the as-of date is the last day
of the data interval. One run at a time. Earlier months, one run each, in ascending order:

    airflow backfill create --dag-id publish_client_marts \\
      --from-date 2026-01-01 --to-date 2026-06-30 --max-active-runs 1

(on the local services: `rapport local airflow backfill create …`; one at a time, because a month
compares itself with the release of the month before). A backfill reads the sources as
they are *now*; it does not bring back what they held then.
Trigger by hand with `as_of_date` for any other date, with `sources: []` to build from what was
landed before, with `known_at` to build from what was known at an instant.

## When it fails
Readers keep the last release. The log of the failed task names table, rule, count and keys; the
page that `report` writes (it runs after a failure, too) shows all gates. The owner is told by
webhook or mail, if configured. A gate, a refusal and wrong settings fail at once; a server that
is away is tried again. After mending the cause, **clear `open_release` with everything
downstream**, or trigger anew: batches this run landed and had accepted are not read twice.
With `approve_overrides` a failed check waits for a person (Required Actions, eight hours); an
approval is recorded as an override and shown in `mart.waivers`. Without it the two approval tasks
do nothing; `rapport override add` records one for the next run.
After a change of code, models or expectations: `rapport deploy`, then trigger anew.

## What it guards against
Two runs at once, a task run twice, a worker that dies, a source that is down or late, a task
marked successful by hand (`publish` asks the database, which asks for evidence), readers seeing
half a release.

## What it does not guard against
- Figures that are wrong at the source and pass every expectation.
- A date before the first landed batch: history begins with the first run, unless the source
  keeps it.
- `publish` marked successful by hand: green here, but nothing is published and nobody is told.
- A later run of an **earlier** date: the dates after it are not made again by themselves;
  `mart.freshness` flags them (`needs_restatement`).
- Loss of the warehouse: backups are the business of whoever runs PostgreSQL.
- Green with a red `report`: the release is published, only its page is missing
  (`rapport report RELEASE` writes it).
"""

from airflow.sdk import dag

from rapport.orchestration import approval, callbacks, defaults, tasks


@dag(
    dag_display_name="publish_client_marts / 发布客户集市",
    description="Gate, build and publish the client marts of one date.",
    doc_md=__doc__,
    schedule=defaults.month_ends(),
    start_date=defaults.schedule_start(),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=defaults.RUN_TIMEOUT,
    default_args=defaults.DEFAULT_ARGS,
    on_failure_callback=callbacks.notify_of_timeout,
    params=defaults.run_params(),
    tags=[*defaults.TAGS, "marts"],
)
def publish_client_marts() -> None:
    opened = tasks.open_release()
    published = tasks.publish()
    (
        tasks.extract.expand(source=opened)
        >> tasks.validate_landing()
        >> approval.OverrideApproval(task_id="approve_batches")
        >> tasks.freeze_inputs()
        >> tasks.build_staging()
        >> tasks.validate_staging()
        >> tasks.build_marts()
        >> tasks.seal_and_validate_marts()
        >> approval.OverrideApproval(task_id="approve_release")
        >> published
        # As a teardown it runs whatever happened before, and cannot turn a failed run green.
        >> tasks.report().as_teardown(setups=opened)
    )


publish_client_marts()

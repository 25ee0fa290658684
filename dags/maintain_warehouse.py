"""
# Maintain the warehouse / 仓库维护

Every night: `abandon_releases` ends releases that stand unfinished for `abandon_after_hours` and
whose run is over, so that their build slot is free again. `prune_releases` keeps the newest
releases of each date (RAPPORT_KEEP_RELEASES, default 5), never removing the one that readers see
nor one that a kept release read.
每晚清理超出保留数量的版本,并释放已中断运行所占用的构建槽。

Both may run twice, or at the same time as a publication.

## What it does not do
- **Airflow's own metadata** (old runs, task instances, logs of events) is not cleaned here: a task
  of Airflow 3 has no access to the metadata database, and handing it the address would undo that
  protection. On the scheduler's host, by cron or a timer (a pod of its own on Kubernetes):

      airflow db clean --clean-before-timestamp "$(date -d '-90 days' +%F)" --skip-archive --yes

- Landed history, evidence and ledger are kept for good: published figures are rebuilt from them.
- Runs of the command line (`cli:` keys) leave no trace in Airflow: they count as over after the
  same number of hours.
- Log files of tasks: use `logrotate` or remote logging.
"""

from airflow.sdk import Param, dag

from rapport.orchestration import defaults, maintenance


@dag(
    dag_display_name="maintain_warehouse / 仓库维护",
    description="Retention of releases, and build slots of runs that died.",
    doc_md=__doc__,
    schedule="30 2 * * *",
    start_date=defaults.schedule_start(),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=defaults.RUN_TIMEOUT,
    default_args=defaults.DEFAULT_ARGS,
    params={"abandon_after_hours": Param(24, type="integer", minimum=13, maximum=720)},
    tags=[*defaults.TAGS, "maintenance"],
)
def maintain_warehouse() -> None:
    maintenance.abandon_releases() >> maintenance.prune_releases()


maintain_warehouse()

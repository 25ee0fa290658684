"""The warehouse of the first release: control tables, landing, releases, publishing, grants."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

SQL = Path(__file__).parents[1] / "sql"
AS_OWNER = (
    "control_tables.sql",
    "extraction_tables.sql",
    "landing_functions.sql",
    "extraction_functions.sql",
    "release_functions.sql",
    "ledger.sql",
    "reconciliation.sql",
    "publish_functions.sql",
    "overrides.sql",
    "restatements.sql",
    "reproduction.sql",
    "erasure.sql",
    "grants.sql",
)


def _run(script: str) -> None:
    # Straight to the driver: the scripts hold colons and percent signs that are not parameters.
    if op.get_context().as_sql:
        op.execute(script)
    else:
        op.get_bind().connection.cursor().execute(script)


def upgrade() -> None:
    _run((SQL / "schemas.sql").read_text("utf-8"))
    _run("set role rapport_owner;")
    for name in AS_OWNER:
        _run((SQL / name).read_text("utf-8"))
    _run("reset role;")

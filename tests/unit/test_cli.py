"""The command line itself; what the commands do is tested with what they call."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from rapport import cli
from rapport.errors import RapportError

runner = CliRunner()


def test_asking_for_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; import rapport.cli; "
        "heavy = {'airflow', 'dbt', 'great_expectations', 'pandas', 'sqlalchemy', 'psycopg'}; "
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command",
    [
        "run", "extract", "simulate", "releases", "rollback", "diff", "restatements", "report",
        "dsn", "psql", "reproduce", "trace", "ledger keygen", "ledger export", "verify",
        "override add", "override list", "override revoke",
        "status", "doctor", "deploy", "warehouse upgrade", "warehouse sql",
        "warehouse erase", "warehouse roles", "local database",
        "local start", "local stop", "local run",
    ],
)  # fmt: skip
def test_every_command_explains_itself(command: str) -> None:
    answer = runner.invoke(cli.app, [*command.split(), "--help"])
    assert answer.exit_code == 0
    assert "Usage:" in answer.output


def test_a_failure_is_told_in_words_and_with_the_next_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RapportError("Table [loans] is gone.", next_step="Bring it back.")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capsys.readouterr()
    assert ended.value.code == 1
    assert shown.out == ""
    assert "Table [loans] is gone." in shown.err
    assert "Bring it back." in shown.err
    assert "Traceback" not in shown.err


def test_an_unknown_role_is_answered_with_the_known_ones() -> None:
    answer = runner.invoke(cli.app, ["dsn", "nobody"])
    assert isinstance(answer.exception, RapportError)
    assert "bi_reader" in str(answer.exception)

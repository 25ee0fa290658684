"""A run that fails by the command line ends its release and tells its owner, without keys."""

from __future__ import annotations

from datetime import date

import pytest

from rapport.notifications import Event
from rapport.pipeline import ending, runner, steps
from rapport.publishing.releases import PublishRefused
from rapport.settings import Settings

AS_OF = date(2026, 10, 31)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    events: list[Event] = []
    monkeypatch.setattr("rapport.notifications.notify", lambda _, event: events.append(event))
    monkeypatch.setattr(ending, "fail_release", lambda *values: None)
    monkeypatch.setattr(ending, "find_release", lambda *values: None)
    monkeypatch.setattr(runner, "find_release", lambda *values: None)
    return events


def test_the_owner_hears_of_a_run_that_could_not_even_begin(
    told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*values: object) -> int:
        raise ValueError("client C000123 is broken")

    monkeypatch.setattr(steps, "open_release", broken)
    with pytest.raises(ValueError, match="C000123"):
        runner.run(Settings(), AS_OF)
    (event,) = told
    assert (event.status, event.as_of_date) == ("failed", AS_OF)
    assert event.reasons == ("open_release: ValueError; see the log of the task / 见任务日志",)


def test_what_was_refused_is_told_with_the_reasons_of_the_database() -> None:
    assert ending.told_reasons(PublishRefused(7, ["no evidence"]), "publish") == ("no evidence",)

"""The one place that speaks to Great Expectations.

The library costs seconds to import, so that happens inside the functions. One context serves a
process, with one data source per worker: an execution engine knows one *active* batch, and two
threads sharing it could judge each other's rows.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rapport.quality.model import Expectation, Suite
from rapport.quality.targets import Scope, Target
from rapport.warehouse.dsn import SESSION_OPTIONS, sqlalchemy_url

if TYPE_CHECKING:
    from great_expectations.datasource.fluent import PostgresDatasource


@dataclass(frozen=True)
class Verdict:
    """What the library says of one expectation: passed or not, its figures, or why it raised."""

    is_passed: bool
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


class Engine:
    """Runs suites on one warehouse, from up to ``workers`` threads at once."""

    def __init__(self, dsn: str, *, workers: int = 1) -> None:
        context = _context()
        options = " ".join(
            f"-c {k}={v.replace(' ', chr(92) + ' ')}" for k, v in SESSION_OPTIONS.items()
        )
        self._sources: queue.Queue[PostgresDatasource] = queue.Queue()
        for number in range(workers):
            source = context.data_sources.add_postgres(
                f"warehouse_{number}",
                connection_string=sqlalchemy_url(dsn),
                kwargs={
                    "pool_size": 1,
                    "connect_args": {"options": options, "application_name": "rapport validate"},
                },
            )
            self._sources.put(source)

    def run(self, suite: Suite, target: Target, scope: Scope) -> list[Verdict]:
        """One verdict per expectation, in the order of the suite.

        An expectation that cannot be run, for whatever reason, is a failed one: its verdict
        carries the message. Nothing is raised.
        """
        try:
            with self._source() as source:
                return _verdicts(source, suite, target, scope)
        except Exception as error:
            return [Verdict(False, error=_message(error))] * suite.expectation_count

    def close(self) -> None:
        """Give the connections back."""
        while not self._sources.empty():
            self._sources.get_nowait().get_execution_engine().engine.dispose()

    @contextmanager
    def _source(self) -> Iterator[PostgresDatasource]:
        source = self._sources.get()
        try:
            yield source
        finally:
            self._sources.put(source)


def domain_object(expectation: Expectation, kwargs: Mapping[str, Any], position: int) -> Any:
    """The library's own object of an expectation; raises what the library raises."""
    from great_expectations.expectations.expectation_configuration import (
        ExpectationConfiguration,
    )

    return ExpectationConfiguration(
        type=expectation.type,
        kwargs=dict(kwargs),
        severity=expectation.severity,
        meta={"position": position},
    ).to_domain_obj()


def _context() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _verdicts(
    source: PostgresDatasource, suite: Suite, target: Target, scope: Scope
) -> list[Verdict]:
    from great_expectations import ExpectationSuite

    verdicts: list[Verdict] = [Verdict(False, error="was not run")] * suite.expectation_count
    objects = []
    for position, expectation in enumerate(suite.expectations):
        try:
            kwargs = _kwargs(expectation, suite, target, scope)
            objects.append(domain_object(expectation, kwargs, position))
        except Exception as error:
            verdicts[position] = Verdict(False, error=_message(error))
    asset = source.add_table_asset(
        f"{target.name} {suite.suite}", table_name=target.table, schema_name=target.schema
    )
    batch = asset.add_batch_definition_whole_table("all").get_batch()
    # With no partial list the library counts in one scan for all rules; it does not read rows.
    result = batch.validate(
        ExpectationSuite(name=f"{suite.stage}/{suite.suite}/{suite.object}", expectations=objects),
        result_format={
            "result_format": "BASIC",
            "partial_unexpected_count": 0,
            "return_unexpected_index_query": True,
            "unexpected_index_column_names": list(suite.key),
        },
    )
    for item in result.results:
        verdicts[item.expectation_config.meta["position"]] = _verdict(item)
    source.delete_asset(asset.name)
    return verdicts


def _kwargs(expectation: Expectation, suite: Suite, target: Target, scope: Scope) -> dict[str, Any]:
    kwargs = dict(expectation.kwargs)
    if expectation.is_sql:
        query = scope.expand(kwargs["unexpected_rows_query"], suite)
        rows = f"(select * from {{batch}} where {target.predicate})"
        body = rows.join(_literal(part) for part in query.split("{batch}"))
        # One row at most comes back: the library also fetches what a query finds.
        kwargs["unexpected_rows_query"] = (
            f"select count(*) as failing_rows from ({body}) as failing having count(*) > 0"
        )
    elif target.conditions:
        kwargs["row_condition"] = _condition(list(target.conditions.items()))
    return kwargs


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _condition(pairs: Sequence[tuple[str, int | bool]]) -> Any:
    from great_expectations.expectations.row_conditions import Column

    first, *rest = (Column(column) == value for column, value in pairs)
    for condition in rest:
        first = first & condition
    return first


def _verdict(item: Any) -> Verdict:
    info = item.exception_info or {}
    raised = [info] if "raised_exception" in info else list(info.values())
    messages = [r["exception_message"] for r in raised if r.get("raised_exception")]
    if messages:
        return Verdict(False, error=str(messages[0]).splitlines()[0][:500])
    return Verdict(bool(item.success), item.result or {})


def _message(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return f"{type(error).__name__}: {' '.join(text.split())}"[:500]

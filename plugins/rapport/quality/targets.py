"""Where the rows of an object are, and what placeholders of a suite stand for in this run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from rapport.errors import RapportError
from rapport.quality.model import Suite
from rapport.sources.canonical import entities

_PLACEHOLDER = re.compile(r"\$\{([a-z_]+)(?::([a-z_]+))?\}")


@dataclass(frozen=True)
class Target:
    """One table and the condition that picks the rows under judgement.

    ``conditions`` are equalities: exactly the rows of one batch or one release, or the whole
    table of a slot that belongs to one release anyway.
    """

    schema: str
    table: str
    conditions: Mapping[str, int | bool] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def predicate(self) -> str:
        parts = [f"{column} = {str(value).lower()}" for column, value in self.conditions.items()]
        return " and ".join(parts) or "true"

    def relation(self) -> str:
        """The rows as a table expression that still wants an alias."""
        return f"(select * from {quoted(self.schema, self.table)} where {self.predicate})"


@dataclass(frozen=True)
class Scope:
    """The one batch or the one release that a run of suites judges."""

    batch_seq: int | None = None
    release_id: int | None = None
    source: str | None = None
    slot: str | None = None
    as_of: str | None = None

    def target(self, suite: Suite) -> Target:
        if suite.stage == "landing" and self.batch_seq is not None:
            if suite.object == self.source:
                return Target("ctl", "batch_table", {"batch_seq": self.batch_seq})
            return Target(
                "landing", suite.object, {"_from_batch": self.batch_seq, "_is_deleted": False}
            )
        if suite.object == "release_input" and self.release_id is not None:
            return Target("ctl", "release_input", {"release_id": self.release_id})
        if self.slot is None:
            raise RapportError(f"Suite {suite.stage}/{suite.suite} needs the schema of a release.")
        return Target(self.slot, suite.object)

    def expand(self, text: str, suite: Suite) -> str:
        """Replace ``${slot}``, ``${as_of}``, ``${landed:<entity>}`` … by what they stand for."""

        def value(match: re.Match[str]) -> str:
            name, argument = match.group(1), match.group(2)
            entity = argument or suite.object.removeprefix("stg_canonical__")
            if name in ("landed", "totals", "landed_sources") and entity in entities():
                return str(getattr(self, f"_{name}")(entity, suite))
            known = {
                "slot": self.slot and quoted(self.slot),
                "as_of": self.as_of and f"date '{self.as_of}'",
                "release_id": self.release_id,
                "batch_seq": self.batch_seq,
                "source": self.source and f"'{self.source}'",
            }
            if known.get(name) is None:
                raise RapportError(
                    f"{suite.stage}/{suite.suite}, {suite.object}: "
                    f"{match.group(0)} means nothing at this stage."
                )
            return str(known[name])

        return _PLACEHOLDER.sub(value, text)

    def _landed_sources(self, entity: str, suite: Suite) -> str:
        return ", ".join(f"'{s}'" for s in suite.landed.get(entity, ())) or "''"

    def _totals(self, entity: str, suite: Suite) -> str:
        """Row count and the sum of every numeric column: what no layer may change."""
        sums = [
            f"sum({quoted(c.name)}) as {quoted(c.name)}"
            for c in entities()[entity].columns
            if c.type.startswith("numeric")
        ]
        return ", ".join(["count(*) as row_count", *sums])

    def _landed(self, entity: str, suite: Suite) -> str:
        """What the frozen inputs of the release hold of an entity, straight from landing."""
        columns = [c.name for c in entities()[entity].columns]
        listed = ", ".join(f"t.{quoted(c)}" for c in columns)
        parts = [
            f"select '{source}'::text as source, {listed} "
            f"from landing.{quoted(f'{source}__{entity}')} as t "
            f"join ctl.release_input as i on i.release_id = {self.release_id} "
            f"and i.source = '{source}' and t._from_batch <= i.batch_seq "
            "and t._to_batch > i.batch_seq and not t._is_deleted"
            for source in suite.landed.get(entity, ())
        ]
        if not parts:
            nothing = ", ".join(
                f"null::{c.type} as {quoted(c.name)}" for c in entities()[entity].columns
            )
            return f"(select ''::text as source, {nothing} limit 0)"
        return "(" + " union all ".join(parts) + ")"


def batch_scope(connection: psycopg.Connection, batch_seq: int) -> Scope:
    """Scope of a batch that is completely landed.

    Raises:
        RapportError: when there is no such batch, or it is not complete.
    """
    row = connection.execute(
        "select source, status from ctl.batch where batch_seq = %s", [batch_seq]
    ).fetchone()
    if row is None or row[1] not in ("complete", "accepted"):
        raise RapportError(
            f"Batch {batch_seq} {'does not exist' if row is None else f'is {row[1]}'}; "
            "only a complete one can be validated.",
            next_step="Land it again: `rapport run --as-of D --extract SOURCE`.",
        )
    return Scope(batch_seq=batch_seq, source=row[0])


def release_scope(connection: psycopg.Connection, release_id: int, slot: str) -> Scope:
    """Scope of a release that is being built in ``slot``.

    Raises:
        RapportError: when there is no such release.
    """
    row = connection.execute(
        "select as_of_date::text from ctl.release where release_id = %s", [release_id]
    ).fetchone()
    if row is None:
        raise RapportError(f"Release {release_id} does not exist.")
    return Scope(release_id=release_id, slot=slot, as_of=row[0])


def quoted(*names: str) -> str:
    """Identifier as SQL text, quoted only where it must be."""
    return ".".join(
        n if re.fullmatch(r"[a-z_][a-z0-9_]*", n) else sql.Identifier(n).as_string(None)
        for n in names
    )

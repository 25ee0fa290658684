"""What a build of the dbt project came to, for tests to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from rapport.transform.artefacts import NodeResult

SCHEMA = "built"


@dataclass(frozen=True)
class Built:
    """The outcome of the build: a result per node, the manifest, and where the tables are."""

    results: list[NodeResult]
    manifest: dict[str, Any]
    connect: Callable[[], psycopg.Connection]

    def named(self, resource_type: str) -> dict[str, NodeResult]:
        return {r.name: r for r in self.results if r.resource_type == resource_type}

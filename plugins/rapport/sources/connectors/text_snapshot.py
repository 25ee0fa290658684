"""A source that hands over text, as a snapshot the landing layer can copy from."""

from __future__ import annotations

from typing import Any

import psycopg

from rapport.settings import Settings
from rapport.sources.connectors import Delivers, Delivery, Target
from rapport.sources.connectors.text_batches import TextSource
from rapport.sources.connectors.text_copy import TextCopy
from rapport.sources.pseudonyms import load_pseudonymiser
from rapport.sources.table_contract import TableContract


class TextSnapshot:
    """Wraps what a connector offers; typing, pseudonyms and places are the same for all."""

    delivers: Delivers = "text"

    def __init__(self, source: TextSource, settings: Settings) -> None:
        self._source = source
        self._pseudonymiser = load_pseudonymiser(settings)
        self._zone = settings.business_time_zone

    @property
    def evidence(self) -> dict[str, Any]:
        return self._source.evidence

    def copy(self, table: TableContract, warehouse: psycopg.Connection, target: Target) -> Delivery:
        copying = TextCopy(table, warehouse, target, self._pseudonymiser, self._zone)
        return copying.copy(self._source.parts(table))
